"""What a type checker, ``inspect`` and ``help`` know of the public names."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import minigraph as mg
from minigraph.declared.base import Declared
from minigraph.graph.initialization import Explicit, Normal, Scheme, Uniform
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.optimizers import OPTIMIZERS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.solvers import SOLVERS
from tests.helpers import ROOT
from tests.test_readme import blocks

OWN_CODE = '''
from typing import assert_type

import minigraph as mg


class Shift(mg.Op):
    """x and an offset, some times."""

    offset: float = mg.attribute(1.0, "is added")
    times: int = mg.required("how often")

    def output_shape(self, *inputs: mg.Shape) -> mg.Shape:
        return inputs[0]

    def forward(self, inputs: tuple[mg.Array, ...], context: mg.Context) -> mg.Array:
        return inputs[0] + self.times * self.offset

    def backward(
        self, error: mg.Array, inputs: tuple[mg.Array, ...], output: mg.Array, context: mg.Context
    ) -> mg.Errors:
        return mg.Errors((error,))


Shift(times=2)
Shift(times=2, offset=1)
mg.Conv(kernel_size=[3, 3], stride=(1, 2), padding="same")
mg.MaxPool(kernel_size=2, stride=None)
for optimizer in (mg.Adam(), mg.AdamW(betas=[0.9, 0.99]), mg.RMSprop(), mg.SGD(learning_rate=3e-5), mg.LM()):
    mg.train(mg.load("two_conv"), [[1.0]], [[1.0]], optimizer=optimizer, steps=1)
one = mg.load("two_conv", seed=0)
assert_type(one.forward([[1.0]]), mg.Array)
assert_type(mg.predict(one, [[1.0]]), mg.Array)
several: mg.Model[dict[str, mg.Array]] = mg.load("residual")
assert_type(several.forward([[1.0]]), dict[str, mg.Array])
assert_type(mg.predict(several, [[1.0]]), dict[str, mg.Array])
assert mg.gradcheck(several, [[1.0]]).ok
'''

WRONG_CODE = {
    "mg.Conv()": 'Missing named argument "kernel_size" for "Conv"  [call-arg]',
    "mg.Conv(kernel_size='3')": 'Argument "kernel_size" to "Conv" has incompatible type "str"; '
    'expected "int | Sequence[int]"  [arg-type]',
    "mg.SGD()": 'Missing named argument "learning_rate" for "SGD"  [call-arg]',
    "mg.Adam(lr=0.1)": 'Unexpected keyword argument "lr" for "Adam"  [call-arg]',
    "mg.Conv(kernel_size=3).stride = 2": 'Property "stride" defined in "Conv" is read-only  [misc]',
}


FAMILIES = (OPS, OPTIMIZERS, SCHEDULES, LOSSES, SOLVERS)
VALUES = {
    "kernel_size": "[3, 3]",
    "out_features": "3",
    "learning_rate": "0.1",
    "step_size": "2",
    "scheme": "'he_normal'",
    "values": "[1.0]",
}
"""For fields that have to be given."""


def constructors() -> Iterator[str]:
    """Each public declared class with what has to be given, with everything and, where it is an error, with none."""
    members = [kind for family in FAMILIES for _, kind in family.items()]
    kinds: list[type[Declared]] = [*members, Normal, Uniform, Scheme, Explicit]
    for kind in kinds:
        needed = {name: VALUES[name] for name, field in kind.model_fields.items() if field.is_required()}
        every = {name: repr(field.default) for name, field in kind.model_fields.items()} | needed
        yield f"from {kind.__module__} import {kind.__name__}"
        for given in (needed, every):
            yield f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in given.items())})"
        if needed:
            yield f"{kind.__name__}()  # type: ignore[call-arg]"


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ``mypy --strict``, without plugins, tells of three files, by file."""
    folder = tmp_path_factory.mktemp("typed")
    texts = {
        "readme.py": "\n".join(blocks("python")),
        "own.py": OWN_CODE,
        "constructors.py": "\n".join(constructors()),
        "wrong.py": "\n".join(["import minigraph as mg", *WRONG_CODE]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "empty.ini").write_text("[mypy]\n")
    kept: pytest.Cache | None = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    command = ["-m", "mypy", "--strict", "--config-file", folder / "empty.ini"]
    cache = ["--cache-dir", kept.mkdir("mypy") if kept else folder / "cache"]
    answer = subprocess.run(
        [sys.executable, *command, *cache, *(folder / name for name in texts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not answer.stderr
    lines = [line for line in answer.stdout.splitlines() if ": error: " in line]
    found: dict[str, list[str]] = {name: [] for name in texts}
    for line in lines:
        place, _, message = line.partition(": error: ")
        found[Path(place.partition(":")[0]).name].append(message)
    return found


def test_the_readmes_python_is_clean_for_a_strict_type_checker(told: dict[str, list[str]]) -> None:
    assert told["readme.py"] == []


def test_code_of_ones_own_is_clean_for_a_strict_type_checker(told: dict[str, list[str]]) -> None:
    assert told["own.py"] == []


def test_each_class_that_is_declared_takes_its_fields_and_misses_those_that_have_to_be_given(
    told: dict[str, list[str]],
) -> None:
    assert told["constructors.py"] == []


def test_a_type_checker_finds_what_would_be_an_error(told: dict[str, list[str]]) -> None:
    assert told["wrong.py"] == list(WRONG_CODE.values())


def test_signatures_have_the_attributes_with_their_types_and_defaults() -> None:
    for _ in range(2):  # before and after pydantic has made its own
        assert str(inspect.signature(mg.LeakyReLU)) == "(*, slope: float = 0.01)"
        assert str(inspect.signature(mg.RMSprop)) == (
            "(*, learning_rate: float = 0.01, weight_decay: float = 0.0, alpha: float = 0.99, epsilon: float = 1e-08, "
            "momentum: float = 0.0, centered: bool = False)"
        )
        mg.LeakyReLU(), mg.RMSprop()
    size = inspect.signature(mg.Conv).parameters["kernel_size"]
    assert (size.kind, size.default) == (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty)


@pytest.mark.parametrize("kind", [mg.Conv, mg.AvgPool, mg.SGD, LOSSES.find("huber")])
def test_help_has_one_line_for_each_attribute_and_nothing_of_pydantic(kind: type[mg.Op]) -> None:
    import pydoc

    page = pydoc.plain(pydoc.render_doc(kind))
    assert kind.summary in page.replace("\n |  ", "\n")
    for name, field in kind.model_fields.items():
        assert f"\n |      {name}: {field.description}\n" in page
    assert "**" not in page.replace("**2", "").partition("Method resolution order")[0]
    assert not [word for word in ("__pydantic", "model_dump", "parse_obj", "Validator") if word in page]


def test_completion_offers_fields_and_methods_and_nothing_of_pydantic() -> None:
    conv = mg.Conv(kernel_size=3)
    assert {"kernel_size", "stride", "output_shape", "forward"} <= set(dir(conv))
    for names in (dir(conv), dir(mg.Conv)):
        assert not {"copy", "dict", "json", "model_dump", "model_fields", "schema", "_abc_impl"} & set(names)
