"""Models: ranks in and out, values, errors, gradients, sharing, weights, and the text of every error."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import ENGINES
from minigraph.errors import CallOrderError, CheckpointError, DataError, DefinitionError, MinigraphError, ShapeError
from minigraph.graph.node import Node
from minigraph.model import parameters
from minigraph.ops.base import Op
from tests.helpers import Array, assert_close, assert_exact, central_difference, diamond, raises

RELU = mg.ReLU()


def chain(*ops: Op, shape: tuple[int, ...] = (4, 5)) -> mg.Graph:
    """x -> n1 -> n2 ... -> the output."""
    graph = mg.Graph("chain")
    name = graph.input("x", shape=shape)
    for index, op in enumerate(ops, start=1):
        name = graph.add(f"n{index}", op, *[name] * op.min_inputs)
    graph.output(name)
    return graph


def shared() -> mg.Graph:
    """x (9, 8) -> first -> second, which uses the parameters of first."""
    graph = mg.Graph("shared")
    graph.input("x", shape=(9, 8))
    graph.add("first", mg.Conv(kernel_size=(2, 3)), "x")
    graph.declare("second", Node(mg.Conv(kernel_size=(2, 3)), ("first",), share="first"))
    graph.output("second")
    return graph


def several() -> mg.Graph:
    """left and right (3, 4, 5) -> joined (6, 4, 5) -> conv; joined and conv are outputs."""
    graph = mg.Graph("several")
    graph.input("left", shape=(3, 4, 5))
    graph.input("right", shape=(1, 4, 5))
    graph.add("joined", mg.Concat(), "right", "left", "right")
    graph.add("conv", mg.Conv(kernel_size=(2, 3), out_channels=2), "joined")
    graph.output("conv", "joined")
    return graph


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


# Ranks


@pytest.mark.parametrize(
    ("graph", "given", "answered", "errors"),
    [
        (chain(mg.Conv(kernel_size=(2, 3))), (4, 5), (3, 3), (3, 3)),
        (chain(mg.Conv(kernel_size=(2, 3))), (1, 4, 5), (1, 3, 3), (1, 3, 3)),
        (chain(mg.Conv(kernel_size=(2, 3))), (1, 1, 4, 5), (1, 1, 3, 3), (1, 1, 3, 3)),
        (chain(mg.Conv(kernel_size=(2, 3))), (6, 1, 4, 5), (6, 1, 3, 3), (6, 1, 3, 3)),
        (chain(mg.Conv(kernel_size=(2, 3), out_channels=7)), (4, 5), (7, 3, 3), (7, 3, 3)),
        (chain(RELU, shape=(3, 4, 5)), (3, 4, 5), (3, 4, 5), (3, 4, 5)),
        (chain(RELU, shape=(3, 4, 5)), (2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)),
    ],
)
def test_the_answer_and_the_errors_have_the_rank_of_the_input(
    graph: mg.Graph, given: tuple[int, ...], answered: tuple[int, ...], errors: tuple[int, ...]
) -> None:
    model = mg.Model(graph, seed=0)
    assert model.forward(draw(*given)).shape == answered
    assert model.values["x"].shape == given
    assert model.values["n1"].shape == answered
    gradients = model.backward(draw(*answered))
    assert gradients.inputs["x"].shape == given
    assert gradients.errors["n1"].shape == errors


def test_every_rank_has_the_same_answer() -> None:
    model = mg.Model(chain(mg.Conv(kernel_size=(2, 3)), RELU), seed=0)
    x = draw(4, 5)
    answer = model.forward(x)
    assert_exact(model.forward(x[None])[0], answer)
    assert_exact(model.forward(x[None, None])[0, 0], answer)
    assert_exact(model.forward(x.tolist()), answer)


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        ((4, 5), (5, 4), "'x': found shape 5x4; expected 4x5 or 1x4x5 or Nx1x4x5 or Nx4x5"),
        ((4, 5), (2, 5, 4), "'x': found shape 2x5x4; expected 4x5 or 1x4x5 or Nx1x4x5 or Nx4x5"),
        ((3, 4, 5), (4, 5), "'x': found shape 4x5; expected 3x4x5 or Nx3x4x5"),
        ((3, 4, 5), (2, 4, 4, 5), "'x': found shape 2x4x4x5; expected 3x4x5 or Nx3x4x5"),
        ((4, 5), (), "'x': found shape (); expected 4x5 or 1x4x5 or Nx1x4x5 or Nx4x5"),
    ],
)
def test_an_array_that_does_not_fit_is_told_with_both_shapes(
    shape: tuple[int, ...], given: tuple[int, ...], message: str
) -> None:
    model = mg.Model(chain(RELU, shape=shape))
    with raises(ShapeError, message):
        model.forward(np.zeros(given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((0, 1, 4, 5)), "'x': found no samples; expected at least one"),
        (np.zeros((4, 5), complex), "'x': found dtype complex128; expected real numbers"),
        ([["a"]], "'x': found dtype <U1; expected real numbers"),
        ([[1, 2], [3]], "'x': found rows of different lengths; expected a regular array of numbers"),
        ({"y": 1}, "'x' is missing; unknown input 'y'; expected arrays for x"),
        (None, "'x': found dtype object; expected real numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_told(given: Any, message: str) -> None:
    with raises(DataError, message):
        mg.Model(chain(RELU)).forward(given)


# Several inputs and outputs


def test_several_inputs_and_outputs_go_by_name() -> None:
    model = mg.Model(several(), seed=0)
    left, right = draw(2, 3, 4, 5), draw(2, 1, 4, 5, seed=1)
    answer = model.forward({"left": left, "right": right})
    assert list(answer) == ["conv", "joined"]
    assert_exact(answer["joined"], np.concatenate([right, left, right], axis=1))


def test_an_output_that_is_also_read_gets_both_errors() -> None:
    model = mg.Model(several(), seed=0)
    inputs = {"left": draw(2, 3, 4, 5), "right": draw(2, 1, 4, 5, seed=1)}
    error = {"conv": draw(2, 2, 3, 3, seed=2), "joined": draw(2, 5, 4, 5, seed=3)}
    model.forward(inputs)
    both = model.backward(error)
    through_conv = model.backward({**error, "joined": np.zeros((2, 5, 4, 5))})
    assert_close(both.errors["joined"], through_conv.errors["joined"] + error["joined"])
    # Concat of right, left, right: right's errors add up.
    assert_close(both.inputs["right"], both.errors["joined"][:, :1] + both.errors["joined"][:, 4:])
    assert_exact(both.inputs["left"], both.errors["joined"][:, 1:4])

    def loss() -> float:
        return sum(float((array * error[name]).sum()) for name, array in model.forward(inputs).items())

    for name, array in inputs.items():
        assert_close(both.inputs[name], central_difference(loss, array, 1e-4), 1e-9)


def test_one_array_for_several_inputs_or_outputs_is_refused() -> None:
    model = mg.Model(several())
    with raises(DataError, "found one array for 2 inputs; expected a dict with left, right"):
        model.forward(np.zeros((3, 4, 5)))
    model.forward({"left": np.zeros((3, 4, 5)), "right": np.zeros((1, 4, 5))})
    with raises(DataError, "found one array for 2 outputs; expected a dict with conv, joined"):
        model.backward(np.zeros((2, 3, 3)))


def test_missing_and_unknown_inputs_are_told_together() -> None:
    with raises(
        DataError, "'left' is missing; unknown input 'lfet'; did you mean 'left'?; expected arrays for left, right"
    ):
        mg.Model(several()).forward({"lfet": 0, "right": 0})


def test_inputs_need_one_number_of_samples() -> None:
    with raises(ShapeError, "inputs of one batch need the same number of samples; found 'left' has 2, 'right' has 6"):
        mg.Model(several()).forward({"left": np.zeros((2, 3, 4, 5)), "right": np.zeros((6, 1, 4, 5))})


def test_inputs_of_different_ranks_come_back_in_their_own() -> None:
    model = mg.Model(several(), seed=0)
    answer = model.forward({"left": np.zeros((3, 4, 5)), "right": np.zeros((4, 5))})
    assert answer["joined"].shape == (5, 4, 5)
    gradients = model.backward({name: np.ones(array.shape) for name, array in answer.items()})
    assert gradients.inputs["left"].shape == (3, 4, 5)
    assert gradients.inputs["right"].shape == (4, 5)


# Backward


def test_the_errors_of_all_consumers_are_added(engine: str) -> None:
    model = mg.Model(diamond(), seed=0, engine=engine)
    x, error = draw(2, 3, 6, 7), draw(2, 4, 3, 5, seed=1)
    model.forward(x)
    found = model.backward(error)
    conv = model.values["conv"]
    sigmoid = 1 / (1 + np.exp(-conv))
    assert_exact(found.errors["sum"], error)
    assert_exact(found.errors["relu"], error)
    assert_close(found.errors["conv"], error * (conv > 0) + error * sigmoid * (1 - sigmoid))

    def loss() -> float:
        return float((model.forward(x) * error).sum())

    assert_close(found.inputs["image"], central_difference(loss, x, 1e-5), 1e-8)
    for name in model.parameters:
        difference = central_difference(loss, model.parameters[name], 1e-5)
        assert_close(found.parameters[name], difference, 1e-8)


def test_a_node_that_reads_one_value_twice_sends_both_errors_back() -> None:
    model = mg.Model(chain(mg.Add()))
    x, error = draw(4, 5), draw(4, 5, seed=1)
    assert_exact(model.forward(x), 2 * x)
    assert_exact(model.backward(error).inputs["x"], 2 * error)


def test_doubling_ten_times_multiplies_the_error_by_1024() -> None:
    model = mg.Model(chain(*[mg.Add()] * 10))
    x, error = draw(4, 5), draw(4, 5, seed=1)
    assert_exact(model.forward(x), 1024 * x)
    found = model.backward(error)
    assert_exact(found.inputs["x"], 1024 * error)
    assert_exact(found.errors["n1"], 512 * error)


def test_backward_twice_gives_the_same() -> None:
    model = mg.Model(diamond(), seed=0)
    answer = model.forward(draw(3, 6, 7))
    first, second = model.backward(answer), model.backward(answer)
    for part in ("parameters", "inputs", "errors"):
        for name, array in getattr(first, part).items():
            assert_exact(getattr(second, part)[name], array)
            assert not np.shares_memory(getattr(second, part)[name], array)


def test_dead_branches_get_zeros() -> None:
    graph = diamond()
    graph.input("unused", shape=(4, 5))
    graph.add("dead", mg.Conv(kernel_size=2), "conv")
    model = mg.Model(graph, seed=0)
    answer = model.forward({"image": draw(3, 6, 7), "unused": draw(4, 5)})
    found = model.backward(answer)
    assert model.values["dead"].shape == (1, 2, 4)
    assert_exact(found.errors["dead"], np.zeros((1, 2, 4)))
    assert_exact(found.inputs["unused"], np.zeros((4, 5)))
    assert_exact(found.parameters["dead.kernel"], np.zeros((1, 4, 2, 2)))
    assert_exact(found.parameters["dead.bias"], np.zeros(1))
    live = mg.Model(diamond(), seed=0)
    live.forward(draw(3, 6, 7))
    assert_exact(found.errors["conv"], live.backward(answer).errors["conv"])


def test_the_gradient_of_a_shared_parameter_is_the_sum_over_its_users(engine: str) -> None:
    model = mg.Model(shared(), seed=0, engine=engine)
    apart_graph = chain(mg.Conv(kernel_size=(2, 3)), mg.Conv(kernel_size=(2, 3)), shape=(9, 8))
    apart = mg.Model(apart_graph, engine=engine)
    for name in ("n1", "n2"):
        for parameter in ("kernel", "bias"):
            apart.parameters[f"{name}.{parameter}"] = model.parameters[f"first.{parameter}"]
    x = draw(2, 1, 9, 8)
    answer = model.forward(x)
    assert_exact(answer, apart.forward(x))
    found, alone = model.backward(answer), apart.backward(answer)
    assert list(found.parameters) == ["first.kernel", "first.bias"]
    for parameter in ("kernel", "bias"):
        wanted = alone.parameters[f"n1.{parameter}"] + alone.parameters[f"n2.{parameter}"]
        assert_close(found.parameters[f"first.{parameter}"], wanted)


def test_backward_before_forward_is_refused() -> None:
    model = mg.Model(chain(RELU))
    with raises(MinigraphError, "backward: forward has not run yet; call forward first"):
        model.backward(np.zeros((4, 5)))
    with raises(MinigraphError, "values: forward has not run yet; call forward first"):
        _ = model.values


def test_backward_after_an_assignment_is_refused() -> None:
    model = mg.Model(shared(), seed=0)
    answer = model.forward(draw(9, 8))
    model.parameters["first.bias"] = 2.0
    with raises(MinigraphError, "backward: parameters changed since the last forward; call forward first"):
        model.backward(answer)
    model.backward(model.forward(draw(9, 8)))


def test_backward_after_training_is_refused() -> None:
    model = mg.Model(shared(), seed=0)
    answer = model.forward(draw(9, 8))
    mg.train(model, draw(9, 8), answer + 1, optimizer=mg.SGD(learning_rate=1e-4), steps=1)
    with pytest.raises(MinigraphError, match="parameters changed since the last forward"):
        model.backward(answer)


def test_backward_after_training_that_diverged_is_refused() -> None:
    model = mg.Model(shared(), seed=0)
    answer = model.forward(draw(9, 8))
    with pytest.raises(mg.TrainingDiverged):
        mg.train(model, draw(9, 8), answer + 1, optimizer=mg.SGD(learning_rate=1e9), steps=500)
    with pytest.raises(MinigraphError, match="parameters changed since the last forward"), np.errstate(all="ignore"):
        model.backward(answer)


def test_backward_after_loading_weights_is_refused(tmp_path: Path) -> None:
    model = mg.Model(shared(), seed=0)
    model.save(tmp_path / "w.npz")
    answer = model.forward(draw(9, 8))
    model.load_weights(tmp_path / "w.npz")
    with pytest.raises(MinigraphError, match="parameters changed since the last forward"):
        model.backward(answer)


@pytest.mark.parametrize("few", [1 << 16, 0], ids=["copied", "summed"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_backward_after_writing_into_a_parameter_is_refused(
    dtype: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "FEW_NUMBERS", few)
    monkeypatch.setattr(parameters, "COLUMNS", 5)
    model = mg.Model(shared(), seed=0, dtype=dtype)
    kernel, other = model.parameters["first.kernel"], mg.Model(shared(), seed=1, dtype=dtype)

    def turn() -> None:
        kernel[...] = kernel[..., ::-1].copy()

    def add_to_one() -> None:
        kernel[0, 0, 1, 1] = np.nextafter(kernel[0, 0, 1, 1], kernel.dtype.type(9))

    for change in (
        lambda: np.multiply(kernel, 3, kernel),
        lambda: np.negative(kernel, kernel),
        turn,
        add_to_one,
        lambda: model.parameters["first.bias"].fill(1.0),
        lambda: np.copyto(model.parameters.flat, other.parameters.flat),
    ):
        answer = model.forward(draw(9, 8))
        model.backward(answer)
        change()
        with pytest.raises(CallOrderError, match="parameters changed since the last forward; call forward first"):
            model.backward(answer)


def test_backward_after_a_change_of_state_is_refused_where_the_pass_has_read_it() -> None:
    graph = chain(mg.BatchNorm())
    model = mg.Model(graph, seed=0)
    x = draw(3, 1, 4, 5)
    for training in (True, False):
        answer = model.forward(x, training=training)
        model.state["n1.mean"][...] += 1.0
        if training:
            model.backward(answer)
        else:
            with pytest.raises(CallOrderError, match="backward: state changed since the last forward"):
                model.backward(answer)


def test_parameters_that_are_not_numbers_have_not_changed() -> None:
    model = mg.Model(shared(), seed=0)
    model.parameters["first.kernel"] = np.nan
    model.backward(model.forward(draw(9, 8)))


def test_an_error_of_another_shape_is_told_with_both() -> None:
    model = mg.Model(chain(mg.Conv(kernel_size=(2, 3))), seed=0)
    model.forward(draw(4, 5))
    with raises(ShapeError, "error of output 'n1': found shape 1x3x3; expected that of the answer, 3x3"):
        model.backward(np.zeros((1, 3, 3)))


# Copies


def test_answers_values_and_errors_are_the_callers_own() -> None:
    model = mg.Model(diamond(), seed=0)
    x = draw(3, 6, 7)
    answer = model.forward(x)
    kept = {name: array.copy() for name, array in model.values.items()}
    found = model.backward(answer.copy())
    answers = {part: dict(getattr(found, part)) for part in ("parameters", "inputs", "errors")}
    copies = {part: {n: a.copy() for n, a in arrays.items()} for part, arrays in answers.items()}

    answer[...] = 99.0
    x[...] = 99.0
    for array in model.values.values():
        array[...] = 99.0
    for name, array in model.values.items():
        assert_exact(array, kept[name])
    model.backward(model.forward(draw(3, 6, 7, seed=9)))
    for part, arrays in answers.items():
        for name, array in arrays.items():
            assert_exact(array, copies[part][name])
            array[...] = 99.0
    model.forward(draw(3, 6, 7))
    for name, array in model.backward(kept["sum"]).errors.items():
        assert_exact(array, copies["errors"][name])


def test_an_input_that_is_changed_after_forward_does_not_change_backward() -> None:
    model = mg.Model(diamond(), seed=0)
    x = draw(3, 6, 7)
    answer = model.forward(x)
    wanted = model.backward(answer).parameters["conv.kernel"]
    x[...] = 0.0
    assert_exact(model.backward(answer).parameters["conv.kernel"], wanted)


def test_no_argument_is_written_into() -> None:
    model = mg.Model(diamond(), seed=0)
    x, error = draw(3, 6, 7), draw(4, 3, 5)
    x.flags.writeable = error.flags.writeable = False
    model.forward(x)
    model.backward(error)


# Engines, dtype and seeds


def test_the_engines_agree() -> None:
    x, error = draw(2, 3, 6, 7), draw(2, 4, 3, 5, seed=1)
    answers = []
    for name in ENGINES:
        model = mg.Model(diamond(), seed=0, engine=name)
        answer = model.forward(x)
        answers.append((answer, model.backward(error)))
    (first, first_gradients), *others = answers
    for answer, gradients in others:
        assert_close(answer, first)
        for part in ("parameters", "inputs", "errors"):
            for name, array in getattr(first_gradients, part).items():
                assert_close(getattr(gradients, part)[name], array)


def test_float32_is_kept_from_end_to_end(engine: str) -> None:
    model = mg.Model(diamond(), seed=0, engine=engine, dtype="float32")
    double = mg.Model(diamond(), seed=0, engine=engine)
    x = draw(3, 6, 7)
    answer = model.forward(x)
    found = model.backward(answer)
    arrays = [answer, *model.values.values(), *model.parameters.values()]
    for part in ("parameters", "inputs", "errors"):
        arrays += getattr(found, part).values()
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert_close(answer, double.forward(x), 1e-5)


def test_the_graphs_dtype_is_taken_unless_another_is_asked_for() -> None:
    graph = mg.Graph("single", dtype="float32")
    graph.input("x", shape=(4, 5))
    graph.output(graph.add("relu", RELU, "x"))
    assert mg.Model(graph).forward(np.ones((4, 5))).dtype == np.float32
    assert mg.Model(graph, dtype="float64").forward(np.ones((4, 5))).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "int64", "floaty"])
def test_another_dtype_is_refused(dtype: str) -> None:
    with raises(DefinitionError, f"dtype: found '{dtype}'; expected one of float64, float32"):
        mg.Model(chain(RELU), dtype=dtype)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"engine: found 'fats'; expected .*; did you mean 'fast'\?"):
        mg.Model(chain(RELU), engine="fats")


def test_a_graph_that_is_not_sound_is_refused() -> None:
    with pytest.raises(DefinitionError, match="the graph has no output"):
        mg.Model(mg.Graph("empty"))


def test_the_seed_decides_the_parameters() -> None:
    first, same, other = (mg.Model(diamond(), seed=seed) for seed in (1, 1, 2))
    generated = mg.Model(diamond(), seed=np.random.default_rng(1))
    assert_exact(first.parameters.flat, same.parameters.flat)
    assert_exact(first.parameters.flat, generated.parameters.flat)
    assert (first.parameters["conv.kernel"] != other.parameters["conv.kernel"]).all()
    assert not np.array_equal(mg.Model(diamond()).parameters.flat, mg.Model(diamond()).parameters.flat)


def test_biases_begin_at_zero() -> None:
    assert_exact(mg.Model(diamond(), seed=1).parameters["conv.bias"], np.zeros(4))


def test_the_naive_and_the_fast_model_begin_with_the_same_parameters() -> None:
    naive, fast = (mg.Model(diamond(), seed=1, engine=engine) for engine in ("naive", "fast"))
    assert_exact(naive.parameters.flat, fast.parameters.flat)


# Parameters


def test_an_assignment_may_leave_out_leading_axes_of_length_1() -> None:
    model = mg.load("two_conv", seed=0)
    kernel = np.arange(9.0).reshape(3, 3)
    for values in (kernel, kernel[None], kernel[None, None], kernel.tolist()):
        model.parameters["conv1.kernel"] = 0.0
        model.parameters["conv1.kernel"] = values
        assert_exact(model.parameters["conv1.kernel"], kernel[None, None])
    kernel[...] = 99.0
    assert model.parameters["conv1.kernel"].max() == 8.0


def test_a_number_fills_a_parameter() -> None:
    model = mg.load("two_conv", seed=0)
    model.parameters["conv2.kernel"] = 3
    assert_exact(model.parameters["conv2.kernel"], np.full((1, 1, 4, 4), 3.0))


def test_an_assignment_is_used_by_the_next_forward() -> None:
    model = mg.Model(chain(mg.Conv(kernel_size=(1, 2))), seed=0)
    x = draw(4, 5)
    model.forward(x)
    model.parameters["n1.kernel"] = [[1.0, -1.0]]
    model.parameters["n1.bias"] = [0.5]
    assert_exact(model.forward(x), x[:, :-1] - x[:, 1:] + 0.5)


@pytest.mark.parametrize(
    ("name", "values", "error", "message"),
    [
        (
            "conv1.kernel",
            np.zeros((4, 4)),
            ShapeError,
            "parameter 'conv1.kernel': found an array of shape 4x4; expected 1x1x3x3 (leading axes of length 1 may be "
            "left out)",
        ),
        (
            "conv1.kernel",
            np.zeros((1, 1, 1, 3, 3)),
            ShapeError,
            "parameter 'conv1.kernel': found an array of shape 1x1x1x3x3; expected 1x1x3x3 (leading axes of length 1 "
            "may be left out)",
        ),
        (
            "conv1.kernel",
            [[1], [2, 3]],
            DataError,
            "parameter 'conv1.kernel': found rows of different lengths; expected a regular array of numbers",
        ),
        ("conv1.bias", "zero", DataError, "parameter 'conv1.bias': found dtype <U4; expected real numbers"),
        (
            "conv1.kernle",
            0.0,
            DefinitionError,
            "unknown parameter 'conv1.kernle'; expected one of conv1.kernel, conv1.bias, conv2.kernel, conv2.bias; did "
            "you mean 'conv1.kernel'?",
        ),
    ],
)
def test_a_wrong_assignment_changes_nothing(name: str, values: Any, error: type[Exception], message: str) -> None:
    model = mg.load("two_conv", seed=0)
    before = model.parameters.flat.copy()
    with raises(error, message):
        model.parameters[name] = values
    assert_exact(model.parameters.flat, before)


def test_an_unknown_parameter_is_also_a_key_error() -> None:
    model = mg.load("two_conv", seed=0)
    with pytest.raises(KeyError, match=r"unknown parameter 'conv3\.bias'"):
        _ = model.parameters["conv3.bias"]
    assert model.parameters.get("conv3.bias") is None
    assert "conv3.bias" not in model.parameters


def test_parameters_are_a_mapping_of_fixed_names() -> None:
    parameters = mg.load("two_conv", seed=0).parameters
    assert list(parameters) == ["conv1.kernel", "conv1.bias", "conv2.kernel", "conv2.bias"]
    assert len(parameters) == 4
    assert repr(parameters).startswith("<Parameters conv1.kernel (1, 1, 3, 3), conv1.bias (1,), ")
    with pytest.raises(TypeError, match="can be assigned, not deleted"):
        del parameters["conv1.bias"]


def test_parameters_that_are_not_trained_stand_behind_the_others() -> None:
    graph = mg.Graph("frozen")
    graph.input("x", shape=(9, 8))
    graph.add("first", mg.Conv(kernel_size=(2, 3)), "x", trainable=False)
    graph.output(graph.add("second", mg.Conv(kernel_size=(4, 2)), "first"))
    parameters = mg.Model(graph, seed=0).parameters
    assert parameters.trainable.size == 4 * 2 + 1
    parameters.trainable[...] = 7.0
    assert_exact(parameters["second.kernel"], np.full((1, 1, 4, 2), 7.0))
    assert (parameters["first.kernel"] != 7.0).all()
    assert list(parameters.views_of(np.zeros(9))) == ["second.kernel", "second.bias"]


def test_what_is_not_trained_still_has_a_gradient() -> None:
    graph = mg.Graph("frozen")
    graph.input("x", shape=(9, 8))
    graph.output(graph.add("conv", mg.Conv(kernel_size=(2, 3)), "x", trainable=False))
    model = mg.Model(graph, seed=0)
    assert model.backward(model.forward(draw(9, 8))).parameters["conv.kernel"].any()


# Weights in files


def test_saved_weights_are_plain_arrays_and_come_back_bit_by_bit(tmp_path: Path) -> None:
    model, other = mg.load("two_conv", seed=0), mg.load("two_conv", seed=1)
    model.save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz", allow_pickle=False) as archive:
        assert archive.files == list(model.parameters)
        for name in archive.files:
            assert_exact(archive[name], model.parameters[name])
    other.load_weights(tmp_path / "w.npz")
    assert_exact(other.parameters.flat, model.parameters.flat)


def test_weights_that_do_not_fit_are_told_all_at_once_and_change_nothing(tmp_path: Path) -> None:
    model = mg.load("two_conv", seed=0)
    arrays: dict[str, Any] = {name: array + 1 for name, array in model.parameters.items()}
    del arrays["conv2.bias"]
    arrays["conv2.bais"] = np.zeros(1)
    arrays["conv2.kernel"] = np.zeros((4, 4))
    arrays["conv1.bias"] = np.array(["a"])
    path = tmp_path / "w.npz"
    np.savez(path, **arrays)
    before = model.parameters.flat.copy()
    with raises(
        CheckpointError,
        f"{path}: these weights do not fit graph 'two_conv': 'conv2.bias' is missing; 'conv2.bais' is not of this "
        "graph; did you mean 'conv2.bias'?; 'conv1.bias' has dtype <U1, expected real numbers; 'conv2.kernel' has "
        "shape 4x4, expected 1x1x4x4",
    ):
        model.load_weights(path)
    assert_exact(model.parameters.flat, before)


def test_a_file_that_holds_no_weights_is_told(tmp_path: Path) -> None:
    model = mg.load("two_conv", seed=0)
    with raises(DataError, f"{tmp_path / 'none.npz'}: no such file"):
        model.load_weights(tmp_path / "none.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with raises(DataError, f"{tmp_path / 'single.npy'}: found a single array; expected an npz with named arrays"):
        model.load_weights(tmp_path / "single.npy")


def test_names_of_other_frameworks_are_told_in_ours(tmp_path: Path) -> None:
    graph = mg.Graph("normed")
    image = graph.input("image", (5, 6))
    graph.output(graph.add("norm", mg.BatchNorm(), graph.add("c1", mg.Conv(kernel_size=3), image)))
    model = mg.Model(graph, seed=0)
    names = {"c1.weight": (1, 1, 3, 3), "c1.bias": (1,), "norm.weight": (1,), "norm.bias": (1,)}
    names |= {"norm.running_mean": (1,), "norm.running_var": (1,)}
    np.savez(tmp_path / "w.npz", **{name: np.zeros(shape) for name, shape in names.items()})
    with raises(
        CheckpointError,
        f"{tmp_path / 'w.npz'}: these weights do not fit graph 'normed': 'c1.weight' is called 'c1.kernel' here; "
        "'norm.weight' is called 'norm.scale' here; 'norm.running_mean' is called 'norm.mean' here; "
        "'norm.running_var' is called 'norm.variance' here",
    ):
        model.load_weights(tmp_path / "w.npz")
    with pytest.raises(KeyError, match=r"unknown parameter 'c1\.weight'; .*; here it is called 'c1\.kernel'"):
        _ = model.parameters["c1.weight"]
    with pytest.raises(mg.DefinitionError, match=r"unknown parameter 'weight'; .*; here it is called 'kernel'"):
        graph.add("c2", mg.Conv(kernel_size=3), image, init={"weight": 0.0})


def test_a_checkpoint_is_no_weights_and_those_beside_it_are_named(tmp_path: Path) -> None:
    model, file = mg.load("two_conv", seed=0), tmp_path / "checkpoint.npz"
    x = np.ones((20, 20))
    mg.train(model, x, model.forward(x), optimizer=mg.SGD(learning_rate=0.1), steps=1, checkpoint=file)
    found = f"{file}: found a checkpoint, with which training goes on; expected"
    with raises(
        CheckpointError,
        f"{found} the weights of a run that has ended; to go on with it: minigraph train --resume {tmp_path}",
    ):
        model.load_weights(file)
    for name in ("weights.npz", "best.npz"):  # the best, as soon as there are any
        model.save(tmp_path / name)
        with raises(CheckpointError, f"{found} weights: {tmp_path / name}"):
            model.load_weights(file)


def test_a_model_shows_its_size() -> None:
    assert repr(mg.load("two_conv")) == "<Model of two_conv: 27 parameters, engine fast, float64>"


def test_what_needs_a_forward_says_so_as_a_runtime_error() -> None:
    model = mg.load("two_conv", seed=0)
    with pytest.raises(mg.CallOrderError, match="forward has not run yet"):
        _ = model.values
    with pytest.raises(RuntimeError, match="call forward first"):
        model.backward(np.zeros((8, 8)))
