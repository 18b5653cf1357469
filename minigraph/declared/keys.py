"""Unknown keys: what was probably meant, in our own spelling or in that of another framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minigraph.errors import Problem
from minigraph.wording import KeyPath, nearest, one_of


def unknown_key(path: KeyPath, keys: Iterable[str], foreign: Mapping[str, str], hints: Mapping[str, str]) -> Problem:
    """The problem of a key that is none of ``keys``, with what was probably meant.

    Args:
        foreign: other frameworks' spellings of keys, each with ours.
        hints: what is told of keys that other frameworks have and that are not needed here.
    """
    word, keys = str(path[-1]), list(keys)
    ours = foreign.get(word)
    near = ours or nearest(word, keys)
    if ours:
        hint = f"; here it is called '{ours}'"
    elif word in hints:
        hint, near = f"; {hints[word]}", None
    else:
        hint = f"; did you mean '{near}'?" if near else ""
    expected = f"expected {one_of(keys, word)}" if keys else "expected none"
    return Problem(path, f"unknown key '{word}'; {expected}{hint}", on="key", meant=near)
