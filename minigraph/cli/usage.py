"""What is wrong with the words of a command line, told as other mistakes are: the option, what was found, what was
expected."""

from __future__ import annotations

import re
from collections.abc import Sequence

from minigraph.wording import shorten

_VALUE = re.compile(r"Invalid value for '(-[^']+)'[^:]*: (.*)", re.DOTALL)
_EXPECTED = (
    # What Typer says by pydantic, and what it says by click.
    (
        r"Input should be greater than or equal to (-?\d+(?:\.\d+)?)|.* is not in the range x>=(-?\d+(?:\.\d+)?)\.?",
        "a number of at least",
    ),
    (r"Input should be a valid integer.*|.* is not a valid (?:integer|int range)\.?", "an integer"),
    (r"Input should be a valid number.*|.* is not a valid (?:float|float range)\.?", "a number"),
)


def usage_text(message: str, words: Sequence[str]) -> str:
    """A usage error's text in our words.

    Args:
        message: Typer's. words: the command line, in which the value stands that an option was given.
    """
    extra = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message)
    if extra:
        return f"found '{shorten(extra[1])}' beside all that is expected"
    wrong = _VALUE.fullmatch(message)
    if not wrong:
        return message.removeprefix("Invalid value: ")  # an error of our own
    option, reason = wrong[1], wrong[2]
    found = shorten(_value_of(option, words))
    for pattern, expected in _EXPECTED:
        match = re.fullmatch(pattern, reason, re.DOTALL)
        if match:
            bound = "".join(f" {bound}" for bound in match.groups() if bound)
            return f"{option} {found}: found '{found}'; expected {expected}{bound}"
    return f"{option} {found}: {reason}"


def _value_of(option: str, words: Sequence[str]) -> str:
    """The last value that an option was given."""
    given = [after for word, after in zip(words, [*words[1:], ""], strict=True) if word == option]
    given += [word.removeprefix(f"{option}=") for word in words if word.startswith(f"{option}=")]
    return given[-1] if given else ""
