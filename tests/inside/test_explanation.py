"""explain: the whole step is forward, backward and train's update, and every part of it adds up to the whole."""

from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.errors import DataError, DefinitionError
from minigraph.recipe.optimizers import Optimizer
from tests.helpers import Array, assert_close, assert_exact, raises

NAMES = ["two_conv", "conv_relu_sigmoid", "residual", "digits", "denoise"]


def bundled(name: str, count: int = 3) -> tuple[mg.Model, dict[str, Array], dict[str, Array], Any]:
    """A bundled model with some samples of its data, and the loss that it is trained by."""
    definition = mg.Definition.load(name)
    assert definition.train is not None
    data = load_data(definition, "float64", 0)
    inputs, targets = data.samples.read(slice(count))
    return mg.Model(definition.graph, 0, dtype="float64"), inputs, targets, definition.train.loss


def every_case() -> mg.Graph:
    """Fan-out, an input read twice by one node, an output that is read on, sharing, a frozen and a useless node."""
    graph = mg.Graph("every_case")
    graph.input("x", shape=(2, 7, 6))
    graph.add("conv", mg.Conv(kernel_size=3, out_channels=2, padding="same"), "x")
    graph.add("twice", mg.Add(), "conv", "conv")
    graph.add("again", mg.Conv(kernel_size=3, out_channels=2, padding="same"), "twice", share="conv")
    graph.add("norm", mg.BatchNorm(), "again")
    graph.add("frozen", mg.Conv(kernel_size=2, stride=[2, 3], out_channels=3), "norm", trainable=False)
    graph.add("useless", mg.Conv(kernel_size=1), "norm")
    graph.add("gate", mg.Multiply(), "again", "norm")
    graph.output("frozen", "gate", "again")
    return graph


def explained(graph: mg.Graph, **settings: Any) -> tuple[mg.Model, mg.Explanation]:
    """A random model of a graph, and one step of it on random data."""
    model, generator = mg.Model(graph, 0), np.random.default_rng(1)
    x = {name: generator.normal(size=(2, *shape)) for name, shape in graph.inputs.items()}
    target = {name: generator.normal(size=(2, *graph.shapes[name])) for name in graph.outputs}
    return model, mg.explain(model, x, target, **(settings or {"learning_rate": 0.1}))


def names(inside: mg.Explanation, node: str) -> list[str]:
    return [step.name for step in inside[node].backward]


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_forward_and_backward(name: str) -> None:
    model, inputs, targets, loss = bundled(name)
    before = {key: array.copy() for key, array in {**model.parameters, **model.state}.items()}
    inside = mg.explain(model, inputs, targets, loss=loss, learning_rate=0.1)
    for key, array in {**model.parameters, **model.state}.items():
        assert_exact(array, before[key])
    model.forward(inputs, training=True)
    values = model.values
    errors = [step.made for step in inside.loss_steps if step.result == "error"]
    gradients = model.backward(
        {key: np.reshape(error, values[key].shape) for key, error in zip(model.graph.outputs, errors, strict=True)}
    )
    assert list(inside) == [*model.graph.inputs, *model.graph.order]
    for node in inside:
        wanted = {**gradients.inputs, **gradients.errors}[node]
        assert_close(inside[node].value, np.reshape(values[node], inside[node].value.shape), 1e-12)
        assert_close(inside[node].error, np.reshape(wanted, inside[node].error.shape), 1e-12)
        for key, gradient in inside[node].gradients.items():
            assert_close(gradient, gradients.parameters[f"{node}.{key}"], 1e-12)


def test_the_loss_is_that_of_the_training_step() -> None:
    for name in NAMES:
        model, inputs, targets, loss = bundled(name)
        inside = mg.explain(model, inputs, targets, loss=loss, learning_rate=0.1)
        history = mg.train(model, inputs, targets, loss=loss, optimizer=mg.SGD(learning_rate=1e-9), steps=1)
        assert inside.loss == pytest.approx(history.loss[0], rel=1e-12)
        assert [step.result for step in inside.loss_steps][-2:] == ["loss", "error"]


def test_what_comes_back_from_several_ways_is_gathered_and_only_there() -> None:
    _, inside = explained(every_case())
    gathered = {node: inside[node].backward[0] for node in inside if names(inside, node)[:1] == ["gather"]}
    assert {node: [key for key in step.arrays if key != "error"] for node, step in gathered.items()} == {
        "conv": ["from_twice_0", "from_twice_1"],
        "again": ["from_loss", "from_norm", "from_gate"],
        "norm": ["from_frozen", "from_useless", "from_gate"],
    }
    for node, step in gathered.items():
        total = sum(array for key, array in step.arrays.items() if key != "error")
        assert_close(total, inside[node].error, 1e-12)
    assert not inside["x"].forward
    assert not inside["x"].backward


def test_a_node_that_no_output_needs_has_its_steps_with_zeros() -> None:
    _, inside = explained(every_case())
    assert names(inside, "useless")[-1] == "update"
    assert not np.any(inside["useless"].error)
    assert not np.any(inside["useless"].input_errors[0])
    update = inside["useless"].backward[-1]
    assert "nothing changes" in update.text
    assert_exact(update.arrays["kernel_after"], update.arrays["kernel"])


def test_nodes_that_share_tell_what_each_contributes_and_the_owner_their_sum() -> None:
    model, inside = explained(every_case())
    own, others = inside["conv"].gradients, inside["again"].gradients
    update = inside["conv"].backward[-1]
    assert names(inside, "again")[-1] != "update"
    assert_close(update.arrays["kernel_gradient_sum"], own["kernel"] + others["kernel"], 1e-12)
    assert_close(update.made, model.parameters["conv.kernel"] - 0.1 * update.arrays["kernel_gradient_sum"], 1e-12)


