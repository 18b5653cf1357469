"""The compiled core of run lists: products of runs with taps, whose sums stay in registers.

A *run* is ``rows`` stretches of ``length`` numbers that lie together in the answer and, under every *tap* of its list,
in the map; a tap is an offset in the map and a number in the kernel. So :func:`multiply` is

    for each run, for each output o, for each place v of the run:
        answer[o, v] = bias[o] + sum over the run's taps t of kernel[o, t] * map[offset(t) + v]

and :func:`correlate` its gradient: gradient[o, t] = sum over all runs and places of error[o, v] * map[offset(t) + v].
Nothing here knows what a convolution is; :mod:`minigraph.convolution.lists` makes the lists. :func:`turn` copies from
one order of memory to the other, by squares that are turned in registers.

The innermost loops are *tiles*: a few outputs times a few vectors whose sums are held in registers, written as LLVM
vectors, since a compiler keeps sums of plain loops in memory. How many numbers a vector has, and how many fit the
registers, follows from the processor's features. The element type follows from the marker, a 0 of that type.

Numba's cache watches only the file that a function stands in: tiles and loops are together here for that.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from minigraph.steps.compiling import cached

# Columns of a run: where it begins in the map and in the answer, its size, the steps from row to row, its taps.
MAP, ANSWER, LENGTH, ROWS, MAP_STEP, ANSWER_STEP, FIRST_TAP, TAPS = range(8)
CHUNK = 256
"""Numbers of a run that go through all outputs before the next ones: what they read stays in the nearest cache."""
NEAR = 1 << 11
"""Numbers of a run's rows that a gradient's tile goes through at once, likewise."""

WIDE = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]
"""Whether vectors have 64 bytes and there are 32 registers of them; else 32 bytes and 16."""
BYTES = 64 if WIDE else 32
LARGEST = 8 if WIDE else 4
"""The most outputs of a tile."""
MOST_TAPS = 6 if WIDE else 4
"""The most taps of a gradient's tile."""
FEW_OUTPUTS = 4 if WIDE else 2
"""Its outputs."""

INTEGER = ir.IntType(64)


class _Numbers(NamedTuple):
    """An element type in LLVM: one number, a vector of them, the mask of a vector, and how intrinsics are spelled."""

    one: ir.Type
    vector: ir.VectorType
    mask: ir.VectorType
    lanes: int
    suffix: str
    bytes: int


def _numbers(marker: Any) -> _Numbers:
    double = marker == types.float64
    one = ir.DoubleType() if double else ir.FloatType()
    size = 8 if double else 4
    lanes = BYTES // size
    return _Numbers(
        one, ir.VectorType(one, lanes), ir.VectorType(ir.IntType(1), lanes), lanes, f"v{lanes}f{8 * size}", size
    )


