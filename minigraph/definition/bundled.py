"""The definitions that come with minigraph, and the file that a path or a bundled name means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from minigraph.errors import DataError, DefinitionError
from minigraph.files.opening import kind_at
from minigraph.wording import did_you_mean


def bundled() -> Mapping[str, Path]:
    """The definitions that come with minigraph, by name."""
    package = Path(__file__).parent.parent
    # In a checkout the folder stands beside the package, in an installed wheel inside it.
    folder = next((place for place in (package / "models", package.parent / "models") if place.is_dir()), package)
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def find(path: str | Path) -> Path:
    """The file that a path or a bundled definition's bare name means.

    Raises:
        DefinitionError: there is no such file and no such name.
    """
    file = Path(path)
    try:
        kind = kind_at(file)
    except DataError as error:
        raise DefinitionError(str(error)) from None
    if kind == "a file":
        return file
    known = bundled()
    if str(path) in known:
        return known[str(path)]
    if kind is not None:
        raise DefinitionError(f"{path}: found {kind}; expected a definition file")
    near = did_you_mean(str(path), known)
    bare = f", or one of the bundled {', '.join(known)}{near}" if file.suffix == "" else ""
    raise DefinitionError(f"{path}: no such file; expected a .toml or .json definition{bare}")
