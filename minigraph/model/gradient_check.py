"""gradcheck: does backward say what forward does? Every entry is compared with a central difference.

Where the loss has no derivative (ReLU at 0, a tie in a MaxPool) there is nothing to compare with: there backward must
lie between the slopes of both sides, and the entry is compared at a point nearby, with other inputs and parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from minigraph.arrays import Array, ArraysLike, by_name, canonical, require_one_count
from minigraph.model.model import Model
from minigraph.model.plan import Plan, copy_in
from minigraph.randomness import stream
from minigraph.wording import table

STEPS = (3e-5, 3e-6, 3e-7)
AGREEMENT = 1e-7
SMALL = 1e-2
POINTS = 4
"""So many points nearby are tried, for the entries that could not be compared before."""
NEAR = 0.1
"""How far off they are: each number by about a tenth of itself, a zero by a tenth of its array's root mean square."""
TREMORS = 8
"""So often the loss is looked at with each number off by a few roundings: that is the noise of a difference."""
NOISE = 10
"""So many times the largest change seen then may be noise."""
DIGITS = 1e-6
"""A gradient is noise of which rounding may take so large a share."""
BEND = 1e-3
"""Slopes to both sides of a value that are further apart than this share of the larger make a kink."""

MOST_NAMED = 3
"""So many entries that were not compared are named."""

Mode = Literal["inference", "training", "both"]


@dataclass(frozen=True)
class GradientRow:
    """One parameter or input in one mode.

    Attributes:
        name: "conv1.kernel" or an input's name; entries: how many numbers it has; checked: how many were compared.
        max_error: the largest relative error of an entry; index: where.
        backward, difference: the two gradients there; at a kink the difference is the nearer slope.
        kinks: entries without a derivative at the given point (ReLU at 0); they were compared nearby.
        mode: whose passes: "inference" or "training", or "both" where they do not differ.
        missed: the chosen entries that could be compared nowhere.
    """

    name: str
    entries: int
    max_error: float
    index: tuple[int, ...]
    backward: float
    difference: float
    kinks: int
    checked: int
    mode: Mode
    missed: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class GradientCheck:
    """The outcome: ``ok`` when each row was compared, at one entry at least, and no error is above ``tolerance``.

    Its text is a table of the rows and what it comes to.
    """

    rows: list[GradientRow]
    tolerance: float

    @property
    def max_error(self) -> float:
        """The largest relative error of all."""
        return max((row.max_error for row in self.rows), default=0.0)

    @property
    def ok(self) -> bool:
        """Whether every gradient was compared and is right within the tolerance."""
        return self.max_error <= self.tolerance and all(row.checked for row in self.rows)

    def __str__(self) -> str:
        several = len({row.mode for row in self.rows}) > 1
        rows = [
            (
                row.name,
                *((row.mode,) if several else ()),
                f"{row.checked:,} of {row.entries:,}" if row.checked < row.entries else f"{row.entries:,}",
                f"{row.max_error:.2e}",
                str(list(row.index)),
                f"{row.backward:.9g}",
                f"{row.difference:.9g}",
                str(row.kinks),
            )
            for row in self.rows
        ]
        numbers = ("entries", "max error", "backward", "difference", "kinks")
        columns = ("gradient of", *(("mode",) if several else ()), *numbers[:2], "at", *numbers[2:])

        def name(row: GradientRow) -> str:
            return f"{row.name} ({row.mode})" if several else row.name

        compared, total = (sum(getattr(row, key) for row in self.rows) for key in ("checked", "entries"))
        nearby = sum(row.kinks - len(row.missed) for row in self.rows if row.checked)
        where = f", {nearby:,} of them at a point nearby, for they lie at kinks" if nearby else ""
        lines = [table(columns, rows, right=numbers), f"compared {compared:,} of {total:,} entries{where}"]
        for row in self.rows:
            if row.missed:
                named = ", ".join(str(list(index)) for index in row.missed[:MOST_NAMED])
                more = f" and {len(row.missed) - MOST_NAMED:,} more" if len(row.missed) > MOST_NAMED else ""
                lines.append(f"not compared: {name(row)} at {named}{more}: no difference settles there")
        within = "within" if self.max_error <= self.tolerance else "above"
        empty = ", ".join(name(row) for row in self.rows if not row.checked)
        nothing = f"; nothing was compared of {empty}" if empty else ""
        verdict = f"{'ok' if self.ok else 'FAILED'}: the largest relative error is {self.max_error:.2e}"
        return "\n".join([*lines, f"{verdict}, {within} {self.tolerance:g}{nothing}"])

    __repr__ = __str__


