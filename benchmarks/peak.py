"""The machine's peak: fused multiply-adds on registers alone, in float32 vectors as wide as the compiled core's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from minigraph.steps import compiled

SUMS = 10
"""Independent sums: as many as keep two units busy for five cycles each."""
ROUNDS, TURNS = 20_000_000, 5


@intrinsic
def _multiply_adds(typing, marker, rounds):  # type: ignore[no-untyped-def]
    """SUMS multiply-adds of vectors in each round."""
    numbers = compiled._numbers(marker)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = compiled._Code(builder, numbers)
        half = ir.Constant(numbers.vector, [0.5] * numbers.lanes)
        starts = [ir.Constant(numbers.vector, [float(number)] * numbers.lanes) for number in range(SUMS)]
        sums = code.loop(arguments[1], 1, starts, lambda i, held: [code.multiply_add(one, half, half) for one in held])
        total = sums[0]
        for one in sums[1:]:
            total = builder.fadd(total, one)
        return code.total(total)

    return types.float32(marker, types.intp), generate


@njit(nogil=True)
def _run(marker, rounds):  # type: ignore[no-untyped-def]
    return _multiply_adds(marker, rounds)


@cache
def peak(threads: int) -> float:
    """Floating-point operations a second of so many threads together: the best of some turns."""
    marker = np.float32(0)
    _run(marker, 1)
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(TURNS):
            started = time.perf_counter()
            list(pool.map(lambda _: _run(marker, ROUNDS), range(threads)))
            operations = 2 * threads * ROUNDS * SUMS * compiled.BYTES // marker.itemsize
            best = max(best, operations / (time.perf_counter() - started))
    return best
