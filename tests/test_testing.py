"""check_op catches every breach of the contract of ops, and a pass tells the same as OpError."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.ops.base import Slot
from tests.helpers import Array, raises

Shape = tuple[int, ...]
MAP = (2, 4, 3)


class Scale(mg.Op):
    """x times a fixed factor and a learned one."""

    factor: float = mg.attribute(1.0, "multiplies the input")

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, mg.Parameter]:
        return {"gain": mg.Parameter(shape=(1,), default=1.0)}

    def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
        product: Array = inputs[0] * self.factor * context.parameters["gain"]
        return product

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
        gain = context.parameters["gain"]
        gradient = np.array([(error * inputs[0] * self.factor).sum()])
        return mg.Errors((error * self.factor * gain,), {"gain": gradient})


class Memory(Scale):
    """Scale with a running mean that it does not use."""

    def state(self, *inputs: Shape) -> dict[str, mg.Parameter]:
        return {"mean": mg.Parameter(shape=(1,), default=0.0)}

    def next_state(self, inputs: tuple[Array, ...], context: mg.Context) -> dict[str, Array]:
        return {"mean": np.array([inputs[0].mean()])}


def test_an_op_that_keeps_the_contract_passes() -> None:
    for op in (Scale(factor=2.0), Memory(factor=0.5)):
        mg.testing.check_op(op, MAP)
        mg.testing.check_op(op, (4, 3))
        mg.testing.check_op(op, (5,))


def variant(base: type[mg.Op] = Scale, **methods: Callable[..., Any]) -> mg.Op:
    """An op called Broken; each changed method is given what the right one returns, and its arguments."""

    def around(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        right = getattr(base, name)
        return lambda self, *arguments: change(right(self, *arguments), *arguments)

    changed = {name: around(name, change) for name, change in methods.items()}
    made: Any = type("Broken", (base,), {**changed, "__doc__": "Wrong.", "__module__": __name__})
    op: mg.Op = made()
    return op


def gradients(errors: mg.Errors, **changed: Any) -> mg.Errors:
    return mg.Errors(errors.inputs, {**errors.parameters, **changed})


def spoiled(y: Array, inputs: tuple[Array, ...], context: mg.Context) -> Array:
    inputs[0][...] = 0
    return y


def spoiled_error(found: mg.Errors, error: Array, *rest: Any) -> mg.Errors:
    error += 1
    return found


FAULTS: dict[str, tuple[mg.Op, str]] = {
    "nothing": (
        variant(forward=lambda y, *_: None),
        "Broken.forward{}: found nothing as the output; expected an array of shape 2x2x4x3, as output_shape says",
    ),
    "a list": (
        variant(forward=lambda y, *_: y.tolist()),
        "Broken.forward{}: found a list as the output; expected an array of shape 2x2x4x3, as output_shape says",
    ),
    "another shape": (
        variant(forward=lambda y, *_: y[:, :1]),
        "Broken.forward{}: found shape 2x1x4x3 as the output; expected 2x2x4x3, as output_shape says",
    ),
    "another dtype": (
        variant(forward=lambda y, *_: y.astype(np.float16)),
        "Broken.forward{}: found dtype float16 as the output; expected float64, that of the model",
    ),
    "another order of bytes": (
        variant(forward=lambda y, *_: y.astype(">f8")),
        "Broken.forward{}: found dtype >f8 as the output; expected float64, that of the model",
    ),
    "written inputs": (
        variant(forward=spoiled),
        "Broken.forward{} writes into an array that it was lent; expected a new array",
    ),
    "a written error": (
        variant(backward=spoiled_error),
        "Broken.backward{} writes into an array that it was lent; expected a new array",
    ),
    "no errors": (
        variant(backward=lambda found, *_: None),
        "Broken.backward{}: found nothing; expected mg.Errors((error, ...), {{name: gradient, ...}})",
    ),
    "a bare error": (
        variant(backward=lambda found, *_: mg.Errors(found.inputs[0], found.parameters)),
        "Broken.backward{}: found a ndarray as errors of the inputs; expected a tuple of 1, one for each",
    ),
    "too many errors": (
        variant(backward=lambda found, *_: mg.Errors(found.inputs * 2, found.parameters)),
        "Broken.backward{}: found 2 of them as errors of the inputs; expected a tuple of 1, one for each",
    ),
    "an error of another shape": (
        variant(backward=lambda found, *_: mg.Errors((found.inputs[0][:, 0],), found.parameters)),
        "Broken.backward{}: found shape 2x4x3 as the error of input 0; expected 2x2x4x3, that of the input",
    ),
    "gradients that are no dict": (
        variant(backward=lambda found, *_: mg.Errors(found.inputs, [1.0])),  # type: ignore[arg-type]
        "Broken.backward{}: found a list as gradients; expected a dict by parameter",
    ),
    "an unknown gradient": (
        variant(backward=lambda found, *_: gradients(found, gian=np.zeros(1))),
        "Broken.backward{}: found gradients of gian; expected those of the parameters: gain",
    ),
    "a missing gradient": (
        variant(backward=lambda found, *_: mg.Errors(found.inputs)),
        "Broken.backward{}: the gradient of gain is missing; expected one for each parameter",
    ),
    "a gradient of another shape": (
        variant(backward=lambda found, *_: gradients(found, gain=found.parameters["gain"][0])),
        "Broken.backward{}: found a float64 as the gradient of 'gain'; expected an array of shape 1, its parameter's",
    ),
    "a state of another name": (
        variant(Memory, next_state=lambda found, *_: {"maen": found["mean"]}),
        "Broken.next_state{}: found maen; expected a dict with mean",
    ),
    "a state of another shape": (
        variant(Memory, next_state=lambda found, *_: {"mean": np.zeros(3)}),
        "Broken.next_state{}: found shape 3 as the state 'mean'; expected 1, as state says",
    ),
    "no shape": (
        variant(output_shape=lambda shape, *_: list(shape)),
        "Broken.output_shape{}: found [2, 4, 3]; expected a tuple of positive integers, (C, H, W) or (F,)",
    ),
    "a shape of two axes": (
        variant(output_shape=lambda shape, *_: shape[1:]),
        "Broken.output_shape{}: found (4, 3); expected a tuple of positive integers, (C, H, W) or (F,)",
    ),
    "an empty shape": (
        variant(output_shape=lambda shape, *_: (0, 4, 3)),
        "Broken.output_shape{}: found (0, 4, 3); expected a tuple of positive integers, (C, H, W) or (F,)",
    ),
    "no parameters": (
        variant(parameters=lambda found, *_: None),
        "Broken.parameters{}: found None; expected a dict with an mg.Parameter for each name",
    ),
    "a parameter without entries": (
        variant(parameters=lambda found, *_: {"gain": mg.Parameter(shape=(0,), default=1.0)}),
        "Broken.parameters{}: found shape (0,) for 'gain'; expected positive integers",
    ),
}
"""What an op may get wrong that a pass finds out: the op, and the text with a place for the node."""


@pytest.mark.parametrize("fault", FAULTS)
def test_check_op_tells_what_a_pass_would(fault: str) -> None:
    op, text = FAULTS[fault]
    with pytest.raises(AssertionError, match=f"^{re.escape(text.format(''))}$"):
        mg.testing.check_op(op, MAP)


@pytest.mark.parametrize("how", ["pass", "train"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_pass_tells_node_op_and_method(fault: str, how: str) -> None:
    op, text = FAULTS[fault]
    x = np.random.default_rng(0).normal(size=(2, *MAP))
    with raises(mg.OpError, text.format(" of node 'mine'")):
        graph = mg.Graph("own")
        graph.output(graph.add("mine", op, graph.input("x", MAP)))
        model = mg.Model(graph, seed=0)
        if how == "pass":
            model.backward(model.forward(x, training=True))
        if how == "train" or "next_state" in text:
            mg.train(model, x, 2 * x, optimizer=mg.SGD(learning_rate=1e-3), steps=1)
    assert issubclass(mg.OpError, mg.MinigraphError)
    assert issubclass(mg.OpError, TypeError)


class Counting(Scale):
    """Scale that counts its calls, which it must not."""

    def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
        calls.append(1)
        return super().forward(inputs, context) + len(calls)


calls: list[int] = []


class Rectified(Scale):
    """Scale at a kink: the absolute value of something that is always 0."""

    def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
        nothing = inputs[0] - inputs[0].copy()
        return super().forward(inputs, context) + np.abs(nothing + (context.parameters["gain"] - kept(context)))


def kept(context: mg.Context) -> Array:
    """The gain as it was when it was first asked for."""
    return gains.setdefault(context.parameters["gain"].dtype.name, context.parameters["gain"].copy())


gains: dict[str, Array] = {}


class WrongPlan(Scale):
    """Scale whose plan is another function."""

    def plan(self, slot: Slot) -> Any:
        forward, backward = super().plan(slot)
        return [*forward, lambda: np.multiply(slot.output, 1.001, slot.output)], backward


class WrongUnwanted(Scale):
    """Scale whose plan forgets the gradient where nobody wants the error of its input."""

    def plan(self, slot: Slot) -> Any:
        forward, backward = super().plan(slot)
        return forward, lambda error, inputs, found: [] if inputs[0] is None else backward(error, inputs, found)


class Fixed(Scale):
    """Scale that takes its first inputs for fixed ones."""

    def plan(self, slot: Slot) -> Any:
        forward, backward = super().plan(slot)
        wrong = [lambda: slot.output.fill(0.0)] if slot.fixed[0] else []
        return [*forward, *wrong], backward


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (
            variant(forward=lambda y, *_: np.log(y - y)),
            "Broken.forward: the output is not finite for finite inputs; expected finite numbers",
        ),
        (
            variant(backward=lambda found, *_: mg.Errors((found.inputs[0] * 1.001,), found.parameters)),
            "Broken.backward: the error of input 0 at",
        ),
        (
            variant(backward=lambda found, *_: gradients(found, gain=found.parameters["gain"] * 0.999)),
            "Broken.backward: the gradient of 'gain' at [0] is",
        ),
        (
            variant(forward=lambda y, *_: y - y.mean(axis=0)),
            "Broken.forward: the output of a sample alone is off by",
        ),
        (
            variant(forward=lambda y, *_: y + 1e-3 * (y.dtype == np.float32)),
            "Broken.forward: the output in float32 is off by",
        ),
        (
            variant(forward=lambda y, *_: 1 / 0),
            "Broken.forward raises ZeroDivisionError: division by zero",
        ),
        (
            variant(output_shape=lambda shape, *_: exec("raise mg.ShapeError('too small')", globals())),
            "Broken.output_shape refuses these shapes: too small",
        ),
        (
            variant(sample_gradients=lambda found, *_: {"gain": 1.001 * found["gain"]}),
            "Broken.sample_gradients: that of 'gain' of a sample is off by",
        ),
        (variant(multiply_adds=lambda count, *_: -1), "Broken.multiply_adds: found -1; expected a count"),
        (Counting(), "Counting.forward: the output differs in a second call; expected the same bits"),
        (
            WrongPlan(),
            "WrongPlan.plan: the output is off by",
        ),
        (WrongUnwanted(), "WrongUnwanted.plan: the gradient of 'gain' is off by nan"),
        (Fixed(), "Fixed.plan: the output with fixed inputs is off by"),
    ],
    ids=lambda item: item[:60] if isinstance(item, str) else type(item).__name__,
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_check_op_catches_what_no_pass_would(op: mg.Op, text: str) -> None:
    with pytest.raises(AssertionError, match=f"^{re.escape(text)}"):
        mg.testing.check_op(op, MAP)


def test_check_op_says_when_nothing_could_be_checked() -> None:
    text = "Rectified.backward: the gradient of 'gain' cannot be checked: every entry lies at a kink"
    with pytest.raises(AssertionError, match=f"^{re.escape(text)}$"):
        mg.testing.check_op(Rectified(), MAP)


def test_check_op_catches_an_op_that_reads_the_output_though_it_says_not() -> None:
    class Says(mg.Sigmoid):
        reads_output = False

    with pytest.raises(AssertionError, match=r"^Says.backward reads the output; expected reads_output = True$"):
        mg.testing.check_op(Says(), MAP)


def test_check_op_catches_a_batch_norm_that_forgets_the_mean() -> None:
    class Forgetful(mg.BatchNorm):
        def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
            found = super().backward(error, inputs, output, context)
            return mg.Errors((found.inputs[0] + 0.1 * context.training,), found.parameters)

    with pytest.raises(AssertionError, match=r"^Forgetful.backward: the error of input 0 at"):
        mg.testing.check_op(Forgetful(), MAP)


@pytest.mark.parametrize(
    ("op", "shapes", "error", "text"),
    [
        (Scale, [MAP], TypeError, "check_op: found the class Scale; expected one of it, such as Scale()"),
        ("ReLU", [MAP], TypeError, "check_op: found 'ReLU' (a string); expected, such as mg.ReLU()"),
        (mg.Add(), [MAP], AssertionError, "Add: found 1 shape; expected 2 or more, one for each input"),
        (mg.ReLU(), [MAP, MAP], AssertionError, "ReLU: found 2 shapes; expected 1, one for each input"),
    ],
)
def test_what_is_no_trial_is_told(op: Any, shapes: list[Shape], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        mg.testing.check_op(op, *shapes)


def test_an_error_of_the_users_own_keeps_its_kind_and_says_where_it_is_from() -> None:
    graph = mg.Graph("own")
    graph.output(graph.add("mine", variant(forward=lambda y, *_: 1 / 0), graph.input("x", MAP)))
    with pytest.raises(ZeroDivisionError) as caught:
        mg.Model(graph, seed=0).forward(np.ones(MAP))
    assert caught.value.__notes__ == ["raised by Broken.forward of node 'mine'"]


@pytest.mark.parametrize(
    "change",
    [
        lambda y, inputs, context: np.asfortranarray(y),
        lambda y, inputs, context: np.broadcast_to(y[:1], y.shape) if len(y) == 1 else y,
        lambda y, inputs, context: y[::-1][::-1],
    ],
)
def test_an_array_in_any_order_of_memory_is_fine(change: Callable[..., Any]) -> None:
    mg.testing.check_op(variant(forward=change), MAP)


def test_an_op_may_return_its_very_input_and_its_very_error() -> None:
    class Same(mg.Op):
        """x."""

        def output_shape(self, *inputs: Shape) -> Shape:
            return inputs[0]

        def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
            return inputs[0]

        def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
            return mg.Errors((error,))

    mg.testing.check_op(Same(), MAP)
    graph = mg.Graph("own")
    x = graph.input("x", MAP)
    same = graph.add("same", Same(), x)
    graph.output(graph.add("sum", mg.Add(), same, graph.add("again", Same(), same), same))
    model = mg.Model(graph, seed=0)
    assert np.array_equal(model.forward(np.ones(MAP)), np.full(MAP, 3.0))
    assert np.array_equal(model.backward(np.ones(MAP)).inputs["x"], np.full(MAP, 3.0))