class _Code:
    """Writes LLVM code for tiles."""

    def __init__(self, builder: Any, numbers: _Numbers) -> None:
        self.b, self.n = builder, numbers
        self.zero = ir.Constant(numbers.vector, [0.0] * numbers.lanes)

    def pointer(self, address: Any, kind: Any = None) -> Any:
        return self.b.inttoptr(address, (kind or self.n.one).as_pointer())

    def load(self, base: Any, index: Any) -> Any:
        place = self.b.bitcast(self.b.gep(base, [index]), self.n.vector.as_pointer())
        return self.b.load(place, align=self.n.bytes)

    def store(self, vector: Any, base: Any, index: Any) -> None:
        place = self.b.bitcast(self.b.gep(base, [index]), self.n.vector.as_pointer())
        self.b.store(vector, place, align=self.n.bytes)

    def splat(self, number: Any) -> Any:
        nothing = ir.Constant(self.n.vector, ir.Undefined)
        first = self.b.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.n.lanes), [0] * self.n.lanes)
        return self.b.shuffle_vector(first, nothing, places)

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.b.module, kind, name)
        return self.b.call(function, arguments)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        return self.call(f"llvm.fma.{self.n.suffix}", self.n.vector, x, y, z)

    def total(self, vector: Any) -> Any:
        """The sum of a vector's numbers."""
        name = f"llvm.vector.reduce.fadd.{self.n.suffix}"
        kind = ir.FunctionType(self.n.one, [self.n.one, self.n.vector])
        function = cgutils.get_or_insert_function(self.b.module, kind, name)
        return self.b.call(function, [ir.Constant(self.n.one, 0.0), vector], fastmath=("reassoc",))

    def mask(self, count: Any) -> Any:
        """The first ``count`` places of a vector."""
        places = ir.VectorType(ir.IntType(32), self.n.lanes)
        nothing = ir.Constant(places, ir.Undefined)
        first = self.b.insert_element(nothing, self.b.trunc(count, ir.IntType(32)), ir.Constant(ir.IntType(32), 0))
        counts = self.b.shuffle_vector(first, nothing, ir.Constant(places, [0] * self.n.lanes))
        return self.b.icmp_signed("<", ir.Constant(places, list(range(self.n.lanes))), counts)

    def load_masked(self, base: Any, index: Any, mask: Any) -> Any:
        place = self.b.bitcast(self.b.gep(base, [index]), self.n.vector.as_pointer())
        align = ir.Constant(ir.IntType(32), self.n.bytes)
        return self.call(
            f"llvm.masked.load.{self.n.suffix}.p0{self.n.suffix}", self.n.vector, place, align, mask, self.zero
        )

    def store_masked(self, vector: Any, base: Any, index: Any, mask: Any) -> None:
        place = self.b.bitcast(self.b.gep(base, [index]), self.n.vector.as_pointer())
        align = ir.Constant(ir.IntType(32), self.n.bytes)
        name = f"llvm.masked.store.{self.n.suffix}.p0{self.n.suffix}"
        self.call(name, ir.VoidType(), vector, place, align, mask)

    def loop(self, count: Any, step: int, sums: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
        """for i in range(0, count, step), with sums that stay in registers: what they are in the end."""
        b = self.b
        before = b.block
        inside, after = b.append_basic_block("tile"), b.append_basic_block("done")
        b.cbranch(b.icmp_signed(">", count, _integer(0)), inside, after)
        b.position_at_end(inside)
        i = b.phi(INTEGER)
        i.add_incoming(_integer(0), before)
        carried = [b.phi(vector.type) for vector in sums]
        for phi, first in zip(carried, sums, strict=True):
            phi.add_incoming(first, before)
        new = body(i, carried)
        following, end = b.add(i, _integer(step)), b.block
        i.add_incoming(following, end)
        for phi, value in zip(carried, new, strict=True):
            phi.add_incoming(value, end)
        b.cbranch(b.icmp_signed("<", following, count), inside, after)
        b.position_at_end(after)
        results = []
        for first, value in zip(sums, new, strict=True):
            phi = b.phi(value.type)
            phi.add_incoming(first, before)
            phi.add_incoming(value, end)
            results.append(phi)
        return results


def _integer(value: int) -> Any:
    return ir.Constant(INTEGER, value)


def _addresses(count: int) -> list[Any]:
    return [types.intp] * count


def forward_tile(outputs: int, vectors: int, masked: bool = False) -> Any:
    """answer[o, v] = bias[o] + sum over taps of kernel[tap, o] * map[offset + v], for a few outputs and vectors.

    Arguments: marker; addresses of the map, the taps (offset, number), how many; of the packed kernel, the bias (0
    where the sums go on from what the answer holds) and the answer; numbers from output to output; of a masked tile,
    whose one vector is not full, how many places count.
    """

    @intrinsic
    def tile(typing, marker, x, taps, count, kernel, bias, answer, step, places):  # type: ignore[no-untyped-def]
        numbers = _numbers(marker)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            code, b = _Code(builder, numbers), builder
            _, x, taps, count, kernel, bias, answer, step, places = arguments
            x, kernel, bias, answer = (code.pointer(address) for address in (x, kernel, bias, answer))
            taps = code.pointer(taps, INTEGER)
            mask = code.mask(places) if masked else None
            rows = [b.gep(answer, [b.mul(step, _integer(o))]) for o in range(outputs)]
            columns = [_integer(v * numbers.lanes) for v in range(vectors)]

            def read(base: Any, index: Any) -> Any:
                return code.load_masked(base, index, mask) if masked else code.load(base, index)

            begun = b.icmp_signed("==", arguments[5], _integer(0))
            with b.if_else(begun) as (going_on, beginning):
                with going_on:
                    sums_so_far = [read(row, column) for row in rows for column in columns]
                    block_on = b.block
                with beginning:
                    first = [code.splat(b.load(b.gep(bias, [_integer(o)]))) for o in range(outputs) for _ in columns]
                    block_first = b.block
            starts = []
            for going, start in zip(sums_so_far, first, strict=True):
                phi = b.phi(numbers.vector)
                phi.add_incoming(going, block_on)
                phi.add_incoming(start, block_first)
                starts.append(phi)

            def body(i: Any, sums: list[Any]) -> list[Any]:
                pair = b.mul(i, _integer(2))
                offset, number = b.load(b.gep(taps, [pair])), b.load(b.gep(taps, [b.add(pair, _integer(1))]))
                place, own = b.gep(x, [offset]), b.gep(kernel, [b.mul(number, _integer(outputs))])
                read_in = [read(place, _integer(v * numbers.lanes)) for v in range(vectors)]
                new = []
                for o in range(outputs):
                    factor = code.splat(b.load(b.gep(own, [_integer(o)])))
                    new += [code.multiply_add(read_in[v], factor, sums[o * vectors + v]) for v in range(vectors)]
                return new

            totals = code.loop(count, 1, starts, body)
            for vector, (row, column) in zip(totals, product(rows, columns), strict=True):
                if masked:
                    code.store_masked(vector, row, column, mask)
                else:
                    code.store(vector, row, column)
            return context.get_dummy_value()

        return types.void(marker, *_addresses(8)), generate

    return tile


def gradient_tile(outputs: int, taps_of_tile: int) -> Any:
    """gradient[o, tap] += sum over rows and v < length of error[o, v] * map[offset + v], for a few outputs and taps.

    Arguments: marker; addresses of the error, numbers from output to output; of the map, the taps; the length; address
    of the gradient, numbers from output to output; how many rows; numbers from row to row of error and map.
    """

    @intrinsic
    def tile(typing, marker, e, e_step, x, taps, length, gradient, g_step, rows, e_row, x_row):  # type: ignore[no-untyped-def]
        numbers = _numbers(marker)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            code, b = _Code(builder, numbers), builder
            _, e, e_step, x, taps, length, gradient, g_step, rows, e_row, x_row = arguments
            e, x, gradient = code.pointer(e), code.pointer(x), code.pointer(gradient)
            taps = code.pointer(taps, INTEGER)
            offsets = [b.load(b.gep(taps, [_integer(2 * t)])) for t in range(taps_of_tile)]
            places = [b.load(b.gep(taps, [_integer(2 * t + 1)])) for t in range(taps_of_tile)]
            whole = b.and_(length, _integer(-numbers.lanes))
            rest = b.sub(length, whole)
            mask = code.mask(rest)
            any_rest = b.select(b.icmp_signed(">", rest, _integer(0)), _integer(1), _integer(0))

            def row(r: Any, sums: list[Any]) -> list[Any]:
                map_row, error_row = b.gep(x, [b.mul(r, x_row)]), b.gep(e, [b.mul(r, e_row)])
                read = [b.gep(map_row, [offset]) for offset in offsets]
                errors = [b.gep(error_row, [b.mul(e_step, _integer(o))]) for o in range(outputs)]

                def products(load: Callable[[Any], Any], sums: list[Any]) -> list[Any]:
                    maps = [load(base) for base in read]
                    new = []
                    for o in range(outputs):
                        error = load(errors[o])
                        for t in range(taps_of_tile):
                            new.append(code.multiply_add(error, maps[t], sums[o * taps_of_tile + t]))
                    return new

                sums = code.loop(
                    whole, numbers.lanes, sums, lambda i, sums: products(lambda base: code.load(base, i), sums)
                )
                return code.loop(
                    any_rest, 1, sums, lambda i, sums: products(lambda base: code.load_masked(base, whole, mask), sums)
                )

            totals = code.loop(rows, 1, [code.zero] * (outputs * taps_of_tile), row)
            for o in range(outputs):
                for t in range(taps_of_tile):
                    place = b.gep(gradient, [b.add(b.mul(g_step, _integer(o)), places[t])])
                    b.store(b.fadd(b.load(place), code.total(totals[o * taps_of_tile + t])), place)
            return context.get_dummy_value()

        return types.void(marker, *_addresses(10)), generate

    return tile


forward_8x2, forward_8x1 = forward_tile(8, 2), forward_tile(8, 1)
forward_4, forward_4x1 = forward_tile(4, 4 if WIDE else 3), forward_tile(4, 1)
forward_2, forward_2x1 = forward_tile(2, 6 if WIDE else 4), forward_tile(2, 1)
forward_1, forward_1x1 = forward_tile(1, 8 if WIDE else 6), forward_tile(1, 1)
VECTORS_4, VECTORS_2, VECTORS_1 = (4, 6, 8) if WIDE else (3, 4, 6)
masked_8, masked_4, masked_2, masked_1 = (forward_tile(outputs, 1, masked=True) for outputs in (8, 4, 2, 1))
gradient_large = gradient_tile(FEW_OUTPUTS, MOST_TAPS)
gradient_half = gradient_tile(FEW_OUTPUTS, MOST_TAPS // 2)
gradient_few = gradient_tile(FEW_OUTPUTS, 1)
single_9, single_3, single_1 = gradient_tile(1, 9 if WIDE else 6), gradient_tile(1, 3), gradient_tile(1, 1)
MOST_SINGLE = 9 if WIDE else 6


@intrinsic
def width_of(typing, marker):  # type: ignore[no-untyped-def]
    """Bytes of a number of the marker's type."""
    size = _numbers(marker).bytes

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return _integer(size)

    return types.intp(marker), generate


@njit(inline="always")
def _tile_outputs(left):  # type: ignore[no-untyped-def]
    """How many of the outputs that are left the next tile has."""
    if left >= LARGEST:
        return LARGEST
    return 4 if left >= 4 else 2 if left >= 2 else 1


def where(view: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(11,): where a view (G, O, kh, C, kw) begins in contiguous numbers, its shape, and its steps in numbers.

    Numbers and places are passed and not the view: for each kind of contiguity Numba would compile all anew.
    """
    size = whole.itemsize
    start = (view.ctypes.data - whole.ctypes.data) // size
    return np.array([start, *view.shape, *(stride // size for stride in view.strides)], np.int64)


@cached
def pack(kernel, place, packed):  # type: ignore[no-untyped-def]
    """A kernel (n,) at ``place``, see :func:`where`, as tiles read it: for each tile of outputs, tap by tap, those."""
    start, groups, outputs, rows, channels, columns = place[0], place[1], place[2], place[3], place[4], place[5]
    to_group, to_output, to_row, to_channel, to_column = place[6], place[7], place[8], place[9], place[10]
    taps = rows * channels * columns
    for g in range(groups):
        o = 0
        while o < outputs:
            size = _tile_outputs(outputs - o)
            at = (g * outputs + o) * taps
            for i in range(rows):
                for c in range(channels):
                    for j in range(columns):
                        tap = start + g * to_group + o * to_output + i * to_row + c * to_channel + j * to_column
                        for n in range(size):
                            packed[at + n] = kernel[tap + n * to_output]
                        at += size
            o += size


@cached
def masked_rest(marker, x, taps, count, kernel, bias, y, step, places, size):  # type: ignore[no-untyped-def]
    """The end of a stretch, where fewer places are left than a vector has."""
    if size == 8:
        masked_8(marker, x, taps, count, kernel, bias, y, step, places)
    elif size == 4:
        masked_4(marker, x, taps, count, kernel, bias, y, step, places)
    elif size == 2:
        masked_2(marker, x, taps, count, kernel, bias, y, step, places)
    else:
        masked_1(marker, x, taps, count, kernel, bias, y, step, places)


@cached
def _multiply_stretch(marker, lanes, width, x, taps, count, block, kernel, all_taps, bias, y, step, outputs, length):  # type: ignore[no-untyped-def]
    """One stretch of ``length`` numbers, for all outputs of a group. Addresses are in bytes, ``width`` is a number's.

    ``block`` taps at once: what they read of a chunk stays in the nearest cache.
    """
    start = 0
    while start < length:
        stop = length if length - start < CHUNK + lanes else start + CHUNK
        o = 0
        while o < outputs:
            size = _tile_outputs(outputs - o)
            k, row = kernel + width * o * all_taps, y + width * o * step
            t = 0
            while t < count or t == 0:
                own, some = taps + 16 * t, min(block, count - t)
                b = bias + width * o if t == 0 else 0
                v = start
                while v < stop:
                    left = stop - v
                    if left < lanes:
                        masked_rest(marker, x + width * v, own, some, k, b, row + width * v, step, left, size)
                        v = stop
                        continue
                    xv, yv = x + width * v, row + width * v
                    if size == 8:
                        if left >= 2 * lanes:
                            forward_8x2(marker, xv, own, some, k, b, yv, step, 0)
                            v += 2 * lanes
                        else:
                            forward_8x1(marker, xv, own, some, k, b, yv, step, 0)
                            v += lanes
                    elif size == 4:
                        if left >= VECTORS_4 * lanes:
                            forward_4(marker, xv, own, some, k, b, yv, step, 0)
                            v += VECTORS_4 * lanes
                        else:
                            forward_4x1(marker, xv, own, some, k, b, yv, step, 0)
                            v += lanes
                    elif size == 2:
                        if left >= VECTORS_2 * lanes:
                            forward_2(marker, xv, own, some, k, b, yv, step, 0)
                            v += VECTORS_2 * lanes
                        else:
                            forward_2x1(marker, xv, own, some, k, b, yv, step, 0)
                            v += lanes
                    elif left >= VECTORS_1 * lanes:
                        forward_1(marker, xv, own, some, k, b, yv, step, 0)
                        v += VECTORS_1 * lanes
                    else:
                        forward_1x1(marker, xv, own, some, k, b, yv, step, 0)
                        v += lanes
                t += block
            o += size
        start = stop


@cached
def multiply_lane(marker, x, y, runs, taps, kernel, bias, shape, steps, lane):  # type: ignore[no-untyped-def]
    """The runs and outputs of one lane: (first run, last, first output, last).

    ``x, y, taps, kernel, bias`` are addresses; ``shape`` is (groups, outputs of a group, taps of the kernel, taps at
    once) and ``steps`` numbers in the map from group to group, in the answer likewise, and from output to output.
    """
    width = width_of(marker)
    lanes = BYTES // width
    groups, outputs, all_taps, block = shape
    x_group, y_group, y_output = steps
    first_run, last_run, first, last = lane
    for r in range(first_run, last_run):
        run = runs[r]
        own = taps + 16 * run[FIRST_TAP]
        for row in range(run[ROWS]):
            for g in range(groups):
                where = y + width * (run[ANSWER] + row * run[ANSWER_STEP] + g * y_group + first * y_output)
                _multiply_stretch(
                    marker, lanes, width, x + width * (run[MAP] + row * run[MAP_STEP] + g * x_group), own, run[TAPS],
                    block, kernel + width * (g * outputs + first) * all_taps, all_taps,
                    bias + width * (g * outputs + first), where, y_output, last - first, run[LENGTH],
                )  # fmt: skip


@cached
def correlate_lane(marker, x, e, runs, taps, gradient, shape, steps, lane):  # type: ignore[no-untyped-def]
    """The gradient (G, O, T) of a lane's runs and outputs, added to what is at the address ``gradient``."""
    width = width_of(marker)
    groups, outputs, all_taps = shape
    x_group, e_group, e_output = steps
    first_run, last_run, first, last = lane
    for r in range(first_run, last_run):
        run = runs[r]
        length, e_row, x_row, count = run[LENGTH], run[ANSWER_STEP], run[MAP_STEP], run[TAPS]
        most = max(1, NEAR // length)
        row = 0
        while row < run[ROWS]:
            rows = min(most, run[ROWS] - row)
            for g in range(groups):
                xa = x + width * (run[MAP] + row * x_row + g * x_group)
                ea = e + width * (run[ANSWER] + row * e_row + g * e_group)
                ga = gradient + width * g * outputs * all_taps
                o = first
                while o < last:
                    few = last - o >= FEW_OUTPUTS
                    eo, go = ea + width * o * e_output, ga + width * o * all_taps
                    t = 0
                    while t < count:
                        own, left = taps + 16 * (run[FIRST_TAP] + t), count - t
                        if few and left >= MOST_TAPS:
                            gradient_large(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += MOST_TAPS
                        elif few and left >= MOST_TAPS // 2:
                            gradient_half(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += MOST_TAPS // 2
                        elif few:
                            gradient_few(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += 1
                        elif left >= MOST_SINGLE:
                            single_9(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += MOST_SINGLE
                        elif left >= 3:
                            single_3(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += 3
                        else:
                            single_1(marker, eo, e_output, xa, own, length, go, all_taps, rows, e_row, x_row)
                            t += 1
                    o += FEW_OUTPUTS if few else 1
            row += rows


@cached
def multiply(marker, x, y, runs, taps, kernel, place, packed, bias, shape, steps, lanes):  # type: ignore[no-untyped-def]
    """All lanes of a product, one after the other."""
    pack(kernel, place, packed)
    for index in range(len(lanes)):
        lane = (lanes[index, 0], lanes[index, 1], lanes[index, 2], lanes[index, 3])
        multiply_lane(marker, x, y, runs, taps.ctypes.data, packed.ctypes.data, bias.ctypes.data, shape, steps, lane)


@cached(parallel=True)
def multiply_shared(marker, x, y, runs, taps, kernel, place, packed, bias, shape, steps, lanes):  # type: ignore[no-untyped-def]
    """All lanes of a product, shared by Numba's threads."""
    pack(kernel, place, packed)
    t, k, b = taps.ctypes.data, packed.ctypes.data, bias.ctypes.data
    for index in prange(len(lanes)):
        lane = (lanes[index, 0], lanes[index, 1], lanes[index, 2], lanes[index, 3])
        multiply_lane(marker, x, y, runs, t, k, b, shape, steps, lane)


@cached
def correlate(marker, x, e, runs, taps, sums, gradient, place, shape, steps, lanes, owners):  # type: ignore[no-untyped-def]
    """All lanes of a gradient (T numbers an output), one after the other; ``owners`` says into which sum each goes."""
    sums[:] = 0
    for index in range(len(lanes)):
        lane = (lanes[index, 0], lanes[index, 1], lanes[index, 2], lanes[index, 3])
        correlate_lane(marker, x, e, runs, taps.ctypes.data, sums[owners[index]].ctypes.data, shape, steps, lane)
    _add_up(sums, gradient, place)


@cached(parallel=True)
def correlate_shared(marker, x, e, runs, taps, sums, gradient, place, shape, steps, lanes, owners):  # type: ignore[no-untyped-def]
    """All lanes of a gradient, shared by Numba's threads; their sums are added in order."""
    sums[:] = 0
    t = taps.ctypes.data
    for index in prange(len(lanes)):
        lane = (lanes[index, 0], lanes[index, 1], lanes[index, 2], lanes[index, 3])
        correlate_lane(marker, x, e, runs, t, sums[owners[index]].ctypes.data, shape, steps, lane)
    _add_up(sums, gradient, place)


@cached
def _add_up(sums, gradient, place):  # type: ignore[no-untyped-def]
    """Sums (S, G * O * kh * C * kw) in order, into a gradient (n,) at ``place``, see :func:`where`."""
    start, groups, outputs, rows, channels, columns = place[0], place[1], place[2], place[3], place[4], place[5]
    to_group, to_output, to_row, to_channel, to_column = place[6], place[7], place[8], place[9], place[10]
    for g in range(groups):
        for o in range(outputs):
            for i in range(rows):
                for c in range(channels):
                    for j in range(columns):
                        at = (((g * outputs + o) * rows + i) * channels + c) * columns + j
                        total = sums[0, at]
                        for s in range(1, len(sums)):
                            total += sums[s, at]
                        tap = start + g * to_group + o * to_output + i * to_row + c * to_channel + j * to_column
                        gradient[tap] = total


@intrinsic
def turn_square(typing, marker, source, source_step, target, target_step):  # type: ignore[no-untyped-def]
    """A square of as many rows as a vector has numbers, turned in registers: rows become columns.

    In each round every two vectors that are half the square apart are interleaved; after log2(lanes) rounds all numbers
    stand where they belong.
    """
    numbers = _numbers(marker)
    half = numbers.lanes // 2

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        code, b = _Code(builder, numbers), builder
        _, source, source_step, target, target_step = arguments
        source, target = code.pointer(source), code.pointer(target)
        places = ir.VectorType(ir.IntType(32), numbers.lanes)
        low, high = (
            ir.Constant(places, [place for i in range(first, first + half) for place in (i, numbers.lanes + i)])
            for first in (0, half)
        )
        rows = [code.load(source, b.mul(source_step, _integer(i))) for i in range(numbers.lanes)]
        for _ in range(numbers.lanes.bit_length() - 1):
            rows = [
                b.shuffle_vector(rows[i // 2], rows[i // 2 + half], high if i % 2 else low)
                for i in range(numbers.lanes)
            ]
        for i, row in enumerate(rows):
            code.store(row, target, b.mul(target_step, _integer(i)))
        return context.get_dummy_value()

    return types.void(marker, *_addresses(4)), generate


@cached
def turn_part(marker, source, target, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """target[c, r] = source[r, c] for some rows and columns of ``source``; both are contiguous along their rows."""
    width = width_of(marker)
    lanes = BYTES // width
    source_step, target_step = source.strides[0] // width, target.strides[0] // width
    below, beside = top + (bottom - top) // lanes * lanes, left + (right - left) // lanes * lanes
    a, b = source.ctypes.data, target.ctypes.data
    for r in range(top, below, lanes):
        for c in range(left, beside, lanes):
            turn_square(
                marker, a + width * (r * source_step + c), source_step, b + width * (c * target_step + r), target_step
            )
    for c in range(left, right):
        for r in range(below if c < beside else top, bottom):
            target[c, r] = source[r, c]


@cached
def turn(marker, source, target, stripe):  # type: ignore[no-untyped-def]
    """target (C, R) = source (R, C) turned, stripe by stripe of its longer side."""
    rows, columns = source.shape
    for start in range(0, max(rows, columns), stripe):
        if rows > columns:
            turn_part(marker, source, target, start, min(start + stripe, rows), 0, columns)
        else:
            turn_part(marker, source, target, 0, rows, start, min(start + stripe, columns))


@cached(parallel=True)
def turn_shared(marker, source, target, stripe):  # type: ignore[no-untyped-def]
    """:func:`turn`, its stripes shared by Numba's threads."""
    rows, columns = source.shape
    for index in prange(-(-max(rows, columns) // stripe)):
        start = index * stripe
        if rows > columns:
            turn_part(marker, source, target, start, min(start + stripe, rows), 0, columns)
        else:
            turn_part(marker, source, target, 0, rows, start, min(start + stripe, columns))


def marker_of(dtype: np.dtype[Any]) -> Any:
    """What tells the core the type of its numbers."""
    return np.zeros((), dtype)[()]