def gradcheck(
    model: Model[Any],
    x: ArraysLike,
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
    training: bool | None = None,
    entries: int | None = None,
) -> GradientCheck:
    """Compare the gradient of every entry of every parameter and input with a central difference, in float64.

    The loss is the sum of the outputs times fixed random numbers, so that no error cancels by symmetry. The
    relative error of an entry is |backward - difference| over the larger of the two; entries below a hundredth of
    their array's largest are measured against that hundredth. Where rounding leaves the difference less than six
    digits, a distance that rounding makes is no error.

    Where the difference does not settle as the step shrinks there is no derivative: such an entry is counted as a kink.
    There backward must lie between the slopes of both sides (where kinks follow each other this cannot be said), and
    the entry is compared at up to four points nearby, where inputs and parameters are about a tenth off.

    Args:
        model: any dtype and engine; it is left as it is.
        x: as for :meth:`Model.forward`. BatchNorm in training needs three samples or more to have gradients of a size.
        tolerance: the largest relative error that passes.
        seed: of the random numbers.
        training: True checks the passes of training alone, where BatchNorm uses the batch's own statistics, False those
            of inference; when left out both are checked wherever they differ.
        entries: at most so many of each array are compared, chosen at random; all when left out.

    Raises:
        ShapeError, DataError: ``x`` does not fit the graph.
    """
    graph = model.graph
    twin = Model(graph, seed=0, engine=model.engine, dtype="float64")
    for name, values in model.parameters.items():
        twin.parameters[name] = values
    for name, values in model.state.items():
        twin.state[name] = values
    arrays = by_name(x, list(graph.inputs), "input")
    inputs = {name: canonical(arrays[name], shape, name, "float64") for name, shape in graph.inputs.items()}
    generator = stream(seed, "gradient check")
    count = require_one_count(inputs)
    upstream = {name: generator.normal(size=(count, *graph.shapes[name])) for name in graph.outputs}
    losses = [_Loss(twin, inputs, upstream, mode) for mode in ((False, True) if training is None else (training,))]
    modes: list[Mode] = ["training" if loss.training else "inference" for loss in losses]
    if len(losses) == 2 and not graph.states and losses[0].is_that_of(losses[1]):
        losses, modes = losses[:1], ["both"]
    tables = []
    for loss, mode in zip(losses, modes, strict=True):
        table = [
            _Entries(name, values, _chosen(values.shape, entries, generator), mode)
            for name, values in (*twin.parameters.items(), *inputs.items())
        ]
        loss.compare(table, generator)
        tables += table
    return GradientCheck([array.row() for array in tables], tolerance)


def _chosen(shape: tuple[int, ...], entries: int | None, generator: np.random.Generator) -> Array:
    """Which entries are compared."""
    chosen = np.ones(shape, dtype=bool)
    if entries is not None and entries < chosen.size:
        chosen.reshape(-1)[generator.choice(chosen.size, chosen.size - entries, replace=False)] = False
    return chosen


class _Entries:
    """What is known of the entries of one array.

    Attributes:
        values: the array itself, to be changed; given: a copy of what it holds at the given point.
        open: the entries that are still to be compared; kinks: those that could not be at the given point.
        backward, difference: of those that were; noise: how far rounding alone may set these apart.
        beyond: how far backward is outside of the slopes of both sides, where it was found so, at a kink with the
            gradient ``kink`` there and the nearer slope ``slope``.
    """

    def __init__(self, name: str, values: Array, chosen: Array, mode: Mode) -> None:
        self.name, self.values, self.chosen, self.mode = name, values, chosen, mode
        self.given, self.open = values.copy(), chosen.copy()
        self.kinks = np.zeros(values.shape, bool)
        self.backward, self.difference, self.noise, self.beyond, self.kink, self.slope = np.zeros((6, *values.shape))

    def move(self, generator: np.random.Generator) -> None:
        """Go to a point near the given one; what is positive or negative stays so."""
        size = float(np.sqrt(np.mean(self.given**2))) or 1.0
        shift = NEAR * generator.normal(size=self.given.shape)
        self.values[...] = np.where(self.given == 0, size * shift, self.given * np.exp(shift))

    @property
    def is_silent(self) -> bool:
        """Whether both gradients are nothing but noise."""
        return bool((np.maximum(np.abs(self.backward), np.abs(self.difference)) <= self.noise).all())

    def row(self) -> GradientRow:
        """What is told of the array."""
        scale = np.maximum(np.abs(self.backward), np.abs(self.difference))
        scale = np.maximum(scale, max(SMALL * float(scale.max(initial=0.0)), np.finfo(np.float64).tiny))
        distance = np.abs(self.backward - self.difference)
        compared = distance / scale
        compared[(distance <= self.noise) & (self.noise > DIGITS * scale)] = 0.0
        at_kink = self.beyond / np.maximum(scale, np.maximum(np.abs(self.kink), np.abs(self.slope)))
        errors = np.maximum(compared, at_kink)
        errors = np.where(np.isfinite(errors), errors, np.inf)
        worst = tuple(int(i) for i in np.unravel_index(int(errors.argmax()), errors.shape))
        pair = (self.kink, self.slope) if at_kink[worst] > compared[worst] else (self.backward, self.difference)
        return GradientRow(
            self.name,
            self.values.size,
            float(errors[worst]),
            worst,
            float(pair[0][worst]),
            float(pair[1][worst]),
            int(self.kinks.sum()),
            int((self.chosen & ~self.open).sum()),
            self.mode,
            tuple(tuple(map(int, index)) for index in np.argwhere(self.open)),
        )


