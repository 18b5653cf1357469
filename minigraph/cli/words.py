"""What stands in a word of the command line: assignments, values with commas, ranges of seeds."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minigraph.errors import DefinitionError
from minigraph.wording import KeyPath

if TYPE_CHECKING:
    from minigraph.definition import Override
    from minigraph.runs.sweep import Axis


def parse_assignment(text: str) -> Override:
    """``KEY=VALUE`` of the option ``--set`` as an override: a dotted key and a TOML value, or a bare word.

    Raises:
        DefinitionError: there is no ``=``, or the key is no dotted key.
    """
    option = f"--set {text}"
    key, equals, value = text.partition("=")
    try:
        table = tomllib.loads(f"{key} = 0") if equals else {}
    except tomllib.TOMLDecodeError:
        table = {}
    if not table:
        raise DefinitionError(f"{option}: found no assignment; expected KEY=VALUE, such as train.steps=500")
    path: list[str] = []
    while isinstance(table, dict):
        ((name, table),) = table.items()
        path.append(name)
    try:
        return option, tuple(path), tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, ValueError):
        return option, tuple(path), tomllib.loads(f"value = {json.dumps(value)}")["value"]


def parse_assignments(texts: Sequence[str] | None) -> list[Override]:
    """What all options ``--set`` give, in their order."""
    return [parse_assignment(text) for text in texts or ()]


def parse_seeds(text: str) -> list[int]:
    """``0..19`` (both ends belong to it), ``3,5,8`` or ``0..4,10`` as numbers.

    Raises:
        DefinitionError: it is none of these, a range is empty, or a seed is given twice.
    """
    from minigraph.runs.sweep import MOST_RUNS

    wrong = f"--seeds {text}: found"
    wanted = "expected numbers or ranges with commas, such as 0..19 or 3,5,8"
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", part.strip())
        if not match:
            raise DefinitionError(f"{wrong} '{part.strip()}'; {wanted}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise DefinitionError(f"{wrong} a range from {first} down to {last}; expected the lower end first")
        if last - first >= MOST_RUNS:
            raise DefinitionError(f"{wrong} {last - first + 1} seeds; expected at most {MOST_RUNS}")
        seeds += range(first, last + 1)
    twice = next((seed for place, seed in enumerate(seeds) if place and seed in set(seeds[:place])), None)
    if twice is not None:
        raise DefinitionError(f"{wrong} {twice} twice; expected each seed once")
    return seeds


def parse_axes(given: Sequence[str]) -> list[Axis]:
    """Texts ``KEY=V1,V2``, each of a key of its own, as the axes of a sweep.

    Raises:
        DefinitionError: a text is none of these, or two are of one key.
    """
    from minigraph.runs.sweep import Axis

    axes: list[Axis] = []
    paths: list[KeyPath] = []
    for text in given:
        key, values = parse_values(text)
        overrides = {value: parse_assignment(f"{key}={value}") for value in values}
        axes.append(Axis(key.strip(), overrides))
        paths.append(overrides[values[0]][1])
    for place, path in enumerate(paths):
        if path in paths[:place]:
            raise DefinitionError(
                f"--set {given[place]}: found the key a second time; expected all its values in one --set"
            )
        if path == ("train", "seed"):
            raise DefinitionError(f"--set {given[place]}: found seeds; expected them in --seeds")
    return axes


def parse_values(text: str) -> tuple[str, list[str]]:
    """``KEY=V1,V2`` as KEY and its values: commas within brackets, braces and quotes belong to a value.

    Raises:
        DefinitionError: there is no ``=``, a value is missing, or one is given twice.
    """
    key, equals, listed = text.partition("=")
    if not equals:
        raise DefinitionError(
            f"--set {text}: found no assignment; expected KEY=VALUE,VALUE such as train.steps=500,1000"
        )
    values = _split(listed)
    if "" in values:
        raise DefinitionError(f"--set {text}: found an empty value; expected one before, between and after commas")
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise DefinitionError(f"--set {text}: found {twice} twice; expected each value once")
    return key, values


def _split(given: str) -> list[str]:
    """The values between commas. A part is a value if it is one in TOML, or has no open bracket or quote."""
    values: list[str] = []
    part = ""
    for piece in given.split(","):
        part = f"{part},{piece}" if part else piece
        if _is_toml(part) or not re.search(r"[\[\]{}\"']", part):
            values.append(part.strip())
            part = ""
    return [*values, part.strip()] if part else values


def _is_toml(value: str) -> bool:
    try:
        tomllib.loads(f"value = {value}")
    except (tomllib.TOMLDecodeError, ValueError):
        return False
    return True
