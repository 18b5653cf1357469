"""The definitions that come with minigraph, and the file that a path, a bundled name or a run's folder means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minigraph.errors import DataError, DefinitionError
from minigraph.files.opening import kind_at
from minigraph.wording import did_you_mean

DEFINITION = "definition.toml"
"""The definition in a run's folder."""


def bundled() -> Mapping[str, Path]:
    """The definitions that come with minigraph, by name."""
    package = Path(__file__).parent.parent
    # In a checkout the folder stands beside the package, in an installed wheel inside it.
    folder = next((place for place in (package / "models", package.parent / "models") if place.is_dir()), package)
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def run_at(path: str | Path) -> Path | None:
    """The run's folder that a path means, if it means one: it holds a definition, and is no bundled name."""
    folder = Path(path)
    if str(path) in bundled() or kind_at(folder) != "a folder" or kind_at(folder / DEFINITION) is None:
        return None
    return folder


def find(path: str | Path) -> Path:
    """The file that a path, a bundled definition's bare name, or a run's folder means.

    Raises:
        DefinitionError: there is no such file and no such name.
    """
    file = Path(path)
    try:
        kind = kind_at(file)
        run = run_at(path)
    except DataError as error:
        raise DefinitionError(str(error)) from None
    if kind == "a file":
        return file
    known = bundled()
    if str(path) in known:
        return known[str(path)]
    if run is not None:
        return run / DEFINITION
    if kind is not None:
        other = f" without {DEFINITION}; expected a run's, or" if kind == "a folder" else "; expected"
        raise DefinitionError(f"{path}: found {kind}{other} a definition file")
    near = did_you_mean(str(path), known)
    bare = f", or one of the bundled {', '.join(known)}{near}" if file.suffix == "" else ""
    raise DefinitionError(f"{path}: no such file; expected a .toml or .json definition{bare}")
