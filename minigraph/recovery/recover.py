"""recover: solve from many starts until the verdict is certain, and say what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from minigraph.arrays import Array, ArraysLike, by_name, canonical, require_same_count
from minigraph.errors import DataError, DefinitionError, ExecutorError
from minigraph.executors import run_tasks
from minigraph.executors.outcomes import BY_HAND
from minigraph.files.plain import plain
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.recovery.alignment import Named
from minigraph.recovery.fit import Fit, judge_fit, measure_fit, plausible
from minigraph.recovery.search import AUTO, Choice, Search, Start, Task
from minigraph.recovery.verdict import FITTED, LOCAL, RECOVERED, VERDICTS, Verdict
from minigraph.solvers import solvers, sum_of_squares
from minigraph.wording import describe, did_you_mean, one_of

AGREEING = 3
"""Without a teacher the search stops when so many starts have ended at the same lowest loss."""
AGREEMENT = 1e-6
"""Losses that differ by less, relatively, are the same."""


@dataclass(frozen=True)
class Recovery:
    """What :func:`recover` found. Its text is the verdict and the numbers that it rests on.

    Attributes:
        verdict: its name and why; solver: the one that was chosen.
        parameters: the best start's, by full name, aligned with the teacher where there is one.
        loss: the best start's sum of squared differences.
        kernel_error: by node, the largest difference of kernels relative to the teacher's largest; empty without one.
        starts: all that were run, in order.
        best: the start whose parameters these are, as its place in ``starts``.
        successes: how many starts are recovered; without a teacher, how many end at the lowest loss.
        fit: without a teacher, the numbers of the fit.
        seconds: wall time.
        ended: why the search ended before its time: "interrupted", or that its workers were lost; else empty.
    """

    verdict: Verdict
    solver: Choice
    parameters: dict[str, Array]
    loss: float
    kernel_error: dict[str, float]
    starts: list[Start]
    best: int
    successes: int
    fit: Fit | None
    seconds: float
    ended: str = ""

    def __str__(self) -> str:
        lines = [f"solver: {self.solver.name}: {self.solver.why}", f"{self.verdict.name}: {self.verdict.why}"]
        if self.kernel_error:
            errors = ", ".join(f"{node} {error:.2g}" for node, error in self.kernel_error.items())
            lines.append(f"kernel error after alignment: {errors}")
        if self.fit is not None and self.fit.composite is not None:
            lines.append(
                f"beside it plain least squares for a free composite: {self.fit.composite:.4g} (root mean square), "
                f"condition {self.fit.composite_condition:.3g}"
            )
        lines.append(
            f"loss {self.loss:.6g}, {self.successes} of {len(self.starts)} starts succeeded, {self.seconds:.2f} s"
        )
        return "\n".join(lines)

    __repr__ = __str__

    def plain(self) -> dict[str, Any]:
        """The facts for JSON."""
        facts: dict[str, Any] = plain(
            {
                "recovered": self.recovered,
                "verdict": self.verdict.name,
                "why": self.verdict.why,
                "loss": self.loss,
                "kernel_error": self.kernel_error,
                "starts": len(self.starts),
                "successes": self.successes,
                "seconds": round(self.seconds, 6),
                "solver": self.solver.name,
                "reason": self.solver.why,
                "ended": self.ended,
                "fit": self.fit and asdict(self.fit),
                "best": self.starts[self.best].index,
                "attempts": [
                    {
                        "index": start.index,
                        "verdict": start.verdict.name,
                        "why": start.verdict.why,
                        "loss": start.loss,
                        "kernel_error": start.kernel_error,
                        "evaluations": len(start.losses),
                    }
                    for start in self.starts
                ],
            }
        )
        return facts

    @property
    def interrupted(self) -> bool:
        """Whether the search was ended by Ctrl-C."""
        return self.ended == BY_HAND

    @property
    def recovered(self) -> bool:
        """Whether the kernels were found, up to what no data can tell; without a teacher, whether they fit."""
        return self.verdict.name in (RECOVERED, FITTED)


def recover(
    graph: Graph,
    x: ArraysLike,
    target: ArraysLike,
    *,
    teacher: Named | None = None,
    restarts: int = 64,
    solver: str = "auto",
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | None = None,
    every: bool = False,
    on_start: Callable[[Start], None] | None = None,
) -> Recovery:
    """Find the trainable parameters whose answers to ``x`` are ``target``, in the sense of least squares, in float64.

    Args:
        graph: its declared initialisers draw each start's first parameters.
        x, target: as for :func:`minigraph.train`.
        teacher: the parameters that made the target, by full name, where they are known: the verdict is about them.
        restarts: the most starts; the search stops as soon as its verdict is certain.
        solver: "composite" (linear cascades), "lm", "lbfgs", or "auto".
        seed: of the starts, each of which has a stream of its own, and of what is held out.
        workers, scheduler: where the starts run, as for :func:`minigraph.executors.run_tasks`; they end alike
            everywhere.
        every: run all starts whatever they find.
        on_start: called with each start when it has ended, in any order where there are several workers.

    Ctrl-C or the loss of all workers ends the search with the starts that have ended, if there are any.

    Raises:
        ExecutorError: the workers cannot be had, or were lost before any start had ended.
        DefinitionError: the graph has a BatchNorm or nothing to train, no such solver, or the solver does not fit it.
        ShapeError, DataError: x, target or teacher do not fit the graph.

    >>> import numpy as np
    >>> graph = Graph.load("two_conv")
    >>> teacher = Model(graph, seed=1)
    >>> x = np.random.default_rng(0).normal(size=(20, 20))
    >>> found = recover(graph, x, teacher.forward(x), teacher=teacher.parameters)
    >>> found.verdict.name, max(found.kernel_error.values()) < 1e-9
    ('recovered', True)
    """
    started = time.perf_counter()
    task = _task(graph, x, target, teacher, restarts, solver, seed)
    search = Search(task)
    found: dict[int, Start] = {}

    def note(index: int, start: Start) -> None:
        found[index] = start
        if on_start is not None:
            on_start(start)

    def stop(starts: Sequence[Start]) -> bool:
        if every or not certain(starts, teacher is not None):
            return False
        return teacher is not None or plausible(search, min(starts, key=lambda start: start.loss))

    ended = ""
    try:
        starts = run_tasks(
            search.attempt, range(restarts), workers=workers, scheduler=scheduler, on_result=note, stop=stop
        )
    except (KeyboardInterrupt, ExecutorError) as error:
        if not found:
            raise
        ended = str(error) or BY_HAND
        starts = [found[index] for index in sorted(found)]
    best = min(range(len(starts)), key=lambda place: _merit(starts[place], teacher is not None))
    chosen, fit = starts[best], None
    if teacher is not None:
        verdict, loss, p = chosen.verdict, chosen.loss, chosen.parameters
        successes = sum(start.verdict.name == RECOVERED for start in starts)
    else:
        successes = sum(_agree(start, chosen) for start in starts)
        final = Search(replace(task, hold_out=False))
        p = final.solve(chosen.parameters).parameters if task.hold_out else chosen.parameters
        loss = sum_of_squares(final.all.residual(p))
        fit = measure_fit(search, final, chosen.parameters, p)
        verdict = judge_fit(fit, chosen.verdict, successes, len(starts))
    return Recovery(
        verdict,
        search.solver,
        search.named(p),
        loss,
        chosen.kernel_error,
        starts,
        best,
        successes,
        fit,
        time.perf_counter() - started,
        ended,
    )


def certain(starts: Sequence[Start], taught: bool) -> bool:
    """Whether further starts could not better the verdict of these."""
    if taught:
        return starts[-1].verdict.name == RECOVERED
    best = min(starts, key=lambda start: start.loss)
    settled = best.verdict.name in (FITTED, LOCAL)
    return settled and sum(_agree(start, best) for start in starts) >= AGREEING


def _agree(start: Start, best: Start) -> bool:
    exact = best.verdict.name == start.verdict.name == FITTED
    return exact or start.loss <= best.loss * (1 + AGREEMENT)


def _merit(start: Start, taught: bool) -> tuple[int, float]:
    """What the best start has least of."""
    return (VERDICTS.index(start.verdict.name) if taught else 0), start.loss


def _task(
    graph: Graph, x: ArraysLike, target: ArraysLike, teacher: Named | None, restarts: int, solver: str, seed: int
) -> Task:
    """The checked arguments of :func:`recover`."""
    if isinstance(restarts, bool) or not isinstance(restarts, int | np.integer) or restarts < 1:
        raise DefinitionError(f"restarts: found {describe(restarts)}; expected an integer of at least 1")
    known = [AUTO, *solvers()]
    if solver not in known:
        raise DefinitionError(
            f"solver: found {describe(solver)}; expected {one_of(known)}{did_you_mean(str(solver), known)}"
        )
    inputs, targets = (
        {name: canonical(given[name], graph.shapes[name], name, "float64") for name in names}
        for given, names in (
            (by_name(x, list(graph.inputs), "input"), list(graph.inputs)),
            (by_name(target, graph.outputs, "target"), graph.outputs),
        )
    )
    counts = {**{name: len(a) for name, a in inputs.items()}, **{f"target of {n}": len(a) for n, a in targets.items()}}
    require_same_count(counts, "inputs and targets")
    model = Model(graph, seed, dtype="float64")
    unknowns = model.parameters.trainable.size
    if not unknowns:
        raise DefinitionError("the graph has nothing to train; expected a trainable parameter")
    taught = None
    if teacher is not None:
        for name, array in teacher.items():
            model.parameters[name] = array
        missing = [name for name in model.parameters if name not in teacher]
        if missing:
            raise DataError(f"teacher: '{missing[0]}' is missing; expected every parameter of the graph")
        taught = {name: array.copy() for name, array in model.parameters.items()}
    entries = sum(array.size for array in targets.values())
    return Task(graph, inputs, targets, taught, solver, seed, hold_out=taught is None and entries >= 2 * unknowns)
