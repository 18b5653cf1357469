"""Testing: the contract that every op keeps, for an op of one's own as for those that come with minigraph.

    mg.testing.check_op(Scale(factor=2.0), (3, 6, 7))

Each rule is a function of a trial: an op with random inputs, parameters and error. What comes back from the op's
methods is looked at by the same checks as in a pass (:mod:`minigraph.ops.checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.convolution import find_engine
from minigraph.errors import OpError, ShapeError
from minigraph.explaining import Step, by_place
from minigraph.ops.base import Context, Errors, Op, Parameter, Slot
from minigraph.ops.checking import (
    calling,
    check_array,
    check_declared,
    check_errors,
    check_shape,
    check_state,
    locked,
)
from minigraph.steps.steps import empty_batch_last
from minigraph.wording import describe

BATCHES = (2, 1, 5, 17)
"""Batch sizes for which plan and pair are compared."""
ENTRIES = 200
"""So many entries of an array are compared with central differences at most, chosen at random."""
STEP = 1e-5
"""Of the central differences; the arrays have entries near 1."""
SLOPES_AGREE = 1e-6
"""How near backward and the difference are, relative to the largest entry of both."""
TOLERANCES = {"float64": 1e-12, "float32": 2e-5}
"""How near two computations of the same numbers are, relative to the largest."""
SINGLE = 1e-4
"""How near those in float32 are to those in float64, likewise."""


def check_op(op: Op, *shapes: Sequence[int], seed: int = 0, engine: str = "fast") -> None:
    """Prove that an op keeps the contract: its methods fit together, backward is the slope of forward, its plan equals
    the pair of forward and backward; in float64 and float32, in training and not, for several batch sizes.

    Args:
        op: an op with its attributes, such as ``Scale(factor=2.0)``; it need not be registered.
        shapes: of its inputs, without the batch: (C, H, W), (H, W) for one channel, or (F,).
        seed: of the random numbers.
        engine: whose convolutions the op is lent.

    Raises:
        AssertionError: a rule does not hold; the text names op, method and rule.
        TypeError: ``op`` is no op.
    """
    if not isinstance(op, Op):
        kind = f"the class {op.__name__}; expected one of it" if isinstance(op, type) else f"{describe(op)}; expected"
        raise TypeError(f"check_op: found {kind}, such as {op.__name__ if isinstance(op, type) else 'mg.ReLU'}()")
    full = tuple((1, *shape) if len(shape) == 2 else tuple(shape) for shape in shapes)
    _declares_what_it_takes(op, full)
    for training in (False, True) if op.state(*full) else (False,):
        trial = _Trial.of(op, full, 2, "float64", training, seed, engine)
        for rule in RULES:
            rule(trial)
        single = trial.in_dtype("float32")
        _returns_sound_arrays(single)
        _is_the_same_in_float32(trial, single)
        for batch, dtype in product(BATCHES, ("float64", "float32")):
            _plans_what_the_pair_computes(_Trial.of(op, full, batch, dtype, training, seed, engine))


@dataclass(frozen=True)
class _Trial:
    """An op with inputs (N, ...), parameters, state and the error of its output."""

    op: Op
    inputs: tuple[Array, ...]
    parameters: dict[str, Array]
    state: dict[str, Array]
    error: Array
    training: bool
    engine: str

    @classmethod
    def of(
        cls, op: Op, shapes: tuple[Shape, ...], batch: int, dtype: str, training: bool, seed: int, engine: str
    ) -> _Trial:
        generator = np.random.default_rng([seed, batch])

        def draw(*shape: int) -> Array:
            drawn = generator.normal(size=shape)
            return np.asarray(drawn + np.where(drawn < 0, -0.1, 0.1)).astype(dtype)  # away from kinks at 0

        return cls(
            op,
            tuple(draw(batch, *shape) for shape in shapes),
            {name: draw(*item.shape) for name, item in op.parameters(*shapes).items()},
            {name: np.abs(draw(*item.shape)) for name, item in op.state(*shapes).items()},
            draw(batch, *op.output_shape(*shapes)),
            training,
            engine,
        )

    def in_dtype(self, dtype: str) -> _Trial:
        """The same numbers in another dtype."""

        def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array.astype(dtype) for name, array in arrays.items()}

        inputs = tuple(x.astype(dtype) for x in self.inputs)
        return replace(
            self,
            inputs=inputs,
            parameters=cast(self.parameters),
            state=cast(self.state),
            error=self.error.astype(dtype),
        )

    def sample(self, n: int) -> _Trial:
        """The trial of one sample."""
        return replace(self, inputs=tuple(x[n : n + 1] for x in self.inputs), error=self.error[n : n + 1])

    def method(self, name: str) -> str:
        return f"{type(self.op).__name__}.{name}"

    def context(self, lock: bool = True) -> Context:
        mappings = (self.parameters, self.state)
        parameters, state = (
            dict(zip(arrays, locked(tuple(arrays.values())), strict=True)) if lock else arrays for arrays in mappings
        )
        return Context(parameters, find_engine(self.engine), state, self.training)

    def forward(self) -> Array:
        """The op's output, looked at."""
        method = self.method("forward")
        with _told(method):
            with calling(method):
                output = self.op.forward(locked(self.inputs), self.context())
            check_array(output, self.error.shape, self.error.dtype, method, "the output", "as output_shape says")
        return output

    def backward(self, output: Array | None = None) -> Errors:
        """The op's errors and gradients, looked at."""
        method, context = self.method("backward"), self.context()
        answer = self.forward() if output is None else output
        with _told(method):
            with calling(method):
                error, lent_output = locked((self.error, answer))
                errors = self.op.backward(error, locked(self.inputs), lent_output, context)
            check_errors(errors, Errors, self.inputs, context.parameters, method)
        return errors

    def next_state(self) -> dict[str, Array]:
        """The op's next state, looked at."""
        method = self.method("next_state")
        with _told(method):
            with calling(method):
                state = self.op.next_state(locked(self.inputs), self.context())
            check_state(state, self.state, method)
        return state

    def results(self) -> Iterator[tuple[str, str, Array]]:
        """Everything that the op computes: the method, what it is, and the array."""
        yield self.method("forward"), "the output", self.forward()
        errors = self.backward()
        for index, error in enumerate(errors.inputs):
            yield self.method("backward"), f"the error of input {index}", error
        for name, gradient in errors.parameters.items():
            yield self.method("backward"), f"the gradient of '{name}'", gradient
        for name, array in self.next_state().items():
            yield self.method("next_state"), f"the state '{name}'", array