def test_a_frozen_node_stays_as_it_is_and_says_so() -> None:
    model, inside = explained(every_case())
    update = inside["frozen"].backward[-1]
    assert "frozen" in update.text
    assert_exact(update.made, model.parameters["frozen.kernel"])
    assert np.any(inside["frozen"].gradients["kernel"])


@pytest.mark.parametrize(
    "optimizer",
    [
        mg.SGD(learning_rate=0.01, momentum=0.9, weight_decay=0.1),
        mg.Adam(learning_rate=0.01, weight_decay=0.1),
        mg.AdamW(learning_rate=0.01),
        mg.RMSprop(learning_rate=0.01, weight_decay=0.1),
    ],
)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_the_update_is_that_of_a_training_step(optimizer: Optimizer, clip_norm: float | None) -> None:
    model, inside = explained(every_case(), optimizer=optimizer, clip_norm=clip_norm)
    generator = np.random.default_rng(1)
    x = {name: generator.normal(size=(2, *shape)) for name, shape in model.graph.inputs.items()}
    target = {name: generator.normal(size=(2, *model.graph.shapes[name])) for name in model.graph.outputs}
    before = {name: array.copy() for name, array in model.parameters.items()}
    mg.train(model, x, target, optimizer=optimizer, clip_norm=clip_norm, steps=1)
    for node in ("conv", "norm", "frozen", "useless"):
        update = inside[node].backward[-1]
        for key in inside[node].gradients:
            assert_close(update.arrays[f"{key}_after"], model.parameters[f"{node}.{key}"], 1e-12)
            assert_exact(update.arrays[key], before[f"{node}.{key}"])


def test_one_number_of_a_convolution_worked_by_hand() -> None:
    graph = mg.Graph("by_hand")
    graph.input("x", shape=(4, 4))
    graph.output(graph.add("conv", mg.Conv(kernel_size=2, stride=2), "x", init={"kernel": [[1, 2], [3, 4]], "bias": 5}))
    x = np.arange(16.0).reshape(4, 4)
    inside = mg.explain(mg.Model(graph, 0), x, np.zeros((2, 2)), learning_rate=0.001)
    answer = inside["conv"].cell("answer", (0, 0, 1, 0))
    assert answer.terms == ((8.0, 1.0), (9.0, 2.0), (12.0, 3.0), (13.0, 4.0))
    assert (answer.bias, answer.value) == (5.0, 119.0)
    assert answer.places[0] == (("padded", (0, 0, 2, 0)), ("kernel", (0, 0, 0, 0)))
    assert answer.formula == "8 * 1 + 9 * 2 + 12 * 3 + 13 * 4 + 5 = 119"
    # The error is twice the answer: 39*2, 59*2, 119*2, 139*2. x[2, 1] lay under the second tap of that window alone.
    error = inside["conv"].cell("input_error", (0, 0, 2, 1))
    assert error.direct == ((238.0, 2.0),)
    assert error.value == 476.0
    assert sorted(error.terms)[-1] == (238.0, 2.0)
    spread = inside["conv"].backward[0].made
    assert_exact(spread[0, 0], [[78.0, 0, 118], [0, 0, 0], [238, 0, 278]])


def test_a_pass_that_inserts_and_pads_nothing_says_so() -> None:
    _, inside = explained(every_case())
    steps = {step.name: step.text for step in inside["again"].backward}
    assert "stride is 1" in steps["insert_zeros"]
    steps = {step.name: step.text for step in inside["frozen"].forward}
    assert "no padding" in steps["pad"]
    steps = {step.name: step.text for step in inside["frozen"].backward}
    assert "1 row and 2 columns of zeros" in steps["insert_zeros"]
    assert "no window read" in steps["pad"]


def test_arrays_are_copies() -> None:
    model, inside = explained(every_case())
    step = inside["conv"].forward[1]
    kernel = model.parameters["conv.kernel"].copy()
    step.arrays["kernel"][...] = 0
    assert_exact(model.parameters["conv.kernel"], kernel)
    assert inside["conv"].cell("correlated", (0, 0, 3, 3)).terms[4][1] == kernel[0, 0, 1, 1]


def test_an_op_of_ones_own_gets_a_plain_explanation() -> None:
    class Twice(mg.Op):
        """Two times x. And more."""

        def output_shape(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
            return inputs[0]

        def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
            return inputs[0] * 2

        def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
            return mg.Errors((error * 2,))

    graph = mg.Graph("own")
    graph.input("x", shape=(2, 3))
    graph.output(graph.add("twice", Twice(), "x"))
    _, inside = explained(graph)
    assert [step.text for step in inside["twice"].forward] == ["Two times x. And more."]
    assert [step.result for step in inside["twice"].backward] == ["input_error"]
    mg.testing.check_op(Twice(), (2, 3, 4))


def test_what_is_asked_wrongly_is_told() -> None:
    model, inside = explained(every_case())
    with raises(DefinitionError, "explain: expected learning_rate or optimizer, and not both"):
        mg.explain(model, np.zeros((2, 7, 6)), {})
    with pytest.raises(DefinitionError, match=r"found 'cnv'; expected one of x, conv, .* did you mean 'conv'"):
        inside["cnv"]
    with pytest.raises(DataError, match=r"cell of 'conv': found 'anser'; expected one of .* did you mean 'answer'"):
        inside["conv"].cell("anser", (0, 0, 0, 0))
    with raises(DataError, "cell of 'conv' in 'answer': found [0, 0, 9, 0]; expected 4 numbers from 0, below 2x2x7x6"):
        inside["conv"].cell("answer", (0, 0, 9, 0))