class _Loss:
    """The loss of a model in one mode, around a point: the parameters and inputs as they stand.

    Args:
        inputs: (N, ...) by name. upstream: what the outputs are multiplied with, likewise.
    """

    def __init__(self, model: Model, inputs: dict[str, Array], upstream: dict[str, Array], training: bool) -> None:
        self.training = training
        self._model, self._inputs, self._upstream = model, inputs, upstream
        self._gradients = model.parameters.views_of(np.zeros_like(model.parameters.flat))
        self._plan = Plan(model, require_one_count(inputs), self._gradients, training=training, input_errors=True)
        self._whole: Plan | None = None
        self._centre: dict[str, Array] = {}

    def is_that_of(self, other: _Loss) -> bool:
        """Whether the passes of both answer the same, to the last bit."""
        mine, theirs = ({**loss.settle(), **loss._centre} for loss in (self, other))
        return all(np.array_equal(mine[name], theirs[name], equal_nan=True) for name in mine)

    def settle(self) -> dict[str, Array]:
        """Take the point as it stands for the centre; its gradients, by parameter and input."""
        plan = self._plan
        _run(plan, self._inputs)
        self._centre = {name: plan.values[name].copy() for name in self._upstream}
        for name, error in plan.prepare_errors().items():
            copy_in(error, self._upstream[name])
        plan.backward()
        errors = {name: plan.errors[name] for name in self._inputs if name in plan.errors}
        return {name: array.copy() for name, array in {**self._gradients, **errors}.items()}

    def change(self) -> float:
        """How far the loss is from the centre's, without the cancellation of subtracting two sums."""
        _run(self._plan, self._inputs)
        return self._against(self._plan, self._centre)

    def _against(self, plan: Plan, centre: dict[str, Array]) -> float:
        return sum(float(np.vdot(error, plan.values[name] - centre[name])) for name, error in self._upstream.items())

    def noise(self, arrays: list[_Entries], generator: np.random.Generator) -> float:
        """How far rounding alone may set the loss off; NaN where that is not finite, or not the same twice."""
        if self.change() != 0:
            return np.nan
        centre, seen = [array.values.copy() for array in arrays], [0.0]
        for _ in range(TREMORS):
            for array, values in zip(arrays, centre, strict=True):
                array.values[...] = values * (1 + 4e-16 * generator.integers(-1, 2, values.shape))
            seen.append(abs(self.change()))
        for array, values in zip(arrays, centre, strict=True):
            array.values[...] = values
        answers = [np.vdot(error, error * self._centre[name] ** 2) for name, error in self._upstream.items()]
        return NOISE * (max(seen) + np.finfo(np.float64).eps * float(np.sqrt(sum(answers))))

    def compare(self, arrays: list[_Entries], generator: np.random.Generator) -> None:
        """Compare the entries at the given point; those that lie at kinks there, at points nearby.

        An array whose gradient is nothing but zeros there, as a kernel's on a black image, is compared nearby too.
        """
        silent: list[_Entries] = []
        for point in range(1 + POINTS):
            if point:
                for array in arrays:
                    array.move(generator)
            if point == 1:
                silent = [array for array in arrays if not array.open.any() and array.is_silent]
                for array in silent:
                    array.open[...] = array.chosen
            if not any(array.open.any() for array in arrays):
                break
            gradients = self.settle()
            noise = self.noise(arrays, generator)
            if not np.isfinite(noise):
                if not point:
                    break
                continue
            for array in arrays:
                gradient = gradients.get(array.name, np.zeros(array.values.shape))
                self._compare(array, gradient, noise)
                if not point:
                    array.kinks = array.open.copy()
                    for index in map(tuple, np.argwhere(array.kinks)):
                        self._judge_kink(array, index, float(gradient[index]), noise)
            for array in silent:
                array.open[...] = False  # they were compared before
        for array in arrays:
            array.values[...] = array.given

    def _compare(self, array: _Entries, gradient: Array, noise: float) -> None:
        """Find the central difference at every open entry where it can be told.

        A kink within the step shows by a difference that changes when the step is halved; a kink at the entry itself
        by slopes to both sides whose distance does not. Such entries are tried again with smaller steps.
        """
        largest = float(np.abs(array.difference).max())
        for step in STEPS:
            for index in map(tuple, np.argwhere(array.open)):
                (above, below), width = self._slopes(array.values, index, step)
                (near_above, near_below), _ = self._slopes(array.values, index, step / 2)
                wide, narrow, blur = (above + below) / 2, (near_above + near_below) / 2, 4 * noise / width
                largest = max(largest, abs(narrow))
                scale = AGREEMENT * max(largest, np.finfo(np.float64).tiny)
                wide_gap, gap = abs(above - below), abs(near_above - near_below)
                kink_here = gap > 0.75 * wide_gap and wide_gap > 10 * scale + blur
                if abs(wide - narrow) <= scale + blur and not kink_here:
                    array.open[index] = False
                    # Richardson: without the square of the step.
                    array.backward[index], array.difference[index] = gradient[index], (4 * narrow - wide) / 3
                    array.noise[index] = blur

    def _slopes(self, values: Array, index: tuple[int, ...], step: float) -> tuple[tuple[float, float], float]:
        """The slopes above and below an entry, and the step in its own units."""
        original = values[index]
        width = step * max(1.0, abs(float(original)))
        values[index] = original + width
        above = self.change() / width
        values[index] = original - width
        below = -self.change() / width
        values[index] = original
        return (above, below), width

    def _judge_kink(self, array: _Entries, index: tuple[int, ...], gradient: float, noise: float) -> None:
        """Find out whether backward lies between the slopes of both sides at an entry, as far as that can be said.

        Where one value has a kink these are the slopes of the loss. Where several have, each may be passed on either
        side: with e the error of a value and g the distance of its two slopes, they set the loss's own slopes apart by
        the sum of e*g, and backward may leave out any of the positive and of the negative addends. What kinks behind
        kinks do does not follow from that: they show by a sum that is not the distance of the loss's slopes.
        """
        width = STEPS[-1] * max(1.0, abs(float(array.values[index])))
        centre, errors = self._whole_pass()
        original = array.values[index]
        sides = []
        for step in (width, -width):
            array.values[index] = original + step
            values = self._values()
            sides.append({name: (values[name] - centre[name]) / step for name in centre})
        array.values[index] = original
        above, below = sides
        gaps = {name: above[name] - below[name] for name in centre}
        bent = {
            name
            for name, gap in gaps.items()
            if (
                np.abs(gap)
                > BEND * np.maximum(np.abs(above[name]), np.abs(below[name])) + _rounded(centre[name], width)
            ).any()
        }
        nodes = self._model.graph.nodes
        first = [name for name in bent if name in errors and not bent.intersection(nodes[name].inputs)]
        parts = [errors[name] * gaps[name] for name in first]
        up, down = (sum(float(np.vdot(e, side[name])) for name, e in self._upstream.items()) for side in sides)
        rise, fall = (sum(float(part.clip(*ends).sum()) for part in parts) for ends in ((0, None), (None, 0)))
        blur = 4 * noise / width
        if abs(rise + fall - (up - down)) > BEND * (rise - fall) + blur:
            return
        low, high = up - rise, up - fall
        outside = max(low - gradient, gradient - high)
        if not outside <= blur + SMALL * BEND * max(abs(low), abs(high)):
            array.beyond[index], array.kink[index] = outside, gradient
            array.slope[index] = low if abs(low - gradient) < abs(high - gradient) else high

    def _whole_pass(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Every value and every error at the point as it stands."""
        if self._whole is None:
            gradients = self._model.parameters.views_of(np.zeros_like(self._model.parameters.flat))
            batch = require_one_count(self._inputs)
            self._whole = Plan(self._model, batch, gradients, training=self.training, whole=True)
        values = self._values()
        for name, error in self._whole.prepare_errors().items():
            copy_in(error, self._upstream[name])
        self._whole.backward()
        return values, {name: error.copy() for name, error in self._whole.errors.items()}

    def _values(self) -> dict[str, Array]:
        assert self._whole is not None, "it is made for the centre"
        _run(self._whole, self._inputs)
        return {name: value.copy() for name, value in self._whole.values.items()}


def _run(plan: Plan, inputs: dict[str, Array]) -> None:
    """Forward from the inputs as they stand; what is not finite is found in what it answers."""
    with np.errstate(over="ignore", invalid="ignore"):
        plan.fill(inputs)
        plan.forward()


def _rounded(values: Array, width: float) -> Array:
    """How far rounding may set two slopes of values apart."""
    return 16 * np.finfo(np.float64).eps * np.abs(values) / width
