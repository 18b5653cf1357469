"""Tasks on a Dask cluster: one that runs already, or one of this machine that ends with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

from minigraph.errors import ExecutorError
from minigraph.executors.outcomes import Outcomes, finished, spell_tasks
from minigraph.executors.processes import interrupts_held
from minigraph.wording import shorten

Task = TypeVar("Task")
Result = TypeVar("Result")

PATIENCE = 10.0
"""Seconds to wait for a scheduler to answer, and for a worker to appear."""


def run_on_cluster(
    function: Callable[[Task], Result], outcomes: Outcomes[Task, Result], address: str | None, workers: int | None
) -> None:
    """Fill ``outcomes`` from the cluster at ``address``, or without one from a local cluster of ``workers``.

    Dask itself runs a task again whose worker was lost (``distributed.scheduler.allowed-failures``, 3 times).

    Raises:
        ExecutorError: no scheduler answers, it has no workers, or it or they were lost.
    """
    try:
        from distributed import KilledWorker
        from distributed.utils import silence_logging_cmgr
    except ModuleNotFoundError:
        raise ExecutorError("Dask is not installed; expected it, as by: pip install 'minigraph[cluster]'") from None

    place = f"scheduler {address}" if address else "local cluster"

    def lost(reason: str) -> ExecutorError:
        return ExecutorError(f"{place}: {reason}", outcomes.results)

    with ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr("critical"))
        client = _local(stack, workers) if address is None else _connected(stack, address)
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
            executor = client.get_executor(pure=False)
            running: dict[Future[Result], int] = {
                executor.submit(_with_one_thread, function, task): index for index, task in enumerate(outcomes.tasks)
            }
        except TimeoutError:
            raise lost(f"it has no workers; expected one within {PATIENCE:g} s") from None
        except OSError as error:
            raise lost(f"it was lost: {error}") from None
        while not outcomes.complete:
            done = finished(running, PATIENCE)
            if not done and not client.nthreads():
                raise lost(f"no worker is left for {spell_tasks(running.values())}")
            for future in done:
                index = running.pop(future)
                if future.cancelled():
                    raise lost(f"it was lost before an answer to {spell_tasks([index, *running.values()])}")
                failure = future.exception()
                if isinstance(failure, KilledWorker):
                    raise lost(f"{failure.allowed_failures + 1} workers were lost, each with task {index} to do")
                if isinstance(failure, ModuleNotFoundError):
                    raise lost(f"a worker says: {failure}; expected this minigraph to be installed there")
                outcomes.take(index, future)


def _local(stack: ExitStack, workers: int | None) -> Any:
    """A client of a new cluster on this machine; both end with the stack."""
    from distributed import Client, LocalCluster

    with interrupts_held():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # its port is served even without a dashboard
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
    return stack.enter_context(Client(stack.enter_context(cluster), set_as_default=False))


def _connected(stack: ExitStack, address: str) -> Any:
    """A client of a running cluster, closed with the stack."""
    from distributed import Client

    try:
        # In a thread of its own, since a notebook's has a running loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(address)).result()
    except Exception as error:  # what is no scheduler may answer anything, and Dask stumble over it
        reason = shorten(str(error), 90) or "it does not answer"
        raise ExecutorError(
            f"scheduler {address}: cannot be reached: {reason}; expected the address of a running Dask scheduler, "
            "such as tcp://127.0.0.1:8786, or 'local'"
        ) from None
    return stack.enter_context(Client(address, set_as_default=False))


async def _greet(address: str) -> None:
    """Connect to a Dask scheduler and leave: a Client that finds none has no clean end."""
    from distributed.core import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=PATIENCE, **arguments), PATIENCE + 1)
    comm.abort()


def _with_one_thread(function: Callable[[Task], Result], task: Task) -> Result:
    """On a worker: ``function(task)`` with one thread, for good, as a worker may run several tasks at once."""
    from threadpoolctl import threadpool_limits

    from minigraph.steps.threads import set_threads

    threadpool_limits(1)
    set_threads(1)
    return function(task)
