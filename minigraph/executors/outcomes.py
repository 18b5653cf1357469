"""What a run of tasks has so far, whatever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


BY_HAND = "interrupted"
"""Why tasks ended before their time, where Ctrl-C ended them."""


class Outcomes(Generic[Task, Result]):
    """Results and errors by the task's index, as they come.

    Attributes:
        results: what is finished.
        beginning: the results of the first tasks without a gap, up to a stop.
        complete: whether ``beginning`` is the answer.
    """

    def __init__(
        self,
        tasks: list[Task],
        on_result: Callable[[int, Result], None] | None,
        stop: Callable[[Sequence[Result]], bool] | None,
    ) -> None:
        self.tasks = tasks
        self.results: dict[int, Result] = {}
        self.beginning: list[Result] = []
        self.complete = not tasks
        self._errors: dict[int, BaseException] = {}
        self._on_result = on_result
        self._stop = stop

    @property
    def missing(self) -> list[int]:
        """The tasks that are not finished, in order."""
        return [index for index in range(len(self.tasks)) if index not in self.results and index not in self._errors]

    def take(self, index: int, future: Future[Result]) -> None:
        """A finished future's result or error.

        Raises:
            Whatever a task raised, once all before it are finished.
        """
        error = future.exception()
        if error is None:
            self.add(index, future.result())
        else:
            self._errors[index] = error
            self._advance()

    def add(self, index: int, result: Result) -> None:
        """A task's result."""
        self.results[index] = result
        if self._on_result is not None:
            self._on_result(index, result)
        self._advance()

    def _advance(self) -> None:
        while not self.complete:
            index = len(self.beginning)
            if index in self._errors:
                raise self._errors[index]
            if index not in self.results:
                return
            self.beginning.append(self.results[index])
            stopped = self._stop is not None and self._stop(self.beginning)
            self.complete = stopped or len(self.beginning) == len(self.tasks)


def finished(running: Iterable[Future[Result]], timeout: float | None = None) -> list[Future[Result]]:
    """The futures that are done, in their own order: at least one, unless the seconds are over."""
    running = list(running)
    done = wait(running, timeout, FIRST_COMPLETED).done
    return [future for future in running if future in done]


def spell_tasks(indices: Iterable[int]) -> str:
    """``task 3``, ``tasks 3, 4 and 5``, ``12 tasks``."""
    words = [str(index) for index in sorted(indices)]
    if len(words) > 6:
        return f"{len(words)} tasks"
    return f"task {words[0]}" if len(words) == 1 else f"tasks {', '.join(words[:-1])} and {words[-1]}"
