"""What can go wrong, and how it is said.

The exception tree::

    MinigraphError
    |-- DefinitionError    (also ValueError)       the graph or its file is wrong
    |-- ShapeError         (also ValueError)       shapes do not fit
    |-- DataError          (also ValueError)       an array or a data file is wrong
    |-- CheckpointError    (also RuntimeError)     saved weights or a checkpoint do not fit
    |-- CallOrderError     (also RuntimeError)     backward or values before forward
    |-- OpError            (also TypeError)        an op returns what it may not
    |-- ExecutorError      (also RuntimeError)     a scheduler or workers cannot be reached any more
    `-- TrainingDiverged   (also ArithmeticError)  the loss is not finite, or beyond reason

Beside it stands :class:`MinigraphWarning`, the category of what is worth knowing and no error.
A :class:`Problem` is one mistake with its path (``nodes.conv1.strde``). A :class:`DefinitionError`
holds every problem of a text and, when the text is known, shows each with line, column and caret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from minigraph.wording import KeyPath, printable, spell_path

if TYPE_CHECKING:
    from minigraph.definition.source import Source
    from minigraph.graph.graph import Graph
    from minigraph.training import History


class MinigraphError(Exception):
    """Base of every error that minigraph raises for something its user can mend.

    Much of a text comes from files: it is kept printable, so that no name in one can command the terminal.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, keep="\t\n"))

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


class MinigraphWarning(UserWarning):
    """Something that a user should know, and that is no error."""


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
    """Something is asked of a model that has not run, or whose parameters changed since."""


class OpError(MinigraphError, TypeError):
    """An op's forward or backward returns what it may not, or writes into what it was lent."""


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

    def __str__(self) -> str:
        # What has no path may be a block of several lines already.
        return f"{spell_path(self.path)}: {printable(self.message)}" if self.path else self.message

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
        blocks = map(str if self.source is None else self.source.render, self.problems)
        return [printable(block, keep="\t\n") for block in blocks]
