"""run: a function over tasks, here, in several processes or on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from minigraph.errors import DefinitionError
from minigraph.executors.outcomes import Outcomes
from minigraph.wording import describe

Task = TypeVar("Task")
Result = TypeVar("Result")

LOCAL = "local"
"""The scheduler that starts a Dask cluster on this machine."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What BLAS libraries read when they are loaded."""


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    on_result: Callable[[int, Result], None] | None = None,
    stop: Callable[[Sequence[Result]], bool] | None = None,
) -> list[Result]:
    """``[function(task) for task in tasks]``, spread over workers.

    Args:
        function: for other processes it must be picklable: a module's function, or a ``functools.partial`` of one.
        workers: how many processes; 1 (when left out) is this one. With ``scheduler="local"`` the cluster's size,
            all cores when left out.
        scheduler: the address of a running Dask scheduler, such as ``"tcp://127.0.0.1:8786"``, or ``"local"`` for a
            cluster on this machine that ends with the run.
        on_result: called in this thread with (the task's index, its result) as each is finished, in any order, and
            also for results behind a stop.
        stop: called with the results of the first 1, 2, 3, ... tasks; when it says True, those are the answer. It must
            depend on nothing else, and not change them.

    A task whose worker was killed runs again, at most three times. A task that raises ends the run with its error,
    unless a stop comes before it: the first such task in order, whatever finished first.

    Raises:
        ExecutorError: there is no such scheduler, it was lost, or workers were lost again and again. What was
            finished is on the error.
        DefinitionError: workers is no positive integer, or given for a cluster that has its own.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise DefinitionError(f"workers: found {describe(workers)}; expected an integer of at least 1")
    if workers is not None and scheduler not in (None, LOCAL):
        raise DefinitionError(f"workers: found {workers} beside scheduler {scheduler}, which has its own; leave it out")
    outcomes = Outcomes(list(tasks), on_result, stop)
    with _one_thread():
        if outcomes.complete:
            pass
        elif scheduler is not None:
            from minigraph.executors.cluster import run_on_cluster

            run_on_cluster(function, outcomes, None if scheduler == LOCAL else scheduler, workers)
        elif workers is not None and workers > 1:
            from minigraph.executors.processes import run_in_processes

            run_in_processes(function, outcomes, workers)
        else:
            for index, task in enumerate(outcomes.tasks):
                outcomes.add(index, function(task))
                if outcomes.complete:
                    break
    return outcomes.beginning


@contextmanager
def _one_thread() -> Iterator[None]:
    """One BLAS thread, here in what is loaded and, by the environment, in what is loaded or started inside."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with _libraries(len(sys.modules)).limit(limits=1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@lru_cache(1)
def _libraries(modules: int) -> Any:
    """What has threads of its own in this process; it is looked for again when further modules have been imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
