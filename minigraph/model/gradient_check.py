"""gradcheck: does backward say what forward does? Every entry is compared with a central difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigraph.arrays import Array, ArraysLike, by_name, canonical, require_one_count
from minigraph.model.model import Model
from minigraph.model.plan import Plan, copy_in
from minigraph.wording import table

STEPS = (3e-5, 3e-6, 3e-7)
AGREEMENT = 1e-7
SMALL = 1e-2


@dataclass(frozen=True)
class GradientRow:
    """One parameter or input.

    Attributes:
        name: "conv1.kernel" or an input's name; entries: how many numbers it has; checked: how many were compared.
        max_error: the largest relative error of an entry; index: where.
        backward, difference: the two gradients there.
        kinks: entries that were left out because the loss has no derivative there (ReLU at 0).
    """

    name: str
    entries: int
    max_error: float
    index: tuple[int, ...]
    backward: float
    difference: float
    kinks: int
    checked: int


@dataclass(frozen=True)
class GradientCheck:
    """The outcome: ``ok`` when no row's ``max_error`` is above ``tolerance``. Its text is the table."""

    rows: list[GradientRow]
    tolerance: float

    @property
    def max_error(self) -> float:
        """The largest relative error of all."""
        return max((row.max_error for row in self.rows), default=0.0)

    @property
    def ok(self) -> bool:
        """Whether every gradient is right within the tolerance."""
        return self.max_error <= self.tolerance

    def __str__(self) -> str:
        rows = [
            (
                row.name,
                f"{row.checked:,} of {row.entries:,}" if row.checked < row.entries else f"{row.entries:,}",
                f"{row.max_error:.2e}",
                str(list(row.index)),
                f"{row.backward:.9g}",
                f"{row.difference:.9g}",
                str(row.kinks),
            )
            for row in self.rows
        ]
        columns = ("gradient of", "entries", "max error", "at", "backward", "difference", "kinks")
        drawn = table(columns, rows, right=columns[1:3] + columns[4:])
        return (
            f"{drawn}\n{'ok' if self.ok else 'FAILED'}: the largest relative error is {self.max_error:.2e}, "
            f"{'within' if self.ok else 'above'} {self.tolerance:g}"
        )


def gradcheck(
    model: Model,
    x: ArraysLike,
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
    training: bool = False,
    entries: int | None = None,
) -> GradientCheck:
    """Compare the gradient of every entry of every parameter and input with a central difference, in float64.

    The loss is the sum of the outputs times fixed random numbers, so that no error cancels by symmetry. The
    relative error of an entry is |backward - difference| over the larger of the two; entries below a hundredth of
    their array's largest are measured against that hundredth. Where the difference does not settle as the step shrinks
    there is no derivative: such an entry is counted as a kink.

    Args:
        model: any dtype and engine; it is left as it is.
        x: as for :meth:`Model.forward`.
        tolerance: the largest relative error that passes.
        seed: of the random numbers.
        entries: at most so many of each array are compared, chosen at random; all when left out.
        training: check the passes of training, where BatchNorm uses the batch's own statistics.

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
    generator = np.random.default_rng(seed)

    gradients = twin.parameters.views_of(np.zeros_like(twin.parameters.flat))
    plan = Plan(twin, require_one_count(inputs), gradients, training=training, input_errors=True)
    plan.fill(inputs)
    plan.forward()
    centre = {name: plan.values[name].copy() for name in graph.outputs}
    upstream = {name: generator.normal(size=value.shape) for name, value in centre.items()}
    for name, error in plan.prepare_errors().items():
        copy_in(error, upstream[name])
    plan.backward()
    errors = {name: plan.errors[name].copy() for name in graph.inputs if name in plan.errors}

    def change() -> float:
        """How far the loss is from the centre's, without the cancellation of subtracting two sums."""
        plan.fill(inputs)
        plan.forward()
        return sum(float(np.vdot(upstream[name], plan.values[name] - centre[name])) for name in centre)

    def row(name: str, values: Array, gradient: Array | None) -> GradientRow:
        chosen = np.ones(values.size, dtype=bool)
        if entries is not None and entries < values.size:
            chosen[generator.choice(values.size, values.size - entries, replace=False)] = False
        return _row(name, values, gradient, chosen.reshape(values.shape), change)

    rows = [row(name, values, gradients.get(name)) for name, values in twin.parameters.items()]
    rows += [row(name, values, errors.get(name)) for name, values in inputs.items()]
    return GradientCheck(rows, tolerance)


def _row(name: str, values: Array, gradient: Array | None, chosen: Array, change: Callable[[], float]) -> GradientRow:
    backward = np.where(chosen, 0.0 if gradient is None else gradient, 0.0)
    difference, smooth = _differences(values, chosen, change)
    scale = np.maximum(np.abs(backward), np.abs(difference))
    floor = max(SMALL * float(scale.max(initial=0.0)), np.finfo(np.float64).tiny)
    relative = np.where(smooth, np.abs(backward - difference) / np.maximum(scale, floor), 0.0)
    relative = np.where(np.isfinite(relative), relative, np.inf)
    worst = tuple(int(i) for i in np.unravel_index(int(relative.argmax()), values.shape))
    return GradientRow(
        name,
        values.size,
        float(relative[worst]),
        worst,
        float(backward[worst]),
        float(difference[worst]),
        int((~smooth).sum()),
        int(chosen.sum()),
    )


def _differences(values: Array, chosen: Array, change: Callable[[], float]) -> tuple[Array, Array]:
    """The central difference at every chosen entry, 0 elsewhere, and whether it could be told.

    A kink within the step shows by a difference that changes when the step is halved; a kink at the entry itself
    by slopes to both sides whose distance does not. Such entries are tried again with smaller steps.
    """
    difference = np.zeros_like(values)
    smooth = ~chosen
    for step in STEPS:
        for index in map(tuple, np.argwhere(~smooth)):
            wide, wide_gap = _slopes(values, index, step, change)
            narrow, narrow_gap = _slopes(values, index, step / 2, change)
            difference[index] = narrow
            scale = AGREEMENT * max(float(np.abs(difference).max()), np.finfo(np.float64).tiny)
            kink_here = narrow_gap > 0.75 * wide_gap and wide_gap > 10 * scale
            smooth[index] = abs(wide - narrow) <= scale and not kink_here
    return difference, smooth


def _slopes(values: Array, index: tuple[int, ...], step: float, change: Callable[[], float]) -> tuple[float, float]:
    """The central difference at one entry, and how far the slopes to both sides are apart."""
    original = values[index]
    step *= max(1.0, abs(float(original)))
    values[index] = original + step
    above = change() / step
    values[index] = original - step
    below = -change() / step
    values[index] = original
    return (above + below) / 2, abs(above - below)