@contextmanager
def _told(method: str) -> Iterator[None]:
    """What a method breaks, or raises, as an AssertionError."""
    try:
        yield
    except (OpError, AssertionError) as error:
        raise AssertionError(str(error)) from error
    except Exception as error:
        raise AssertionError(f"{method} raises {type(error).__name__}: {error}") from error


def _declares_what_it_takes(op: Op, shapes: tuple[Shape, ...]) -> None:
    """Shapes, parameters and state are sound, and there are as many inputs as the op takes."""
    name = type(op).__name__
    most = op.max_inputs
    if len(shapes) < op.min_inputs or (most is not None and len(shapes) > most):
        wanted = f"{op.min_inputs}" if most == op.min_inputs else f"{op.min_inputs} or more"
        raise AssertionError(f"{name}: found {len(shapes)} shapes; expected {wanted}, one for each input")
    with _told(f"{name}.output_shape"):
        try:
            shape = op.output_shape(*shapes)
        except ShapeError as error:
            raise AssertionError(f"{name}.output_shape refuses these shapes: {error}") from None
        check_shape(shape, f"{name}.output_shape")
    for method in ("parameters", "state"):
        with _told(f"{name}.{method}"):
            check_declared(getattr(op, method)(*shapes), Parameter, f"{name}.{method}")
    with _told(f"{name}.multiply_adds"):
        count = op.multiply_adds(*shapes)
        if not isinstance(count, int) or count < 0:
            raise AssertionError(f"{name}.multiply_adds: found {count!r}; expected a count")


