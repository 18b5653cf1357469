"""Convolution as lists of runs: where maps lie batch-last, a row of the answer is one run of numbers under every tap.

A *run* is some rows of numbers that lie together in the answer and, under each tap of its list, in the map; a *tap* is
an offset in the map and a number in the kernel. At a border the list is shorter, so that padding needs no zeros. The
error of the input is the same with the rotated kernel, one list for each phase of the stride; the gradient of the
kernel goes over forward's lists. :mod:`minigraph.steps.compiled` computes and knows no geometry; nothing here
computes.

With few samples a row is too short a run where the padding or a stride cuts it, and with a stride it is one anyway:
then the map is first put into a wider one, with its zeros beside it and its columns sorted by the phase of the stride,
so that whole rows are runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, product
from math import gcd
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigraph.arrays import Array
from minigraph.convolution.fourier import Fourier
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.steps.steps import Step, copying, setter
from minigraph.steps.threads import compiled_threads

LEAST_PRODUCTS = 1 << 17
"""Below so many multiply-adds the call itself, and the import of Numba, are not worth it."""
PRODUCTS_PER_COPY = 28
"""Multiply-adds in the time of copying a number, as :mod:`minigraph.convolution.gemm` counts: more than it has, so that
lists come before all products over patches."""
PRODUCTS_PER_TRANSFORM = 6
"""The same beside :mod:`minigraph.convolution.fourier`, which keeps the very large kernels."""
SHORT = 16
"""With fewer samples the map is made wider where rows would be cut."""
LONG = 128
"""A row of so many numbers is a run of its own; shorter ones go together with the gaps between them."""
LANE_PRODUCTS = 1 << 21
"""About so many multiply-adds, some 20 microseconds, are a lane."""
MOST_LANES = 64
LANES_OF_A_THREAD = 4
"""A thread that gets fewer lanes costs more than it brings: waking it takes some 50 microseconds."""
SUMS_BYTES = 1 << 19
"""Memory that a gradient's sums may take, one for each lane of rows."""
SMALL = 512
"""Where a row of the answer has fewer numbers, the gradient's map is padded."""
ROWS_AT_ONCE = 24
"""Rows of the map under so many rows of taps at once stay in the nearest cache."""
LINE = 64
"""Bytes of a line of the caches."""


@dataclass(frozen=True)
class Axis:
    """How the windows of an answer stand on one axis of a map.

    Attributes:
        windows: how many; taps: of the kernel; length: rows of the map.
        start: what tap 0 of window 0 reads; tap_step, window_step: from one to the next.
        origin, step: where window 0 stands in the answer, and from one to the next.
    """

    windows: int
    taps: int
    length: int
    start: int
    tap_step: int
    window_step: int
    origin: int = 0
    step: int = 1

    def stretches(self) -> list[tuple[int, int, int, int]]:
        """Windows that meet the same taps: (first, behind the last, first tap, behind the last)."""
        stretches: list[tuple[int, int, int, int]] = []
        for window in range(self.windows):
            at = self.start + window * self.window_step
            inside = [tap for tap in range(self.taps) if 0 <= at + tap * self.tap_step < self.length]
            met = (inside[0], inside[-1] + 1) if inside else (0, 0)
            if stretches and stretches[-1][2:] == met:
                stretches[-1] = (stretches[-1][0], window + 1, *met)
            else:
                stretches.append((window, window + 1, *met))
        return stretches

    def read(self, window: int) -> int:
        """What tap 0 of a window reads."""
        return self.start + window * self.window_step

    def place(self, window: int) -> int:
        """Where a window stands in the answer."""
        return self.origin + window * self.step


