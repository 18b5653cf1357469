"""Spread tasks over this process, several processes or a Dask cluster, with the same results from each.

Results come in the order of the tasks, a stop is decided on the longest finished beginning of that order, and BLAS runs
on one thread everywhere, so that neither the place nor the number of workers changes a bit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from minigraph.errors import DefinitionError, ExecutorError, describe, shorten

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

LOCAL = "local"
"""The scheduler that starts a Dask cluster on this machine."""

RETRIES = 3
"""So often a task runs again whose worker was lost. Dask's own number (``distributed.scheduler.allowed-failures``)."""

PATIENCE = 10.0
"""Seconds to wait for a scheduler to answer, and for a worker to appear."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What BLAS libraries read when they are loaded."""


def run(
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
    outcomes = _Outcomes(list(tasks), on_result, stop)
    with _one_thread():
        if scheduler is not None:
            _on_cluster(function, outcomes, scheduler, workers)
        elif workers is not None and workers > 1:
            _in_processes(function, outcomes, workers)
        else:
            for index, task in enumerate(outcomes.tasks):
                outcomes.add(index, function(task))
                if outcomes.complete:
                    break
    return outcomes.beginning


class _Outcomes(Generic[Task, Result]):
    """What is finished. ``beginning`` has the results of the first tasks without a gap, up to a stop."""

    def __init__(
        self,
        tasks: list[Task],
        on_result: Callable[[int, Result], None] | None,
        stop: Callable[[Sequence[Result]], bool] | None,
    ) -> None:
        self.tasks = tasks
        self.results: dict[int, Result] = {}
        self.errors: dict[int, BaseException] = {}
        self.beginning: list[Result] = []
        self.complete = not tasks
        self._on_result = on_result
        self._stop = stop

    @property
    def missing(self) -> list[int]:
        """The tasks that are not finished, in order."""
        return [i for i in range(len(self.tasks)) if i not in self.results and i not in self.errors]

    def take(self, index: int, future: Future[Result]) -> None:
        """A finished future's result or error."""
        error = future.exception()
        if error is None:
            self.add(index, future.result())
        else:
            self.errors[index] = error
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
            if index in self.errors:
                raise self.errors[index]
            if index not in self.results:
                return
            self.beginning.append(self.results[index])
            stopped = self._stop is not None and self._stop(self.beginning)
            self.complete = stopped or len(self.beginning) == len(self.tasks)


# Processes


def _in_processes(function: Callable[[Task], Result], outcomes: _Outcomes[Task, Result], workers: int) -> None:
    lost: Counter[int] = Counter()
    while not outcomes.complete:
        missing = outcomes.missing
        pool = ProcessPoolExecutor(min(workers, len(missing)), get_context("spawn"), _ignore_interrupts)
        running: dict[Future[Result], int] = {}
        try:
            while not outcomes.complete:
                # One more for each than it works on: none waits, and little is begun in vain before a stop.
                while missing and len(running) < 2 * workers:
                    index = missing.pop(0)
                    running[_submit(pool, function, outcomes.tasks[index])] = index
                for future in _finished(running):
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        raise error
                    outcomes.take(running.pop(future), future)
        except BrokenProcessPool:
            lost.update(running.values())
            if max(lost.values(), default=RETRIES + 1) > RETRIES:
                raise ExecutorError(
                    f"worker processes ended {RETRIES + 1} times without an answer to {_told(running.values())}; they "
                    "were killed, as for memory, or could not begin: a script that starts workers needs "
                    'if __name__ == "__main__":',
                    outcomes.results,
                ) from None
        finally:
            _end(pool)


def _submit(pool: Executor, function: Callable[[Task], Result], task: Task) -> Future[Result]:
    with _interrupts_held():
        return pool.submit(function, task)


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool at once, whatever it works on, as ``terminate_workers`` does from Python 3.14 on."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _ignore_interrupts() -> None:
    """Ctrl-C reaches a whole group of processes; the one that started the others ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; processes and threads that begin inside never get it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# A Dask cluster


def _on_cluster(
    function: Callable[[Task], Result], outcomes: _Outcomes[Task, Result], scheduler: str, workers: int | None
) -> None:
    try:
        from distributed import KilledWorker
        from distributed.utils import silence_logging_cmgr
    except ModuleNotFoundError:
        raise ExecutorError(
            f"scheduler {scheduler}: Dask is not installed; expected it, as by: pip install 'minigraph[cluster]'"
        ) from None

    def lost(reason: str) -> ExecutorError:
        return ExecutorError(f"scheduler {scheduler}: {reason}", outcomes.results)

    with ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr("critical"))
        client = _connect(stack, scheduler, workers)
        executor = client.get_executor(pure=False)
        try:
            running = {executor.submit(_on_worker, function, task): index for index, task in enumerate(outcomes.tasks)}
        except OSError as error:
            raise lost(f"it was lost: {error}") from None
        while not outcomes.complete:
            done = _finished(running, PATIENCE)
            if not done and not client.nthreads():
                raise lost(f"no worker is left for {_told(running.values())}")
            for future in done:
                index = running.pop(future)
                if future.cancelled():
                    raise lost(f"it was lost before an answer to {_told([index, *running.values()])}")
                error = future.exception()
                if isinstance(error, KilledWorker):
                    raise lost(f"{error.allowed_failures + 1} workers were lost, each with {_told([index])} to do")
                if isinstance(error, ModuleNotFoundError):
                    raise lost(f"a worker says: {error}; expected this minigraph to be installed there") from None
                outcomes.take(index, future)


def _connect(stack: ExitStack, scheduler: str, workers: int | None) -> Client:
    """A client, closed with the stack, of a cluster that has a worker at least."""
    from distributed import Client, LocalCluster

    address: Any = scheduler
    if scheduler == LOCAL:
        with _interrupts_held():
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
            )
        address = stack.enter_context(cluster)
    else:
        try:
            # In a thread, since a notebook's has a running loop already.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, _greet(scheduler)).result()
        except Exception as error:  # what is no scheduler may answer anything, and Dask may fail on it anyhow
            raise ExecutorError(
                f"scheduler {scheduler}: cannot be reached: {shorten(str(error), 90) or 'no answer'}; expected the "
                f"address of a running Dask scheduler, such as tcp://127.0.0.1:8786, or '{LOCAL}'"
            ) from None
    client = stack.enter_context(Client(address, set_as_default=False))
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ExecutorError(f"scheduler {scheduler}: it has no worker; expected one within {PATIENCE:g} s") from None
    return client


async def _greet(address: str) -> None:
    """Connect to a Dask scheduler and leave: a Client that finds none has no clean end."""
    from distributed.core import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **arguments), PATIENCE + 1)
    comm.abort()


def _on_worker(function: Callable[[Task], Result], task: Task) -> Result:
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)  # for good: a worker may run several tasks at once
    return function(task)


# Both


def _finished(running: Iterable[Future[Result]], timeout: float | None = None) -> list[Future[Result]]:
    """Those that are finished, at least one unless the time is over, in the order of their tasks."""
    running = list(running)
    done = wait(running, timeout, FIRST_COMPLETED).done
    return [future for future in running if future in done]


def _told(indices: Iterable[int]) -> str:
    """``task 3``, ``tasks 3, 4 and 5``."""
    words = [str(index) for index in sorted(indices)]
    if len(words) > 6:
        return f"{len(words)} tasks"
    return f"task {words[0]}" if len(words) == 1 else f"tasks {', '.join(words[:-1])} and {words[-1]}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """One BLAS thread, here in what is loaded and, by the environment, in what is loaded or started inside."""
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
