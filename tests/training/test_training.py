"""Training against PyTorch's trajectory, the published run, one step by hand, and itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import ENGINES
from minigraph.data.loading import load_data
from minigraph.definition import Definition
from minigraph.errors import DataError, DefinitionError, ShapeError, TrainingDiverged
from minigraph.graph.node import Node
from minigraph.recipe.losses import LOSSES
from minigraph.wording import describe
from tests.helpers import (
    FIGURES,
    TWO_CONV,
    Array,
    assert_close,
    assert_exact,
    raises,
)

# PyTorch's trajectory


@pytest.fixture(scope="module")
def pytorch() -> dict[str, Array]:
    with np.load(FIGURES / "training.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def pytorchs_model(pytorch: dict[str, Array], engine: str) -> mg.Model:
    model = mg.load("two_conv", engine=engine)
    for name in model.parameters:
        model.parameters[name] = pytorch[f"initial/{name}"]
    return model


@pytest.mark.parametrize("engine", list(ENGINES))
def test_the_first_gradient_is_pytorchs(pytorch: dict[str, Array], engine: str) -> None:
    model = pytorchs_model(pytorch, engine)
    answer = model.forward(pytorch["image"])
    found = model.backward(2 * (answer - pytorch["target"]))
    for name in model.parameters:
        assert_close(found.parameters[name], pytorch[f"gradient/{name}"])


@pytest.mark.parametrize(("engine", "steps"), [(name, 50 if name == "naive" else 2000) for name in ENGINES])
def test_the_trajectory_is_pytorchs(pytorch: dict[str, Array], engine: str, steps: int) -> None:
    config = json.loads(str(pytorch["config"]))
    model = pytorchs_model(pytorch, engine)
    optimizer = mg.SGD(learning_rate=config["learning_rate"])
    history = mg.train(model, pytorch["image"], pytorch["target"], optimizer=optimizer, steps=steps)
    np.testing.assert_allclose(history.loss, pytorch["loss"][:steps], rtol=1e-10, atol=0)
    if steps == config["steps"]:
        for name in model.parameters:
            assert_close(model.parameters[name], pytorch[f"final/{name}"], 1e-10)
        last = ((model.forward(pytorch["image"]) - pytorch["target"]) ** 2).sum()
        assert last == pytest.approx(float(pytorch["loss_final"]), rel=1e-10)


# The published run


def published() -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((FIGURES / "published_run.json").read_text())
    return answer


def test_the_published_target_follows_from_the_published_map(engine: str) -> None:
    run = published()
    model = mg.load("two_conv", engine=engine)
    for node in ("conv1", "conv2"):
        model.parameters[f"{node}.kernel"] = run[node]["kernel"]
        model.parameters[f"{node}.bias"] = run[node]["bias"]
    # Map and target are printed with 3 decimals: sums of rounding errors up to 0.0005 in the map.
    assert np.abs(model.forward(run["image"]) - run["target"]).max() < 0.006


def test_the_bundled_definition_is_the_published_run() -> None:
    run = published()
    data = load_data(Definition.load("two_conv"), "float64", 0)
    assert_exact(np.squeeze(data.inputs["image"]), run["image"])
    assert data.teacher is not None
    for node in ("conv1", "conv2"):
        assert_exact(data.teacher[f"{node}.kernel"][0, 0], run[node]["kernel"])
    assert np.abs(np.squeeze(data.targets["conv2"]) - run["target"]).max() < 0.006


# One step, by hand


def one_weight(**node: Any) -> mg.Model:
    """y = kernel * x + bias, beginning with kernel 2 and bias 1."""
    graph = mg.Graph("one_weight")
    graph.input("x", shape=(1, 2))
    init = {"kernel": 2.0, "bias": 1.0}
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "x", init=init, **node))
    return mg.Model(graph, seed=0)


def test_one_step_of_sgd_on_sse_by_hand(engine: str) -> None:
    model = mg.Model(one_weight().graph, seed=0, engine=engine)
    # x = 1 3, y = 3 7, target 2 5: differences 1 2, loss 1 + 4; error 2 4.
    # dkernel = 2*1 + 4*3 = 14, dbias = 6; at rate 1/4 kernel = 2 - 3.5, bias = 1 - 1.5.
    history = mg.train(model, [[1.0, 3]], [[2.0, 5]], optimizer=mg.SGD(learning_rate=0.25), steps=1)
    assert_exact(history.loss, [5.0])
    assert_exact(model.parameters["y.kernel"], [[[[-1.5]]]])
    assert_exact(model.parameters["y.bias"], [-0.5])


def test_one_step_on_mse_divides_by_all_entries() -> None:
    model = one_weight()
    mg.train(model, [[1.0, 3]], [[2.0, 5]], loss="mse", optimizer=mg.SGD(learning_rate=0.25), steps=1)
    assert_exact(model.parameters["y.kernel"], [[[[2 - 14 / 4 / 2]]]])
    assert_exact(model.parameters["y.bias"], [1 - 6 / 4 / 2])


def test_all_parameters_move_by_the_gradients_of_before_the_step() -> None:
    graph = mg.Graph("two_weights")
    graph.input("x", shape=(1, 1))
    graph.add("a", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": 2.0})
    graph.output(graph.add("b", mg.Conv(kernel_size=1, bias=False), "a", init={"kernel": 3.0}))
    model = mg.Model(graph)
    # y = 2 * 3 * 1 = 6, target 5: error 2; da = 2 * 3, db = 2 * 2. Neither sees the other's new value.
    mg.train(model, [[1.0]], [[5.0]], optimizer=mg.SGD(learning_rate=0.5), steps=1)
    assert_exact(model.parameters["a.kernel"], [[[[2 - 3.0]]]])
    assert_exact(model.parameters["b.kernel"], [[[[3 - 2.0]]]])


def test_the_losses_of_several_outputs_are_added() -> None:
    graph = mg.Graph("two_outputs")
    graph.input("x", shape=(1, 2))
    graph.add("a", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": 2.0})
    graph.add("b", mg.ReLU(), "a")
    graph.output("a", "b")
    model = mg.Model(graph)
    # a = b = 2 6; losses (1 + 4) and (0 + 1); errors 2 4 and, through ReLU, 0 2: dkernel = 2*1 + 6*3 = 20.
    targets = {"a": [[1.0, 4]], "b": [[2.0, 5]]}
    history = mg.train(model, [[1.0, 3]], targets, optimizer=mg.SGD(learning_rate=0.125), steps=1)
    assert_exact(history.loss, [6.0])
    assert_exact(model.parameters["a.kernel"], [[[[2 - 2.5]]]])


def test_a_batch_is_summed_over() -> None:
    model = one_weight()
    x = np.array([[1.0, 3], [2, 0], [0, 1]]).reshape(3, 1, 1, 2)
    # y = 3 7, 5 1, 1 3 against 0: loss 9 + 49 + 25 + 1 + 1 + 9; dkernel = 2 (3 + 21 + 10 + 3), dbias = 2 * 20.
    history = mg.train(model, x, np.zeros_like(x), optimizer=mg.SGD(learning_rate=0.5), steps=1)
    assert_exact(history.loss, [94.0])
    assert_exact(model.parameters["y.kernel"], [[[[2 - 37.0]]]])
    assert_exact(model.parameters["y.bias"], [1 - 20.0])


def test_training_leaves_its_arrays_and_answers_every_step() -> None:
    seen: list[tuple[int, float]] = []
    x, target = np.array([[1.0, 3]]), np.array([[2.0, 5]])
    x.flags.writeable = target.flags.writeable = False
    history = mg.train(
        one_weight(),
        x,
        target,
        optimizer=mg.SGD(learning_rate=0.01),
        steps=5,
        on_step=lambda step, loss: seen.append((step, loss)),
    )
    assert seen == list(enumerate(history.loss.tolist()))
    assert history.loss.shape == (5,)
    assert history.loss.dtype == np.float64
    assert history.seconds > 0


# What is frozen, shared or dead


def test_what_is_not_trainable_stays_as_it_is() -> None:
    graph = mg.Graph("frozen")
    graph.input("x", shape=(9, 8))
    graph.add("first", mg.Conv(kernel_size=(2, 3)), "x", trainable=False)
    graph.add("second", mg.Conv(kernel_size=(4, 2)), "first")
    graph.output(graph.add("third", mg.Conv(kernel_size=2), "second", trainable=False))
    model = mg.Model(graph, seed=0)
    before = {name: array.copy() for name, array in model.parameters.items()}
    x = np.random.default_rng(0).normal(size=(9, 8))
    history = mg.train(model, x, np.ones((4, 4)), optimizer=mg.SGD(learning_rate=1e-3), steps=10)
    assert history.loss[-1] < history.loss[0]
    for name, array in model.parameters.items():
        assert np.array_equal(array, before[name]) == (not name.startswith("second"))


def test_where_nothing_is_trainable_training_is_refused() -> None:
    frozen = "all parameters are frozen or serve no output"
    bare = mg.Graph("bare")
    bare.output(bare.add("relu", mg.ReLU(), bare.input("x", (1, 2))))
    dead = mg.Graph("dead")
    dead.add("conv", mg.Conv(kernel_size=1), dead.input("x", (1, 2)))
    dead.output(dead.add("relu", mg.ReLU(), "x"))
    models = one_weight(trainable=False), mg.Model(bare), mg.Model(dead)
    for model, held in zip(models, (frozen, "no node has parameters", frozen), strict=True):
        with raises(
            DefinitionError, f"nothing to train: {held}; expected a trainable node that some output depends on"
        ):
            mg.train(model, [[1.0, 3]], [[2.0, 5]], optimizer=mg.SGD(learning_rate=0.25), steps=3)


def test_a_dead_branch_stays_as_it_is() -> None:
    graph = one_weight().graph
    graph.add("dead", mg.Conv(kernel_size=1), "x")
    model = mg.Model(graph, seed=0)
    before = model.parameters["dead.kernel"].copy()
    mg.train(model, [[1.0, 3]], [[2.0, 5]], optimizer=mg.SGD(learning_rate=0.01), steps=3)
    assert_exact(model.parameters["dead.kernel"], before)


def test_a_shared_parameter_moves_by_the_sum_of_its_users_gradients() -> None:
    graph = mg.Graph("shared")
    graph.input("x", shape=(1, 1))
    graph.add("a", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": 3.0})
    graph.declare("b", Node(mg.Conv(kernel_size=1, bias=False), ("a",), share="a"))
    graph.output("b")
    model = mg.Model(graph)
    # y = kernel^2 x = 9, target 8: error 2, dkernel = 2 * 2 * 3 = 12.
    mg.train(model, [[1.0]], [[8.0]], optimizer=mg.SGD(learning_rate=0.25), steps=1)
    assert_exact(model.parameters["a.kernel"], [[[[0.0]]]])


# Bits


def trained_bits(model: mg.Model) -> tuple[bytes, bytes]:
    data = load_data(Definition.load("two_conv"), model.dtype, 15)
    optimizer = mg.SGD(learning_rate=3e-5)
    history = mg.train(model, data.inputs, data.targets, optimizer=optimizer, steps=100)
    return history.loss.tobytes(), model.parameters.flat.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_seed_gives_the_same_bits(dtype: str) -> None:
    first, second = (trained_bits(mg.load("two_conv", seed=15, dtype=dtype)) for _ in range(2))
    assert first == second
    assert first != trained_bits(mg.load("two_conv", seed=16, dtype=dtype))


def in_code() -> mg.Graph:
    normal = {"distribution": "normal", "mean": 0.0, "std": 1.0}
    graph = mg.Graph(
        "two_conv", description="Recover the kernels of two cascaded convolutions from one input/output pair."
    )
    image = graph.input("image", shape=(20, 20))
    init = {"kernel": normal, "bias": 0.0}
    conv1 = graph.add("conv1", mg.Conv(kernel_size=3), image, init=init)
    graph.output(graph.add("conv2", mg.Conv(kernel_size=4, stride=2), conv1, init=init))
    return graph


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_graph_built_in_code_saved_and_loaded_trains_to_the_bits_of_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"again.{suffix}"
    in_code().save(path)
    assert mg.Graph.load(path) == mg.Graph.load(TWO_CONV) == in_code()
    wanted = trained_bits(mg.load(TWO_CONV, seed=15))
    assert trained_bits(mg.Model(in_code(), seed=15)) == wanted
    assert trained_bits(mg.load(path, seed=15)) == wanted


def test_the_order_of_declaration_does_not_change_the_answer() -> None:
    graph = mg.Graph("two_conv")
    graph.add("conv2", mg.Conv(kernel_size=4, stride=2), "conv1", init={"kernel": 0.1})
    graph.add("conv1", mg.Conv(kernel_size=3), "image", init={"kernel": 0.2})
    graph.input("image", shape=(20, 20))
    graph.output("conv2")
    other = mg.Model(in_code())
    other.parameters["conv1.kernel"], other.parameters["conv2.kernel"] = 0.2, 0.1
    assert trained_bits(mg.Model(graph))[0] == trained_bits(other)[0]


# Errors


def test_a_diverging_run_tells_step_and_losses_and_goes_back_to_before_the_rise() -> None:
    model = one_weight()
    with pytest.raises(TrainingDiverged) as caught:
        mg.train(model, [[1.0, 3]], [[2.0, 5]], optimizer=mg.SGD(learning_rate=1.0), steps=500)
    error = caught.value
    losses = error.history.loss
    # An answer of 0 has the loss 4 + 25, and a million times that is beyond reason.
    assert losses[0] == 5.0
    assert (losses[:-1] < 29e6).all()
    assert losses[-1] > 29e6
    assert error.step == len(losses) - 1
    assert str(error) == (
        f"training diverged: the loss at step {error.step} is {losses[-1]:.6g} (it was {losses[-2]:.6g} one step "
        "before, 5 at step 0); the values and errors of all nodes are finite; expected a loss below 2.9e+07; try "
        "learning rate 0.01, with which the loss fell in 100 steps from step 0"
    )
    assert isinstance(error, ArithmeticError)
    assert ((model.forward([[1.0, 3]]) - [[2.0, 5]]) ** 2).sum() == losses[0]


def test_the_first_node_that_is_not_finite_is_named() -> None:
    graph = mg.Graph("tower")
    graph.input("x", shape=(1, 1))
    for name, source in (("a", "x"), ("b", "a"), ("c", "b")):
        graph.add(name, mg.Conv(kernel_size=1, bias=False), source, init={"kernel": 1e150})
    graph.output("c")
    with pytest.raises(TrainingDiverged, match="the value of 'c' was the first that is not finite"):
        mg.train(mg.Model(graph), [[1.0]], [[1.0]], optimizer=mg.SGD(learning_rate=0.1), steps=2)
    model = mg.Model(graph)
    for name, kernel in (("a", 1.0), ("b", 1e200), ("c", 1e120)):
        model.parameters[f"{name}.kernel"] = kernel
    # c = 1e-250 * 1e320 = 1e70: its loss is finite, 1e140, and b's error 2e190; a's is 2e390.
    with pytest.raises(TrainingDiverged, match="the error of 'a' was the first that is not finite, at step 0"):
        mg.train(model, [[1e-250]], [[1.0]], optimizer=mg.SGD(learning_rate=1e-300), steps=2)
    with pytest.raises(TrainingDiverged, match=r"at step 0 is 1e\+140 .*the error of 'a' was the first") as caught:
        mg.train(model, [[1e-250]], [[1.0]], optimizer=mg.SGD(learning_rate=0.1), steps=2, detect_anomaly=True)
    assert caught.value.step == 0


def test_data_that_are_not_finite_are_told_before_training() -> None:
    sgd, good = mg.SGD(learning_rate=0.1), [[1.0, 3]]
    for x, target, validation, name in (
        ([[1.0, np.nan]], good, None, "'x'"),
        (good, [[np.inf, 3]], None, "'y'"),
        (good, good, (good, [[-np.inf, 3]]), "validation: 'y'"),
    ):
        model = one_weight()
        with raises(DataError, f"{name} has entries that are not finite; expected finite numbers"):
            mg.train(model, x, target, optimizer=sgd, steps=2, validation=validation)
        assert_exact(model.parameters["y.kernel"], [[[[2.0]]]])
    narrow = mg.Model(one_weight().graph, dtype="float32")
    with raises(DataError, "'x': found a number that float32 cannot hold; expected smaller ones"):
        mg.train(narrow, [[1e300, 1.0]], good, optimizer=sgd, steps=2)


@pytest.mark.parametrize("steps", [0, -1, True, 2.0, "2"])
def test_steps_must_be_a_positive_integer(steps: Any) -> None:
    with raises(DefinitionError, f"steps: found {describe(steps)}; expected an integer of at least 1"):
        mg.train(one_weight(), [[1.0, 3]], [[2.0, 5]], optimizer=mg.SGD(learning_rate=0.1), steps=steps)


def test_steps_may_be_a_numpy_integer() -> None:
    sgd = mg.SGD(learning_rate=0.01)
    history = mg.train(one_weight(), [[1.0, 3]], [[2.0, 5]], optimizer=sgd, steps=np.int64(2))  # type: ignore[arg-type]
    assert history.loss.shape == (2,)


@pytest.mark.parametrize(
    ("x", "target", "error", "message"),
    [
        (
            np.zeros((2, 2)),
            np.zeros((1, 2)),
            ShapeError,
            "'x': found shape 2x2; expected 1x2 or 1x1x2 or Nx1x1x2 or Nx1x2",
        ),
        (
            np.zeros((1, 2)),
            np.zeros((2, 2)),
            ShapeError,
            "'y': found shape 2x2; expected 1x2 or 1x1x2 or Nx1x1x2 or Nx1x2",
        ),
        (
            np.zeros((3, 1, 1, 2)),
            np.zeros((2, 1, 1, 2)),
            ShapeError,
            "inputs and targets need the same number of samples; found x has 3, target of y has 2",
        ),
        (np.zeros((1, 2)), {"z": 0}, DataError, "'y' is missing; unknown target 'z'; expected arrays for y"),
    ],
)
def test_data_that_do_not_fit_are_told_before_anything_changes(
    x: Any, target: Any, error: type[Exception], message: str
) -> None:
    model = one_weight()
    before = model.parameters.flat.copy()
    with raises(error, message):
        mg.train(model, x, target, optimizer=mg.SGD(learning_rate=0.1), steps=1)
    assert_exact(model.parameters.flat, before)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (0.0, "learning_rate: found 0.0 (a number); expected a number above 0"),
        (-1, "learning_rate: found -1 (an integer); expected a number above 0"),
        ("1", "learning_rate: found '1' (a string); expected a number above 0"),
        (True, "learning_rate: found true (a boolean); expected a number above 0"),
        (float("nan"), "learning_rate: found nan (a number); expected a finite number above 0"),
    ],
)
def test_a_wrong_learning_rate_is_told(rate: Any, message: str) -> None:
    with raises(DefinitionError, message):
        mg.SGD(learning_rate=rate)


# Losses


def test_an_unknown_loss_is_told_with_the_nearest_one() -> None:
    known = ", ".join(LOSSES)
    with raises(DefinitionError, f"loss: found 'sze' (a string); expected one of {known}; did you mean 'sse'?"):
        mg.train(one_weight(), [[1.0, 3]], [[2.0, 5]], loss="sze", optimizer=mg.SGD(learning_rate=0.1), steps=1)
