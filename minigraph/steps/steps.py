"""Steps: the small pieces of work that a plan runs again and again, on arrays that stay where they are.

Inside a plan maps lie in memory as (C, H, W, N), the batch last: a row of a map is one run of W * N numbers, which
makes copying patches, and adding maps that are shifted against each other, as fast as memory allows. Outside they are
seen as (N, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.steps.compiling import has_numba
from minigraph.steps.threads import LANES, Lane, compiled_threads, run_lanes

Step = Callable[[], object]

FEW_NUMBERS = 1 << 18
"""Below so many numbers, sharing what is done with each among threads takes longer than doing it."""
FEW_PRODUCTS = 1 << 22
"""The same for the multiply-adds of matrix products."""
FEW_TURNED = 1 << 17
"""Below so many numbers, copying from one order of memory to the other is not worth a compiled call, or a thread."""
STRIPE = 512
"""Places of a map that a thread turns at once."""
BLOCK = 2048
"""Places of a map that are copied at once from batch-first to batch-last memory."""
NEAR = 1 << 13
"""Numbers that stay in the nearest cache: as many are copied at once from batch-last to batch-first memory."""
MIN_BLOCK = 32
"""The fewest places that are copied at once."""
LEAST_TURNED = 4
"""So many samples or more are turned by compiled loops, where there is Numba."""
FEW_SAMPLES = 6
"""Below so many samples each is copied on its own."""


def batch_last(array: Array) -> Array:
    """(N, C, H, W) seen as (C, H, W, N), and (N, F) as (F, N)."""
    return array.transpose(*range(1, array.ndim), 0)


def batch_first(array: Array) -> Array:
    """(C, H, W, N) seen as (N, C, H, W): the inverse of :func:`batch_last`."""
    return array.transpose(-1, *range(array.ndim - 1))


def empty_batch_last(shape: tuple[int, ...], dtype: Any) -> Array:
    """A new array of ``shape`` (N, ...) whose memory is batch-last."""
    return batch_first(np.empty((*shape[1:], shape[0]), dtype))


def setter(target: Array, source: Any) -> Step:
    """A step that copies ``source`` into ``target``."""
    return partial(target.__setitem__, ..., source)


def into_lanes(count: int, large: bool) -> list[range]:
    """The indices 0 to count - 1 cut into lanes of neighbours, or one lane for what is not large."""
    lanes = min(LANES, count) if large else 1
    return [range(count * lane // lanes, count * (lane + 1) // lanes) for lane in range(lanes)]


def shared(lanes: Sequence[Sequence[Lane]]) -> list[Step]:
    """The steps that run lanes of work on the threads, or the parts of a single lane one after the other."""
    if len(lanes) == 1:
        return [partial(part, 0) for part in lanes[0]]

    def whole(parts: Sequence[Lane]) -> Lane:
        def work(worker: int) -> None:
            for part in parts:
                part(worker)

        return work

    return [partial(run_lanes, [whole(parts) for parts in lanes])]


def _ignoring_worker(step: Step) -> Lane:
    def lane(worker: int) -> None:
        step()

    return lane


def applying(function: Callable[..., object], target: Array, *sources: Array | float) -> list[Step]:
    """The steps that fill ``target`` with an elementwise function of arrays of its shape and of numbers; large arrays,
    all batch-last, are shared along their channels."""
    parts = into_lanes(target.shape[1], target.size > FEW_NUMBERS)
    dtype = np.result_type(*sources)  # each call would make an array of this dtype of a plain number
    arrays = [source if isinstance(source, np.ndarray) else np.array(source, dtype) for source in sources]
    if len(parts) == 1:
        return [partial(function, *arrays, out=target)]

    def lane(part: range) -> Lane:
        channels = slice(part.start, part.stop)
        cut = (array[:, channels] if array.ndim else array for array in arrays)
        return _ignoring_worker(partial(function, *cut, out=target[:, channels]))

    return shared([[lane(part)] for part in parts])


def copying(target: Array, source: Array) -> list[Step]:
    """The steps that copy ``source`` into ``target``, shared along the first axis where it is large."""
    parts = into_lanes(len(target), target.size > FEW_NUMBERS)
    lanes = [setter(target[part.start : part.stop], source[part.start : part.stop]) for part in parts]
    return lanes if len(lanes) == 1 else shared([[_ignoring_worker(lane)] for lane in lanes])


def multiplying(target: Array, left: Array, right: Array) -> list[Step]:
    """The steps that fill ``target`` (A, C), contiguous, with ``left`` (A, B) times ``right`` (B, C)."""
    parts = into_lanes(len(left), left.size * right.shape[1] > FEW_PRODUCTS)
    lanes = [partial(left[part.start : part.stop].dot, right, target[part.start : part.stop]) for part in parts]
    return [*lanes] if len(lanes) == 1 else shared([[_ignoring_worker(lane)] for lane in lanes])


def to_batch_last(target: Array, source: Array) -> list[Step]:
    """The steps that copy (N, ...) into a contiguous (..., N)."""
    columns, rows = target.reshape(-1, target.shape[-1]), source.reshape(len(source), -1)
    if _is_turned(columns, rows):
        return [partial(_turn, rows, columns)]
    if len(rows) < FEW_SAMPLES:
        return [setter(columns[:, n], row) for n, row in enumerate(rows)]
    return _in_blocks(columns, rows.T, BLOCK)


def from_batch_last(target: Array, source: Array) -> list[Step]:
    """The steps that copy a contiguous (..., N) into a contiguous (N, ...)."""
    rows, columns = target.reshape(len(target), -1), source.reshape(-1, source.shape[-1])
    if _is_turned(rows, columns):
        return [partial(_turn, columns, rows)]
    return _in_blocks(rows.T, columns, max(MIN_BLOCK, NEAR // len(rows)))


def _is_turned(target: Array, source: Array) -> bool:
    """Whether a compiled loop turns ``source`` into ``target``: large, of one kind, of enough samples."""
    few = min(target.shape) < LEAST_TURNED or target.size < FEW_TURNED
    return not few and target.dtype == source.dtype and target.dtype.kind == "f" and has_numba()


def _turn(source: Array, target: Array) -> None:
    from minigraph.steps import compiled  # it brings Numba

    marker = compiled.marker_of(source.dtype)
    with compiled_threads(source.size // FEW_TURNED) as threads:
        (compiled.turn_shared if threads > 1 else compiled.turn)(marker, source, target, STRIPE)


def _in_blocks(target: Array, source: Array, block: int) -> list[Step]:
    """The steps that copy (places, N) into (places, N) of the other order of memory, block by block of places."""

    def lane(start: int) -> Lane:
        goal, origin = target[start : start + block], source[start : start + block]

        def copy(worker: int) -> None:
            goal[...] = origin

        return copy

    starts = range(0, len(target), block)
    parts = into_lanes(len(starts), target.size > FEW_NUMBERS)
    return shared([[lane(starts[index]) for index in part] for part in parts])
