"""Imports go one way, from the command line down to the errors, and the public names are one list."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

import minigraph
from tests.helpers import ROOT

PACKAGE = ROOT / "minigraph"

LAYERS = [
    ["wording"],
    ["errors"],
    ["arrays", "declared", "randomness"],
    ["explaining"],
    ["solvers"],
    ["steps", "files"],
    ["executors"],
    ["convolution"],
    ["ops"],
    ["recipe"],
    ["graph", "testing"],
    ["model", "definition"],
    ["data"],
    ["recovery"],
    ["training"],
    ["inside"],
    ["views"],
    ["runs"],
    ["cli"],
    ["__main__"],
]
"""Modules and subpackages from the ground up: each imports only what stands below it, or itself."""

UPWARD = {("graph", "definition")}
"""What is imported upwards, inside a function: Graph.save and Graph.load use the definition's reader and writer."""


@dataclass(frozen=True)
class Import:
    """One import of a module of the package by another; names are dotted, without the package's own."""

    importer: str
    imported: str
    line: int
    lazy: bool


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name; the package itself is ''."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> list[Import]:
    """Every import at run time between a package's modules; those under TYPE_CHECKING are none."""
    known = modules(package)

    def named(module: str, names: list[str]) -> Iterator[str]:
        top, _, module = module.partition(".")
        if top == package.name:
            for name in names:
                inner = f"{module}.{name}" if module else name
                yield inner if inner in known else module

    def walk(importer: str, node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{importer}: line {child.lineno}: imports are absolute here"
                for name in named(child.module or "", [alias.name for alias in child.names]):
                    yield Import(importer, name, child.lineno, lazy)
            elif isinstance(child, ast.Import):
                for alias in child.names:
                    for name in named(alias.name, [""]):
                        yield Import(importer, name.rstrip("."), child.lineno, lazy)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(importer, child, lazy or inside)

    return [
        found
        for name, path in known.items()
        for found in walk(name, ast.parse(path.read_text(encoding="utf-8")), lazy=False)
    ]


def unit(module: str) -> str:
    """The module or subpackage directly in the package that a module belongs to."""
    return module.split(".")[0]


def against_the_layers(found: list[Import], layers: list[list[str]]) -> list[str]:
    """Every import that does not go down, as a text."""
    height = {name: index for index, layer in enumerate(layers) for name in layer}
    faults = []
    for one in found:
        above, below = unit(one.importer), unit(one.imported)
        if below in ("", above) or (one.lazy and (above, below) in UPWARD):
            continue
        if height[below] >= height[above]:
            faults.append(f"{one.importer}, line {one.line}: imports {one.imported}, which is not below it")
    return faults


def cycle(found: list[Import]) -> list[str]:
    """The modules of one circle of imports that run when a module is imported, or nothing."""
    digraph: nx.DiGraph[str] = nx.DiGraph()
    digraph.add_edges_from((one.importer, one.imported) for one in found if not one.lazy)
    try:
        return [edge[0] for edge in nx.find_cycle(digraph)]
    except nx.NetworkXNoCycle:
        return []


def test_every_module_has_its_layer() -> None:
    placed = [name for layer in LAYERS for name in layer]
    assert len(placed) == len(set(placed))
    found = {unit(module) for module in modules(PACKAGE)} - {""}
    assert not found - set(placed), f"in no layer: {found - set(placed)}; add them to LAYERS here"
    assert not set(placed) - found, f"no such module: {set(placed) - found}; take them out of LAYERS here"


def test_imports_go_down_only() -> None:
    assert against_the_layers(imports(PACKAGE), LAYERS) == []


def test_imports_go_round_nowhere() -> None:
    assert cycle(imports(PACKAGE)) == []


def test_the_one_way_up_is_still_needed() -> None:
    lazy = {(unit(one.importer), unit(one.imported)) for one in imports(PACKAGE) if one.lazy}
    assert lazy >= UPWARD


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package of three layers whose imports are in order."""
    package = tmp_path / "toy"
    (package / "top").mkdir(parents=True)
    for file, text in {
        "__init__.py": "",
        "ground.py": "from __future__ import annotations\nimport os\n",
        "middle.py": "from toy.ground import thing\n",
        "top/__init__.py": "from toy.top.inner import other\n",
        "top/inner.py": "import toy.ground\nfrom toy import middle\n",
    }.items():
        (package / file).write_text(text)
    return package


TOY_LAYERS = [["ground"], ["middle"], ["top"]]


def test_the_check_finds_every_import(toy: Path) -> None:
    assert {(one.importer, one.imported) for one in imports(toy)} == {
        ("middle", "ground"),
        ("top", "top.inner"),
        ("top.inner", "ground"),
        ("top.inner", "middle"),
    }
    assert against_the_layers(imports(toy), TOY_LAYERS) == []
    assert cycle(imports(toy)) == []


@pytest.mark.parametrize(
    "line", ["import toy.top.inner", "from toy.top import inner", "def lazily():\n    from toy.top.inner import x"]
)
def test_the_check_catches_an_import_that_goes_up(toy: Path, line: str) -> None:
    (toy / "middle.py").write_text(f"\n\n{line}\n")
    (fault,) = against_the_layers(imports(toy), TOY_LAYERS)
    assert fault.startswith("middle, line ")
    assert fault.endswith(": imports top.inner, which is not below it")


def test_the_check_catches_a_circle_and_lets_types_pass(toy: Path) -> None:
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.middle import thing\n"
    (toy / "ground.py").write_text(guarded)
    assert cycle(imports(toy)) == []
    assert against_the_layers(imports(toy), TOY_LAYERS) == []
    (toy / "ground.py").write_text("from toy.middle import thing\n")
    assert sorted(cycle(imports(toy))) == ["ground", "middle"]


# Files that hand names on


def definitions(package: Path) -> list[str]:
    """What __init__ files define themselves, but for what makes the top one lazy: they are to hand names on only."""
    lazy = {("", "__getattr__"), ("", "__dir__")}
    return [
        f"{name or package.name}/__init__.py, line {node.lineno}: defines {node.name}"
        for name, path in modules(package).items()
        if path.name == "__init__.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (name, node.name) not in lazy
    ]


def test_packages_only_hand_names_on() -> None:
    assert definitions(PACKAGE) == []


def test_the_check_catches_a_package_that_defines_something(toy: Path) -> None:
    assert definitions(toy) == []
    (toy / "__init__.py").write_text("def __getattr__(name): ...\ndef __dir__(): ...\n")
    assert definitions(toy) == []
    (toy / "top" / "__init__.py").write_text("from toy.ground import thing\nif thing:\n    class Other: ...\n")
    assert definitions(toy) == ["top/__init__.py, line 3: defines Other"]
    (toy / "top" / "__init__.py").write_text("def __getattr__(name): ...\n")
    assert definitions(toy) == ["top/__init__.py, line 1: defines __getattr__"]


# The public names


def names_for_type_checkers() -> set[str]:
    """The names that minigraph/__init__.py imports under TYPE_CHECKING."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("minigraph")
        for alias in statement.names
    }