# The rules, each of a trial in float64 with two samples


def _returns_sound_arrays(trial: _Trial) -> None:
    """Of finite numbers come finite numbers."""
    for method, what, array in trial.results():
        if not np.isfinite(array).all():
            raise AssertionError(f"{method}: {what} is not finite for finite inputs; expected finite numbers")


def _answers_the_same_twice(trial: _Trial) -> None:
    """Nothing is kept from one call to the next."""
    first = [array.copy() for _, _, array in trial.results()]
    for (method, what, again), before in zip(trial.results(), first, strict=True):
        if again.tobytes() != before.tobytes():
            raise AssertionError(f"{method}: {what} differs in a second call; expected the same bits")


def _treats_samples_alone(trial: _Trial) -> None:
    """A batch is its samples one by one, where no state is learned from all of them."""
    if trial.training:
        return
    together, output = trial.backward(), trial.forward()
    sums = {name: np.zeros_like(array) for name, array in trial.parameters.items()}
    for n in range(len(trial.error)):
        alone, single = trial.sample(n).backward(), trial.sample(n).forward()
        _require_close(single[0], output[n], trial.method("forward"), "the output of a sample alone", "in its batch")
        for index, (error, whole) in enumerate(zip(alone.inputs, together.inputs, strict=True)):
            what = f"the error of input {index} of a sample alone"
            _require_close(error[0], whole[n], trial.method("backward"), what, "in its batch")
        for name, gradient in alone.parameters.items():
            sums[name] += gradient
    for name, gradient in together.parameters.items():
        what = f"the gradient of '{name}'"
        _require_close(gradient, sums[name], trial.method("backward"), what, "the sum over the samples")
    if trial.parameters:
        _keeps_gradients_apart(trial, output)


def _keeps_gradients_apart(trial: _Trial, output: Array) -> None:
    """The gradients of each sample are those of backward for it alone."""
    method = trial.method("sample_gradients")
    with _told(method), calling(method):
        error, lent_output = locked((trial.error, output))
        gradients = trial.op.sample_gradients(error, locked(trial.inputs), lent_output, trial.context())
    for n in range(len(trial.error)):
        for name, gradient in trial.sample(n).backward().parameters.items():
            _require_close(
                gradients[name][n], gradient, method, f"that of '{name}' of a sample", "what backward returns"
            )


def _goes_back_along_the_slope(trial: _Trial) -> None:
    """Every error and gradient is what central differences of forward say."""
    found, generator, context = trial.backward(), np.random.default_rng(0), trial.context(lock=False)

    def loss() -> float:
        return float((trial.op.forward(trial.inputs, context) * trial.error).sum())

    arrays = [(f"the error of input {i}", x, found.inputs[i]) for i, x in enumerate(trial.inputs)]
    arrays += [(f"the gradient of '{name}'", trial.parameters[name], g) for name, g in found.parameters.items()]
    for what, array, gradient in arrays:
        indices = [tuple(index) for index in np.argwhere(np.ones(array.shape, bool))]
        if len(indices) > ENTRIES:
            indices = [indices[i] for i in generator.choice(len(indices), ENTRIES, replace=False)]
        slopes = np.array([_slopes(array, index, loss) for index in indices])
        backward = np.array([gradient[index] for index in indices])
        scale = max(float(np.abs(backward).max()), float(np.abs(slopes[:, 0]).max()))
        smooth = slopes[:, 1] <= 1e-3 * scale + 1e-9
        if not smooth.any():
            raise AssertionError(f"{trial.method('backward')}: {what} cannot be checked: every entry lies at a kink")
        off = np.where(smooth, np.abs(backward - slopes[:, 0]), 0.0)
        worst = int(off.argmax())
        if off[worst] > SLOPES_AGREE * scale + 1e-9:
            raise AssertionError(
                f"{trial.method('backward')}: {what} at {list(map(int, indices[worst]))} is {backward[worst]:.8g}; "
                f"expected {slopes[worst, 0]:.8g}, the slope of forward by a central difference"
            )


