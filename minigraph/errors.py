"""What can go wrong, and how it is said.

The exception tree::

    MinigraphError
    |-- DefinitionError    (also ValueError)       the graph or its file is wrong
    |-- ShapeError         (also ValueError)       shapes do not fit
    |-- DataError          (also ValueError)       an array or a data file is wrong
    |-- CheckpointError    (also RuntimeError)     saved weights or a checkpoint do not fit
    |-- CallOrderError     (also RuntimeError)     backward or values before forward
    |-- ExecutorError      (also RuntimeError)     a scheduler or workers cannot be reached any more
    `-- TrainingDiverged   (also ArithmeticError)  the loss is not finite, or beyond reason

A :class:`Problem` is one mistake with its path (``nodes.conv1.strde``). A :class:`DefinitionError`
holds every problem of a text and, when the text is known, shows each with line, column and caret.
"""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from minigraph.definition.source import Source
    from minigraph.graph import Graph
    from minigraph.training import History

KeyPath = tuple[str | int, ...]


class MinigraphError(Exception):
    """Base of every error that minigraph raises for something its user can mend."""

    def blocks(self) -> list[str]:
        """The error's text, one item for each mistake."""
        return [str(self)]

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by what it holds, not by calling __init__ again, so that a worker's error arrives whole.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[MinigraphError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> MinigraphError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class ShapeError(MinigraphError, ValueError):
    """Shapes do not fit together.

    ``attribute`` names the attribute of the node that a reader would change first, if there is one.
    """

    def __init__(self, message: str, attribute: str | None = None) -> None:
        super().__init__(message)
        self.attribute = attribute


class DataError(MinigraphError, ValueError):
    """An array or a data file is missing, unreadable or of the wrong kind."""


class CheckpointError(MinigraphError, RuntimeError):
    """Saved weights do not belong to this graph, or a checkpoint not to this run."""


class CallOrderError(MinigraphError, RuntimeError):
    """Something is asked of a model that has not run, or whose parameters were assigned since."""


class ExecutorError(MinigraphError, RuntimeError):
    """Tasks could not be brought to an end: no scheduler answers, or it or the workers were lost.

    ``finished`` has the results that arrived, by the task's index.
    """

    def __init__(self, message: str, finished: Mapping[int, Any] | None = None) -> None:
        super().__init__(message)
        self.finished = dict(finished or {})


class TrainingDiverged(MinigraphError, ArithmeticError):  # noqa: N818  # the contract's name
    """The loss is not finite, or beyond reason.

    ``step`` is the first step (from 0) whose loss was so, ``history`` the run up to and with it.
    """

    def __init__(self, message: str, step: int, history: History) -> None:
        super().__init__(message)
        self.step = step
        self.history = history


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is (a path of keys and indices) and what was found and expected.

    ``on`` says whether the key or the value is at fault: the caret stands under that one. ``meant`` is the known key
    beside an unknown one that was probably meant: that it is missing is then no mistake of its own.
    """

    path: KeyPath
    message: str
    on: Literal["key", "value"] = "value"
    meant: str | None = None

    def below(self, *prefix: str | int) -> Problem:
        """The same problem seen from further out: its path gets ``prefix`` in front."""
        return replace(self, path=prefix + self.path)


class DefinitionError(MinigraphError, ValueError):
    """A graph or its definition is wrong; ``problems`` has every mistake that was found.

    The text of the error is one block for each problem, in the order of the source. ``graph`` is the part of a
    definition's graph that could be read, if there is one.
    """

    def __init__(
        self, problems: Iterable[Problem] | str, source: Source | None = None, graph: Graph | None = None
    ) -> None:
        if isinstance(problems, str):
            problems = [Problem((), problems)]
        self.problems = tuple(problems)
        self.source = source
        self.graph = graph
        if source is not None:
            self.problems = tuple(sorted(self.problems, key=source.position_of))
        super().__init__("\n".join(self.blocks()))

    def blocks(self) -> list[str]:
        """One text for each problem: place, path, message and, where there is a text, the line."""
        if self.source is not None:
            return [self.source.render(problem) for problem in self.problems]
        return [
            f"{spell_path(problem.path)}: {problem.message}" if problem.path else problem.message
            for problem in self.problems
        ]


def spell_path(path: KeyPath) -> str:
    """``("data", "teacher", "conv1.kernel", 0)`` as a person writes it: ``data.teacher."conv1.kernel"[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            part = str(part)
            text += ("." if text else "") + (part if re.fullmatch(r"[\w-]+", part) else f'"{part}"')
    return text


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``"; did you mean 'stride'?"`` when one of ``choices`` is near ``word``, else the empty text."""
    near = nearest(word, choices)
    return f"; did you mean '{near}'?" if near else ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The one of ``choices`` that is near ``word``, whatever its capitals, if there is one."""
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[near[0]] if near else None


LONGEST_LIST = 20
"""So many names are told at most."""


def one_of(choices: Iterable[str], word: object = None) -> str:
    """``"one of a, b, c"``, or ``"a"`` when there is one choice, for the 'expected' part of a message.

    Of very many choices it tells those that are nearest to ``word``, in their own order, and how many more there are.
    """
    choices = list(choices)
    return choices[0] if len(choices) == 1 else "one of " + enumerated(choices, word)


def enumerated(choices: Iterable[str], word: object = None) -> str:
    """``"a, b, c"``; of very many choices those that are nearest to ``word``, and how many more there are."""
    choices = list(choices)
    more = len(choices) - LONGEST_LIST
    if more <= 0:
        return ", ".join(choices)
    shown = set(range(LONGEST_LIST))
    if isinstance(word, str):
        matcher = difflib.SequenceMatcher(b=word.lower(), autojunk=False)

        def closeness(index: int) -> float:
            matcher.set_seq1(choices[index].lower())
            return matcher.ratio()

        shown = set(heapq.nlargest(LONGEST_LIST, range(len(choices)), key=closeness))
    return ", ".join(choice for index, choice in enumerate(choices) if index in shown) + f" and {more} more"


def describe(value: object) -> str:
    """A found value as a reader of TOML or JSON knows it: ``'two' (a string)``, ``true (a boolean)``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a boolean)"
    if isinstance(value, int):
        return f"{value} (an integer)" if abs(value) < 10**20 else "a huge integer"
    if isinstance(value, float):
        return f"{value!r} (a number)"
    if isinstance(value, str):
        return f"'{shorten(value)}' (a string)"
    if isinstance(value, list | tuple):
        return f"{shorten(_spell_array(value), 62)} (an array)"
    if isinstance(value, dict):
        return f"a table with {', '.join(map(str, value))}" if value else "an empty table"
    return f"{shorten(str(value))} ({type(value).__name__})"


def _spell_array(items: list[object] | tuple[object, ...]) -> str:
    spelled = [
        str(item).lower()
        if isinstance(item, bool)
        else _spell_array(item)
        if isinstance(item, list | tuple)
        else str(item)
        for item in items
    ]
    return f"[{', '.join(spelled)}]"


def shorten(text: str, limit: int = 60) -> str:
    """``text`` in one line of at most ``limit`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