def test_the_public_names_are_those_that_type_checkers_see() -> None:
    assert set(minigraph.__all__) == names_for_type_checkers() | {"__version__"}
    assert dir(minigraph) == minigraph.__all__ == sorted(minigraph.__all__)


def test_the_help_of_the_package_has_one_line_for_each_public_name() -> None:
    listed = re.findall(r"^    (\w+) +\S", minigraph.__doc__ or "", re.MULTILINE)
    assert sorted([*listed, "__version__"]) == minigraph.__all__


@pytest.mark.parametrize("name", sorted(set(minigraph.__all__) - {"__version__", "testing", "Array", "Shape"}))
def test_every_public_name_is_what_its_file_defines(name: str) -> None:
    found = getattr(minigraph, name)
    assert (found.__name__, found.__module__.partition(".")[0]) == (name, "minigraph")
    assert getattr(sys.modules[found.__module__], name) is found


def test_testing_is_a_module_that_needs_no_import_of_its_own() -> None:
    code = "import minigraph as mg; print(mg.testing.check_op(mg.ReLU(), (2, 3)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "None"


def test_a_public_name_that_its_file_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(minigraph._HOME_OF, "Modle", "model.model")
    with pytest.raises(AttributeError, match=r"^module 'minigraph.model.model' has no attribute 'Modle'$"):
        _ = minigraph.Modle  # type: ignore[attr-defined]


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'minigraph' has no attribute 'Modle'$"):
        _ = minigraph.Modle  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_slow() -> None:
    slow = "{'numpy', 'pydantic', 'networkx', 'matplotlib'}"
    code = f"import sys, minigraph; print({slow} & set(sys.modules) or 'nothing')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "nothing"