def _slopes(array: Array, index: tuple[int, ...], loss: Callable[[], float]) -> tuple[float, float]:
    """The central difference at one entry, and how far the slopes to both sides are apart."""
    original, here = array[index], loss()
    array[index] = original + STEP
    above = loss() - here
    array[index] = original - STEP
    below = here - loss()
    array[index] = original
    return (above + below) / (2 * STEP), abs(above - below) / STEP


def _reads_the_output_only_if_it_says_so(trial: _Trial) -> None:
    """With ``reads_output = False`` backward is the same whatever the output's array holds."""
    if trial.op.reads_output:
        return
    wanted, unread = trial.backward(), trial.backward(np.full_like(trial.error, np.nan))
    for error, other in zip(
        (*unread.inputs, *unread.parameters.values()), (*wanted.inputs, *wanted.parameters.values()), strict=True
    ):
        if not np.array_equal(error, other):
            raise AssertionError(f"{trial.method('backward')} reads the output; expected reads_output = True")


def _explains_what_it_computes(trial: _Trial) -> None:
    """The steps that the op tells of its passes make what these make, and each number comes about as it is told."""
    output, wanted, context = trial.forward(), trial.backward(), trial.context()
    method = trial.method("explain_forward")
    with _told(method), calling(method):
        forward = trial.op.explain_forward(locked(trial.inputs), locked((output,))[0], context)
    if not forward or forward[-1].result != "answer":
        raise AssertionError(f"{method}: expected a last step whose result is 'answer'")
    _require_close(forward[-1].made, output, method, "the answer", "what forward returns")
    _explains_numbers(forward, method)
    method = trial.method("explain_backward")
    with _told(method), calling(method):
        error, lent_output = locked((trial.error, output))
        backward = trial.op.explain_backward(error, locked(trial.inputs), lent_output, context)
    made = {step.result: step.made for step in backward}
    expected = {
        **by_place("input_error", wanted.inputs),
        **{f"{name}_gradient": gradient for name, gradient in wanted.parameters.items()},
    }
    for name, array in expected.items():
        if name not in made:
            raise AssertionError(f"{method}: no step makes '{name}'; expected steps that make {', '.join(expected)}")
        _require_close(made[name], array, method, f"'{name}'", "what backward returns")
    _explains_numbers(backward, method)


def _explains_numbers(steps: list[Step], method: str) -> None:
    """A few numbers of every step's result are what their cells say."""
    generator = np.random.default_rng(0)
    for step in steps:
        what, scale = f"step '{step.name}'", float(np.abs(step.made).max(initial=0.0))
        for _ in range(4):
            index = tuple(int(generator.integers(size)) for size in step.made.shape)
            with _told(method):
                cell = step.rule(index)
            told = f"{what} at {list(index)}"
            if not abs(cell.value - step.made[index]) <= 1e-12 * scale:
                raise AssertionError(f"{method}: {told} is {step.made[index]:.8g}, its cell says {cell.value:.8g}")
            for name, terms in (("terms", cell.terms), ("direct", cell.direct)):
                total = sum(a * b for a, b in terms) + cell.bias
                if terms and abs(total - cell.value) > 1e-9 * max(scale, 1e-300):
                    raise AssertionError(f"{method}: the {name} of {told} add up to {total:.8g}, not {cell.value:.8g}")


