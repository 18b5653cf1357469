"""Threads: large work is cut into lanes, which Python threads share while BLAS is held to one thread of its own.

NumPy lets other threads run while it computes. How work is cut depends on its size only, never on the number of
threads, so that results have the same bits with any number of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DefinitionError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Lane = Callable[[int], None]
"""A part of some work; it is given the number of the worker that runs it."""

LANES = 8
"""Into how many lanes large work is cut."""

ALIGNMENT = 64
"""Bytes: a cache line."""

_chosen: int | None = None


def thread_count() -> int:
    """How many threads share large work: what :func:`set_threads` said, else ``MINIGRAPH_NUM_THREADS``, else
    ``OMP_NUM_THREADS``, else the processors that this process may use, by its affinity and its container's quota."""
    return _chosen if _chosen is not None else _available()


@cache
def _available() -> int:
    for name in ("MINIGRAPH_NUM_THREADS", "OMP_NUM_THREADS"):
        asked = os.environ.get(name, "").partition(",")[0].strip()  # OpenMP takes a list, one number a nesting level
        if asked.isdecimal() and int(asked) > 0:
            return int(asked)
    return processors()


def processors() -> int:
    """How many processors this process may use, by its affinity and its container's quota."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))))


def quota(root: Path, own: Path) -> int:
    """How many processors the control group of this process grants, rounded up; a million where there is no limit.

    Args:
        root: where control groups are mounted. own: the file that names this process's own.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.max; cgroup-v1, cpu.cfs_quota_us.
    """
    granted = 1_000_000
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return granted
    for _, controllers, place in (line for line in lines if len(line) == 3):
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = root / controllers if controllers else root
        inner = folder / place.lstrip("/")
        for here in [inner, *inner.parents]:
            granted = min(granted, _granted(here))
            if here == folder:
                break
    return granted


def _granted(group: Path) -> int:
    """What one control group grants."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            limit, period = " ".join((group / name).read_text() for name in names).split()
            if int(limit) > 0:
                return -(-int(limit) // int(period))
        except (OSError, ValueError):
            continue
    return 1_000_000


def set_threads(count: int) -> None:
    """Let large work be shared by ``count`` threads from now on.

    Raises:
        DefinitionError: ``count`` is not an integer of at least 1.
    """
    global _chosen
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise DefinitionError(f"threads: found {count}; expected an integer of at least 1")
    _chosen = count
    _forget_pool()


def run_lanes(lanes: Sequence[Lane]) -> None:
    """Run all lanes, shared by the threads: each thread runs neighbouring ones, one after the other."""
    workers = min(thread_count(), len(lanes))
    shares = [lanes[len(lanes) * w // workers : len(lanes) * (w + 1) // workers] for w in range(workers)]
    others = [_pool().submit(_run_share, share, w) for w, share in enumerate(shares) if w]
    try:
        _run_share(shares[0], 0)
    finally:
        for other in others:
            other.result()


def _run_share(lanes: Sequence[Lane], worker: int) -> None:
    for lane in lanes:
        lane(worker)


@contextmanager
def blas_held() -> Iterator[None]:
    """Hold BLAS to one thread: its own, once woken, would keep a processor busy that a lane could use."""
    with _blas().limit(limits=1):
        yield


@contextmanager
def compiled_threads(most: int) -> Iterator[int]:
    """Within it as many of Numba's threads run as share large work, at most ``most``; it gives their number."""
    threads = 1 if _forked else min(thread_count(), _most_compiled_threads(), most)
    if threads == 1:
        yield 1
        return
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        yield threads
    finally:
        numba.set_num_threads(before)


@cache
def _most_compiled_threads() -> int:
    """How many threads Numba has; 1 where only its layer "workqueue" is there, which is slow and not safe."""
    import numba

    if numba.config.THREADING_LAYER == "workqueue":
        return 1
    for layer in ("tbbpool", "omppool"):
        try:
            __import__(f"numba.np.ufunc.{layer}")
        except ImportError:
            continue
        return int(numba.config.NUMBA_NUM_THREADS)
    return 1


_forked = False


def _note_fork() -> None:
    """GNU OpenMP does not survive a fork: a child goes on with one thread."""
    global _forked
    _forked = True
    _forget_pool()


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # where it is needed only: it brings logging

    return ThreadPoolExecutor(max(1, thread_count() - 1), thread_name_prefix="minigraph")


def _forget_pool() -> None:
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)  # a child has none of its parent's threads


@cache
def _blas() -> Any:
    # Imported and made only where it is needed: it looks through all loaded libraries.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


class Workspace:
    """Memory for what a step needs only while it runs: one block for each worker, lent to one step after the other."""

    def __init__(self) -> None:
        self.bytes = 0
        self._blocks: dict[int, Array] = {}

    def reserve(self, *shapes: tuple[int, ...], dtype: Any) -> Scratch:
        """Arrays of these shapes, side by side, that hold nothing from one step to the next."""
        size = np.dtype(dtype).itemsize
        offsets = [0]
        for shape in shapes:
            offsets.append(offsets[-1] + -(-prod(shape) * size // ALIGNMENT) * ALIGNMENT)
        self.bytes = max(self.bytes, offsets[-1])
        return Scratch(self, tuple(zip(offsets, shapes, strict=False)), dtype)

    def block(self, worker: int) -> Array:
        """A worker's block of bytes."""
        block = self._blocks.get(worker)
        if block is None or len(block) < self.bytes:
            block = self._blocks[worker] = np.empty(self.bytes, np.uint8)
        return block


class Scratch:
    """Some arrays in a workspace: for each worker others, made when it first asks."""

    def __init__(self, workspace: Workspace, places: tuple[tuple[int, tuple[int, ...]], ...], dtype: Any) -> None:
        self._workspace, self._places, self._dtype = workspace, places, np.dtype(dtype)
        self._arrays: dict[int, tuple[Array, ...]] = {}

    def arrays(self, worker: int) -> tuple[Array, ...]:
        """The worker's arrays, in the order of their shapes."""
        arrays = self._arrays.get(worker)
        if arrays is None:
            block = self._workspace.block(worker)
            arrays = self._arrays[worker] = tuple(
                block[offset : offset + prod(shape) * self._dtype.itemsize].view(self._dtype).reshape(shape)
                for offset, shape in self._places
            )
        return arrays
