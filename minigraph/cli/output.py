"""Where the command line's words go: people's text, one JSON object, and errors."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from minigraph.errors import MinigraphError
from minigraph.files.plain import plain
from minigraph.wording import printable

INTERRUPTED_STATUS = 130
"""The exit status after Ctrl-C."""


REPLACED = "minigraph"
"""The name under which :func:`_replaced` handles what a stream's encoding lacks."""
_DRAWN = dict(zip("│├┤┼╰╯┴╭╮┬─●○▁▂▃▄▅▆▇█", "|||+'''...-*o_.-~=+*#", strict=True))
"""What graphs, tables and curves are drawn with, and the letters of ASCII for it."""


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_DRAWN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error(REPLACED, _replaced)


class Output:
    """People's text goes to stdout, or to stderr when stdout is kept for one JSON object.

    Args:
        as_json: print the result as JSON. quiet: leave people's text out.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.stream = sys.stderr if as_json else sys.stdout

    def say(self, text: str) -> None:
        """A line, or several, for people."""
        if not self.quiet:
            print(printable(text, keep="\n"), file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """A warning, on stderr."""
        if not self.quiet:
            complain(f"warning: {text}")

    def result(self, values: dict[str, Any]) -> None:
        """The command's result, printed when JSON was asked for; numbers that are not finite are null."""
        if self.as_json:
            print(json.dumps(plain(values)), flush=True)


def print_error(error: MinigraphError) -> None:
    """Each mistake of an error as one block on stderr."""
    for block in error.blocks():
        complain(f"error: {block}")


def complain(text: str) -> None:
    """A line, or several, on stderr."""
    print(printable(text, keep="\t\n"), file=sys.stderr)