RULES: tuple[Callable[[_Trial], None], ...] = (
    _returns_sound_arrays,
    _answers_the_same_twice,
    _treats_samples_alone,
    _goes_back_along_the_slope,
    _reads_the_output_only_if_it_says_so,
    _explains_what_it_computes,
)


def _is_the_same_in_float32(trial: _Trial, single: _Trial) -> None:
    """The numbers in float32 are near those in float64."""
    for (method, what, array), (_, _, wanted) in zip(single.results(), trial.results(), strict=True):
        _require_close(array, wanted, method, f"{what} in float32", "that in float64", SINGLE)


def _plans_what_the_pair_computes(trial: _Trial) -> None:
    """The op's plan equals its pair, with fixed inputs, without the errors that nobody wants, over full buffers."""
    output, wanted = trial.forward(), trial.backward()
    count = len(trial.inputs)
    choices = list(product((True, False), repeat=count)) if count <= 3 and len(output) == 2 else [(True,) * count]
    for fixed, learned, chosen in product((False, True), (True, False), choices):
        _plan_equals(trial, output, wanted, fixed, learned, chosen, over=False)
    if trial.op.in_place:
        _plan_equals(trial, output, wanted, False, True, (True,), over=True)


def _plan_equals(
    trial: _Trial, output: Array, wanted: Errors, fixed: bool, learned: bool, chosen: tuple[bool, ...], over: bool
) -> None:
    """Run a plan twice; ``over``: with the output over the input and the input's error over the output's."""
    method, tolerance = trial.method("plan"), TOLERANCES[trial.error.dtype.name]

    def held(array: Array, values: Any) -> Array:
        placed = empty_batch_last(array.shape, array.dtype)
        placed[...] = values
        return placed

    inputs = tuple(held(x, x) for x in trial.inputs)
    goal, upstream = inputs[0] if over else held(output, np.nan), held(trial.error, trial.error)
    errors = (upstream,) if over else tuple(held(x, np.nan) for x in trial.inputs)
    gradients = {name: np.full_like(array, np.nan) for name, array in trial.parameters.items()} if learned else {}
    with _told(method):
        slot = Slot("checked", inputs, (fixed,) * len(inputs), goal, trial.context())
        forward, backward = trial.op.plan(slot)
        targets = tuple(error if want else None for error, want in zip(errors, chosen, strict=True))
        steps = [*forward, *backward(upstream, targets, gradients)]
        for _ in range(2):
            inputs[0][...] = trial.inputs[0]
            upstream[...] = trial.error
            for step in steps:
                step()
    case = " over its input" if over else " with fixed inputs" if fixed else ""
    if not over:
        for index, (x, given) in enumerate(zip(inputs, trial.inputs, strict=True)):
            if not np.array_equal(x, given):
                raise AssertionError(f"{method}{case} changes input {index}; expected it as it was")
        if not np.array_equal(upstream, trial.error):
            raise AssertionError(f"{method}{case} changes the error of the output; expected it as it was")
    _require_close(goal, output, method, f"the output{case}", "what forward returns", tolerance)
    for index, (error, want) in enumerate(zip(errors, chosen, strict=True)):
        if want:
            what = f"the error of input {index}{case}"
            _require_close(error, wanted.inputs[index], method, what, "what backward returns", tolerance)
    for name, gradient in gradients.items():
        what = f"the gradient of '{name}'{case}"
        _require_close(gradient, wanted.parameters[name], method, what, "what backward returns", tolerance)


def _require_close(actual: Array, wanted: Array, method: str, what: str, rule: str, tolerance: float = 1e-12) -> None:
    scale = float(np.abs(wanted).max(initial=0.0))
    off = float(np.abs(actual - wanted).max(initial=0.0))
    if not off <= tolerance * max(scale, np.finfo(np.float64).tiny):
        raise AssertionError(f"{method}: {what} is off by {off:.3g}, of at most {scale:.3g}; expected {rule}")