@dataclass(frozen=True)
class Lists:
    """Runs (R, 8), in the columns of :mod:`minigraph.steps.compiled`, and their taps (T, 2)."""

    runs: Array
    taps: Array

    @classmethod
    def of(
        cls, x: Array, answer: Array, rows: Axis, columns: Axis, groups: int,
        tap_columns: list[int] | None = None, planes: bool = False,
    ) -> Lists:  # fmt: skip
        """The lists of windows over a map (C, H, W, N) that fill an answer (O, P, Q, N).

        Args:
            tap_columns: of a wide map, which column each tap reads for window 0; all of them are inside.
            planes: whether neighbouring rows, with the gaps that map and answer have alike, are one run.
        """
        size, batch, channels = x.itemsize, x.shape[3], len(x) // groups
        x_channel, x_row = (stride // size for stride in x.strides[:2])
        y_row, y_column = (stride // size for stride in answer.strides[1:3])
        if tap_columns is None:
            tap_columns, across = [j * columns.tap_step for j in range(columns.taps)], columns.stretches()
        else:
            across = [(0, columns.windows, 0, columns.taps)]
        runs: list[tuple[int, ...]] = []
        taps: list[tuple[int, int]] = []
        known: dict[tuple[int, ...], tuple[int, int]] = {}
        together = columns.window_step == 1 and columns.step == 1
        for p0, p1, i0, i1 in rows.stretches():
            for q0, q1, j0, j1 in across:
                if (i0, i1, j0, j1) not in known:
                    own = [
                        (c * x_channel + i * rows.tap_step * x_row + tap_columns[j] * batch,
                         (i * channels + c) * columns.taps + j)
                        for i in range(i0, i1) for c in range(channels) for j in range(j0, j1)
                    ]  # fmt: skip
                    known[i0, i1, j0, j1] = len(taps), len(own)
                    taps += own
                met = known[i0, i1, j0, j1]
                here = columns.read(q0) * batch, columns.place(q0) * y_column
                if together and planes:
                    first = rows.read(p0) * x_row + here[0], rows.place(p0) * y_row + here[1]
                    runs.append((*first, (p1 - p0 - 1) * y_row + (q1 - q0) * batch, 1, 0, 0, *met))
                elif together:
                    first = rows.read(p0) * x_row + here[0], rows.place(p0) * y_row + here[1]
                    steps = rows.window_step * x_row, rows.step * y_row
                    runs.append((*first, (q1 - q0) * batch, p1 - p0, *steps, *met))
                else:
                    steps = columns.window_step * batch, columns.step * y_column
                    for p in range(p0, p1):
                        first = rows.read(p) * x_row + here[0], rows.place(p) * y_row + here[1]
                        runs.append((*first, batch, q1 - q0, *steps, *met))
        runs.sort(key=lambda run: run[1])  # what neighbouring runs read stays near
        return cls(np.array(runs, np.int64), np.array(taps or [(0, 0)], np.int64))

    def cut(self, outputs: int, tile: int, lanes: int, rows: int) -> tuple[Lists, Array, Array]:
        """The lists with their runs cut for so many lanes: these, the lanes (L, 4) of (first run, behind the last,
        first output, behind the last), and for each lane the number of its share of the runs.

        Args:
            tile: outputs that stay together. rows: the most shares of the runs; beyond them outputs are cut.
        """
        by_runs = max(1, min(lanes, rows, int(self.runs[:, 3].sum())))
        by_outputs = max(1, min(-(-lanes // by_runs), -(-outputs // tile)))
        work = self.runs[:, 2] * self.runs[:, 3] * np.maximum(self.runs[:, 7], 1)
        piece = max(1, int(work.sum()) // (by_runs * 4))
        runs = []
        for run, amount in zip(self.runs, work, strict=True):
            count = int(run[3])
            each = max(1, int(piece * count // max(int(amount), 1))) if by_runs > 1 else count
            for first in range(0, count, each):
                part = run.copy()
                part[0] += first * run[4]
                part[1] += first * run[5]
                part[3] = min(each, count - first)
                runs.append(part)
        cut = np.array(runs)
        done = np.cumsum(cut[:, 2] * cut[:, 3] * np.maximum(cut[:, 7], 1))
        ends = [0, *(np.searchsorted(done, done[-1] * np.arange(1, by_runs) / by_runs) + 1), len(cut)]
        ends = np.minimum(np.maximum.accumulate(np.array(ends)), len(cut)).tolist()
        tiles = -(-outputs // tile)
        parts = [min(outputs, tiles * part // by_outputs * tile) for part in range(by_outputs + 1)]
        shares = [pair for pair in pairwise(ends) if pair[0] < pair[1]]
        cuts = [(*share, *part) for share in shares for part in pairwise(parts) if part[0] < part[1]]
        owners = [owner for owner in range(len(shares)) for part in pairwise(parts) if part[0] < part[1]]
        return Lists(cut, self.taps), np.array(cuts, np.int64), np.array(owners, np.int64)


@dataclass(frozen=True)
class Side:
    """A map, or an error, as runs read it: itself, or a wider map with steps that fill it.

    Attributes:
        array: (C, H, W', N); fill: what puts the given map into it, before each pass.
        tap_columns: which column each tap reads for window 0, of a wide one; planes: whether whole planes are runs;
        padded: whether it has its zeros above and below as well.
    """

    array: Array
    fill: list[Step]
    tap_columns: list[int] | None = None
    planes: bool = False
    padded: bool = False


class RunLists(Planned):
    """Any convolution, through compiled run lists."""

    name = "lists"
    compiled = True

    def __init__(self, layer: Layer, buffers: Buffers) -> None:
        super().__init__(layer, buffers)
        from minigraph.steps import compiled  # it brings Numba

        self._core: Any = compiled
        self._marker = compiled.marker_of(buffers.x.dtype)
        geometry = layer.geometry
        (top, left, _, _), (down, across), (tap_down, tap_across) = (
            geometry.padding, geometry.stride, geometry.dilation,
        )  # fmt: skip
        (kh, kw), (rows, columns) = layer.kernel_size, layer.output
        self._vertical = Axis(rows, kh, layer.size[0], -top, tap_down, down)
        self._horizontal = Axis(columns, kw, layer.size[1], -left, tap_across, across)
        self._side = self._wide(buffers.x, self._vertical, self._horizontal)
        if buffers.fixed:
            for step in self._side.fill:
                step()

    @staticmethod
    def cost(layer: Layer) -> float | None:
        if layer.multiply_adds < LEAST_PRODUCTS:
            return None
        transforms = Fourier.cost(layer)
        if transforms is not None and 3 * layer.multiply_adds / PRODUCTS_PER_TRANSFORM > transforms:
            return None
        return 3 * layer.multiply_adds / PRODUCTS_PER_COPY

    # -- passes ------------------------------------------------------------------------------------

    def forward(self) -> list[Step]:
        kernel, bias, answer, side = self.buffers.kernel, self.buffers.bias, self.buffers.answer, self._side
        fill = [] if self.buffers.fixed else side.fill
        target, after = self._target(answer, side)
        return [*fill, *self._product(side, target, self._axes(side), self._by_group(kernel), bias), *after]

    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        steps: list[Step] = []
        if kernel is not None:
            side, fill = self._gradient_side()
            spread = self._apart(error)
            if side.planes:
                spread = self._map(len(error), error.shape[1], side.array.shape[2], zeros=True)
                fill += copying(spread[:, :, : error.shape[2]], error)
            elif spread is not error:
                fill += copying(spread, error)
            steps += [*fill, self._correlation(side, spread, kernel)]
        if bias is not None:
            steps.append(partial(np.add.reduce, error, (1, 2, 3), None, bias))
        return steps

    def input_error(self, error: Array, filled: Array) -> list[Step]:
        layer, (down, across) = self.layer, self.layer.geometry.stride
        direct = self._apart(error)
        steps = [] if direct is error else copying(direct, error)
        reached = np.zeros(layer.size, bool)
        vertical, horizontal = (
            [Phase.of(layer, axis, number) for number in range(stride)] for axis, stride in ((0, down), (1, across))
        )
        for rows, columns in product(vertical, horizontal):
            if rows is not None and columns is not None:
                reached[rows.places, columns.places] = True
                steps += self._phase(rows, columns, error, direct, filled)
        return steps if reached.all() else [setter(filled, 0), *steps]

    def _phase(self, rows: Phase, columns: Phase, error: Array, direct: Array, filled: Array) -> list[Step]:
        """The steps that fill the places of one phase of the stride, down and across."""
        # (G, O/G, kh, C/G, kw) -> (G, C/G, kh, O/G, kw)
        kernel = self._by_group(self.buffers.kernel)[:, :, rows.kernel][..., columns.kernel].transpose(0, 3, 2, 1, 4)
        side = self._wide(error, rows.axis, columns.axis, direct)
        if side.tap_columns is None:
            return self._product(side, filled, (rows.axis, columns.axis), kernel, None)
        width = side.array.shape[2] if side.planes else columns.axis.windows
        target = self._map(len(filled), rows.axis.windows, width)
        flat = replace(rows.axis, origin=0, step=1), self._inside(replace(columns.axis, origin=0, step=1))
        take = copying(filled[:, rows.places, columns.places], target[:, :, : columns.axis.windows])
        return [*side.fill, *self._product(side, target, flat, kernel, None), *take]

    def _gradient_side(self) -> tuple[Side, list[Step]]:
        """How the gradient of the kernel reads the map, and the steps that make it ready.

        A gradient's sums leave the registers after each run: small maps with padding get their zeros after all, so that
        they are one run under all taps.
        """
        rows, columns = self._vertical, self._horizontal
        padded = rows.start < 0 or columns.start < 0
        small = columns.windows * self.layer.batch < SMALL and rows.window_step == columns.window_step == 1
        if not padded or not small or (self._side.planes and rows.start == 0):
            return self._side, []
        top, left = -rows.start, -columns.start
        height = (rows.windows - 1) + (rows.taps - 1) * rows.tap_step + 1
        width = (columns.windows - 1) + (columns.taps - 1) * columns.tap_step + 1
        x = self.buffers.x
        whole = self._map(self.layer.channels, max(height, top + x.shape[1]), max(width, left + x.shape[2]), True)
        fill = copying(whole[:, top : top + x.shape[1], left : left + x.shape[2]], x)
        if self.buffers.fixed:
            for step in fill:
                step()
            fill = []
        tap_columns = [j * columns.tap_step for j in range(columns.taps)]
        return Side(whole, [], tap_columns, planes=True, padded=True), fill

    # -- maps --------------------------------------------------------------------------------------

    def _apart(self, given: Array) -> Array:
        """A map itself, or one beside it whose channels do not fall on the same places of the caches."""
        lines = given.strides[0] // LINE
        if len(given) // self.layer.geometry.groups < 8 or given.strides[0] % LINE or lines % 16:
            return given
        return self._map(*given.shape[:3])

    def _map(self, channels: int, rows: int, columns: int, zeros: bool = False) -> Array:
        """A map (C, H, W, N) whose channels are an odd number of lines apart."""
        batch, size = self.layer.batch, self.layer.itemsize
        lines = -(-rows * columns * batch * size // LINE)
        each = (lines + 1 - lines % 2) * LINE // size
        flat = self.own((channels * each,), zeros)
        return as_strided(
            flat, (channels, rows, columns, batch), (each * size, columns * batch * size, batch * size, size)
        )

    def _wide(self, source: Array, rows: Axis, columns: Axis, apart: Array | None = None) -> Side:
        """How runs read a map for windows that stand on its rows and columns like this."""
        few = self.layer.batch < SHORT or columns.window_step > 1
        left, step = -columns.start, columns.window_step
        cut = left > 0 or step > 1 or columns.windows * self.layer.batch < LONG
        reach = columns.start + (columns.windows - 1) * step + (columns.taps - 1) * columns.tap_step
        if not few or not (cut or reach >= columns.length):
            spread = self._apart(source) if apart is None else apart
            return Side(spread, [] if spread is source or apart is not None else copying(spread, source))
        channels, height, width, _ = source.shape
        each = max(
            (columns.windows - 1) + ((columns.taps - 1) * columns.tap_step) // step + 1, (left + width - 1) // step + 1
        )
        wide = self._map(channels, height, step * each, zeros=True)
        fill: list[Step] = []
        for phase in range(step):
            first = (phase - left) % step
            place, count = (left + first) // step, len(range(first, width, step))
            skipped = max(0, -place)
            if count > skipped:
                begin = phase * each + place + skipped
                goal = wide[:, :, begin : begin + count - skipped]
                fill += copying(goal, source[:, :, first + skipped * step :: step])
        reads = [j * columns.tap_step for j in range(columns.taps)]
        tap_columns = [at % step * each + at // step for at in reads]
        planes = step == rows.window_step == 1 and columns.windows * self.layer.batch < LONG
        return Side(wide, fill, tap_columns, planes)

    def _target(self, answer: Array, side: Side) -> tuple[Array, list[Step]]:
        """What a product fills, and the steps that make the answer of it."""
        if not side.planes:
            return answer, []
        target = self._map(len(answer), answer.shape[1], side.array.shape[2])
        return target, copying(answer, target[:, :, : answer.shape[2]])

    def _axes(self, side: Side) -> tuple[Axis, Axis]:
        rows = replace(self._vertical, start=0, length=side.array.shape[1]) if side.padded else self._vertical
        return rows, self._horizontal if side.tap_columns is None else self._inside(self._horizontal)

    @staticmethod
    def _inside(columns: Axis) -> Axis:
        """The windows on a wide map, which has all that they read."""
        return Axis(columns.windows, columns.taps, columns.length, 0, columns.tap_step, 1, columns.origin, columns.step)

    def _by_group(self, kernel: Array) -> Array:
        """(O, C/G, kh, kw) as (G, O/G, kh, C/G, kw), a view."""
        groups = self.layer.geometry.groups
        return kernel.reshape(groups, len(kernel) // groups, *kernel.shape[1:]).transpose(0, 1, 3, 2, 4)

    # -- calls -------------------------------------------------------------------------------------

    def _lanes(self, products: int) -> int:
        return max(1, min(MOST_LANES, products // LANE_PRODUCTS))

    def _steps(self, x: Array, y: Array) -> tuple[int, int, int]:
        """Numbers from group to group of the map, of the answer, and from output to output."""
        size, groups = x.itemsize, self.layer.geometry.groups
        x_channel, y_channel = x.strides[0] // size, y.strides[0] // size
        return len(x) // groups * x_channel, len(y) // groups * y_channel, y_channel

    def _product(
        self, side: Side, target: Array, axes: tuple[Axis, Axis], kernel: Array, bias: Array | None
    ) -> list[Step]:
        """The step that fills ``target`` with a kernel (G, O, kh, C, kw) over the windows of a map."""
        groups, outputs, rows, channels, columns = kernel.shape
        lists = Lists.of(side.array, target, *axes, groups, side.tap_columns, side.planes)
        work = int((lists.runs[:, 2] * lists.runs[:, 3] * lists.runs[:, 7]).sum()) * groups * outputs
        cut, lanes, _ = lists.cut(outputs, self._core.LARGEST, self._lanes(work), MOST_LANES)
        packed = self.own((kernel.size,))
        starts = np.zeros(groups * outputs, self.buffers.x.dtype) if bias is None else bias
        shape = groups, outputs, rows * channels * columns, ROWS_AT_ONCE * columns
        arguments = (
            self._marker, side.array.ctypes.data, target.ctypes.data, cut.runs, cut.taps,
            self.buffers.kernel.reshape(-1), self._core.where(kernel, self.buffers.kernel), packed, starts, shape,
            self._steps(side.array, target), lanes,
        )  # fmt: skip
        alive = side.array, target
        return [self._call(self._core.multiply, self._core.multiply_shared, arguments, len(lanes), alive)]

    def _correlation(self, side: Side, error: Array, gradient: Array) -> Step:
        """The step that fills a gradient (O, C/G, kh, kw) from an error over the windows of the map."""
        by_group = self._by_group(gradient)
        groups, outputs, rows, channels, columns = by_group.shape
        lists = Lists.of(side.array, error, *self._axes(side), groups, side.tap_columns, side.planes)
        work = int((lists.runs[:, 2] * lists.runs[:, 3] * lists.runs[:, 7]).sum()) * groups * outputs
        most = max(1, SUMS_BYTES // (gradient.size * gradient.itemsize))
        cut, lanes, owners = lists.cut(outputs, self._core.FEW_OUTPUTS, self._lanes(work), most)
        sums = self.own((int(owners.max()) + 1, gradient.size))
        shape = groups, outputs, rows * channels * columns
        arguments = (
            self._marker, side.array.ctypes.data, error.ctypes.data, cut.runs, cut.taps, sums,
            gradient.reshape(-1), self._core.where(by_group, gradient), shape, self._steps(side.array, error), lanes,
            owners,
        )  # fmt: skip
        alive = side.array, error
        return self._call(self._core.correlate, self._core.correlate_shared, arguments, len(lanes), alive)

    @staticmethod
    def _call(
        alone: Callable[..., Any], shared: Callable[..., Any], arguments: tuple[Any, ...], lanes: int, alive: Any
    ) -> Step:
        """A step that calls the core; ``alive``: the arrays whose addresses are among the arguments."""
        most = lanes // LANES_OF_A_THREAD
        if most < 2:
            return partial(_alone, alone, arguments, alive)
        return partial(_shared, alone, shared, most, arguments, alive)


def _alone(core: Callable[..., Any], arguments: tuple[Any, ...], alive: Any) -> None:
    core(*arguments)


def _shared(
    alone: Callable[..., Any], shared: Callable[..., Any], most: int, arguments: tuple[Any, ...], alive: Any
) -> None:
    with compiled_threads(most) as threads:
        (shared if threads > 1 else alone)(*arguments)


@dataclass(frozen=True)
class Phase:
    """Rows of the input whose distance to the first window's is r, r + stride, r + 2 stride, ... along one axis.

    Attributes:
        axis: the windows that give their errors, on the axis of the answer's error.
        kernel: the taps that reach them, rotated.
    """

    axis: Axis
    kernel: slice

    @property
    def places(self) -> slice:
        """The phase's rows of the input."""
        return slice(self.axis.origin, None, self.axis.step)

    @classmethod
    def of(cls, layer: Layer, axis: int, number: int) -> Phase | None:
        """One of a layer's phases; None where no tap reaches it, or it has no rows."""
        stride, dilation = layer.geometry.stride[axis], layer.geometry.dilation[axis]
        before, taps, rows = layer.geometry.padding[axis], layer.kernel_size[axis], layer.size[axis]
        reaching = [tap for tap in range(taps) if (tap * dilation - number) % stride == 0]
        first = (number - before) % stride
        if not reaching or first >= rows:
            return None
        # Row h of the input meets tap i in window (h + before - i * dilation) / stride; the last tap in the first one.
        start = (first + before - reaching[-1] * dilation) // stride
        step = stride // gcd(stride, dilation)
        kernel = slice(reaching[-1], reaching[0] - 1 if reaching[0] else None, -step)
        windows = len(range(first, rows, stride))
        tap_step = step * dilation // stride
        return cls(Axis(windows, len(reaching), layer.output[axis], start, tap_step, 1, first, stride), kernel)
