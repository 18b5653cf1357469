"""Tasks in several processes of this machine; those of a killed one run again in a new pool."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from typing import TypeVar

from minigraph.errors import ExecutorError
from minigraph.executors.outcomes import Outcomes, finished, spell_tasks

Task = TypeVar("Task")
Result = TypeVar("Result")

RETRIES = 3
"""So often a task runs again whose worker was lost: as often as in Dask."""

GRACE = 5.0
"""Seconds that a worker has to end when it is told to."""


def run_in_processes(function: Callable[[Task], Result], outcomes: Outcomes[Task, Result], workers: int) -> None:
    """Fill ``outcomes`` from ``workers`` processes.

    Raises:
        ExecutorError: they ended again and again without an answer.
    """
    lost: Counter[int] = Counter()
    while not outcomes.complete:
        missing = outcomes.missing
        # Spawned, since a fork of a process with threads (BLAS has some) may hang.
        pool = ProcessPoolExecutor(min(workers, len(missing)), get_context("spawn"), _begin)
        running: dict[Future[Result], int] = {}
        try:
            while not outcomes.complete:
                # One more for each than it works on: none waits, and little is begun in vain before a stop.
                while missing and len(running) < 2 * workers:
                    index = missing.pop(0)
                    with interrupts_held():
                        running[pool.submit(function, outcomes.tasks[index])] = index
                for future in finished(running):
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        raise error
                    outcomes.take(running.pop(future), future)
        except BrokenProcessPool:
            lost.update(running.values())
            if max(lost.values(), default=0) > RETRIES:
                raise ExecutorError(
                    f"worker processes ended {RETRIES + 1} times without an answer to {spell_tasks(running.values())}: "
                    "they were killed, as for memory, or could not begin (a script that starts workers needs "
                    'if __name__ == "__main__":)',
                    outcomes.results,
                ) from None
        finally:
            _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool at once, whatever it works on, as ``terminate_workers`` does from Python 3.14 on."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(GRACE)
        if process.is_alive():
            process.kill()
            process.join()


def _begin() -> None:
    """In a new worker: one thread, and no Ctrl-C, which reaches a whole group: its first process ends the others."""
    from minigraph.steps.threads import set_threads

    set_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; processes and threads that begin inside never get it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let it through again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
