"""Mini-batches against steps by hand, epochs and their order, evaluation, patience, and weights of several outputs."""

from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.samples import fit_samples
from minigraph.errors import DefinitionError
from minigraph.randomness import stream
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.schedules import Plateau
from minigraph.recipe.settings import TrainSection
from minigraph.training.batches import Batches
from minigraph.training.evaluation import evaluate
from tests.helpers import Array, assert_close, assert_exact, raises

N, CLASSES = 11, 3


def network(dtype: str = "float64") -> mg.Model:
    """A classifier with everything that a step touches: state, two kinds of parameters, a nonlinearity.

    No bias before BatchNorm: its gradient would be nothing but rounding errors, which Adam makes steps of.
    """
    graph = mg.Graph("classifier", dtype=dtype)
    image = graph.input("image", shape=(2, 5, 6))
    graph.add("conv", mg.Conv(kernel_size=(2, 3), out_channels=4, bias=False), image)
    graph.add("norm", mg.BatchNorm(), "conv")
    graph.add("relu", mg.ReLU(), "norm")
    graph.add("flat", mg.Flatten(), "relu")
    graph.output(graph.add("score", mg.Dense(out_features=CLASSES), "flat"))
    return mg.Model(graph, seed=0)


def samples(count: int = N, seed: int = 0) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 2, 5, 6))
    return x, (x.mean(axis=(1, 2, 3)) > 0).astype(int) + (x[:, 0, 0, 0] > 1)


def test_mini_batches_are_steps_by_hand() -> None:
    x, y = samples()
    trained, by_hand = network(), network()
    optimizer = mg.Adam(learning_rate=0.01)
    history = mg.train(trained, x, y, loss="cross_entropy", optimizer=optimizer, epochs=2, batch_size=4, seed=5)
    order, loss = stream(5, "shuffle"), LOSSES.find("cross_entropy")()
    vector = by_hand.parameters.trainable
    state, losses = optimizer.state(vector), []
    for _ in range(2):
        rows = order.permutation(N)
        for batch in (rows[:4], rows[4:8], rows[8:]):
            answer = by_hand.forward(x[batch], training=True)
            error = np.empty_like(answer)
            losses.append(loss.evaluate(answer, y[batch], error))
            gradients = by_hand.backward(error).parameters
            gradient = np.concatenate([gradients[name].ravel() for name in by_hand.parameters.views_of(vector)])
            optimizer.update(vector, gradient, state, optimizer.learning_rate)
            by_hand.parameters.version += 1
            normalized = by_hand.graph.nodes["norm"]
            read = (by_hand.values[normalized.inputs[0]],)
            for name, value in normalized.op.next_state(read, by_hand.contexts(training=True)["norm"]).items():
                by_hand.state[f"norm.{name}"] = value
    assert_close(history.loss, losses, 1e-12)
    assert_close(trained.parameters.flat, by_hand.parameters.flat, 1e-12)
    assert_close(trained.state["norm.mean"], by_hand.state["norm.mean"], 1e-12)


def settings(**given: Any) -> TrainSection:
    return TrainSection(**{"loss": "cross_entropy", "optimizer": mg.SGD(learning_rate=0.1), "epochs": 3, **given})


def test_an_epoch_has_every_sample_once_in_an_order_of_its_own() -> None:
    model = network()
    numbered = np.arange(N)[:, None, None, None] + np.zeros((N, 2, 5, 6))
    held = fit_samples(model.graph, settings().loss, numbered, np.zeros(N, int))
    batches = Batches(model, held, settings(batch_size=4), np.zeros_like(model.parameters.trainable))
    assert batches.per_epoch == 3
    seen = [batches.at(step).plan.values["image"][:, 0, 0, 0].tolist() for step in range(9)]
    assert [len(batch) for batch in seen] == [4, 4, 3] * 3
    epochs = [[*seen[start], *seen[start + 1], *seen[start + 2]] for start in (0, 3, 6)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(N))] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_seed_gives_the_same_bits_and_another_one_others() -> None:
    def bits(seed: int, dtype: str) -> tuple[bytes, bytes]:
        model = network(dtype)
        sgd = mg.SGD(learning_rate=0.1, momentum=0.9)
        history = mg.train(model, *samples(), loss="cross_entropy", optimizer=sgd, epochs=3, batch_size=4, seed=seed)
        return history.loss.tobytes(), model.parameters.flat.tobytes()

    for dtype in ("float64", "float32"):
        assert bits(1, dtype) == bits(1, dtype) != bits(2, dtype)


def test_a_batch_of_all_samples_is_the_whole() -> None:
    runs = []
    for given in ({}, {"batch_size": N}, {"batch_size": 10 * N}):
        model = network()
        mg.train(model, *samples(), loss="cross_entropy", optimizer=mg.SGD(learning_rate=0.1), steps=4, **given)
        runs.append(model.parameters.flat.tobytes())
    assert len(set(runs)) == 1


def test_validation_and_metrics_are_told_for_each_epoch() -> None:
    model = network()
    x, y = samples(60, seed=1)
    history = mg.train(
        model,
        *samples(200),
        loss="cross_entropy",
        optimizer=mg.Adam(learning_rate=0.01),
        epochs=5,
        batch_size=20,
        validation=(x, y),
        metrics=["accuracy"],
    )
    assert [row["step"] for row in history.evaluations] == [10, 20, 30, 40, 50]
    assert history.evaluations[1]["loss"] == pytest.approx(history.loss[10:20].mean(), rel=1e-15)
    answer = model.forward(x)
    last = history.evaluations[-1]
    assert last["validation_accuracy"] == pytest.approx((answer.argmax(axis=1) == y).mean())
    loss = LOSSES.find("cross_entropy")().evaluate(answer, y, np.empty_like(answer))
    assert last["validation_loss"] == pytest.approx(loss, rel=1e-12)
    assert last["validation_accuracy"] > 0.6
    assert history.best == min(history.evaluations, key=lambda row: row["validation_loss"])


@pytest.mark.parametrize("loss", ["sse", "mse"])
def test_an_evaluation_in_passes_is_that_of_all_samples_at_once(loss: str) -> None:
    model = network()
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(N, 2, 5, 6)), generator.normal(size=(N, CLASSES))
    held = fit_samples(model.graph, LOSSES.find(loss)(), x, y)
    judged = [
        evaluate(model, held, settings(loss=loss, metrics=["mae", "psnr"], batch_size=size)) for size in (4, 5, N)
    ]
    for one in judged[:2]:
        assert one == pytest.approx(judged[2], rel=1e-12)


def test_patience_stops_a_run_that_gets_no_better() -> None:
    history = mg.train(
        network(),
        *samples(),
        loss="cross_entropy",
        optimizer=mg.SGD(learning_rate=0.3),
        epochs=500,
        validation=samples(30, seed=1),
        patience=3,
    )
    values = [row["validation_loss"] for row in history.evaluations]
    assert history.stopped == "patience"
    assert len(history.loss) == len(values) == int(np.argmin(values)) + 1 + 3


def constant() -> mg.Model:
    """Answers its bias, 0 at first, whatever it is given."""
    graph = mg.Graph("constant")
    graph.input("x", shape=(1, 1))
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "x", init={"kernel": 0.0}))
    return mg.Model(graph)


THREE: tuple[Array, Array] = np.zeros((3, 1, 1)), np.array([1.0, 2, 30]).reshape(3, 1, 1)


@pytest.mark.parametrize(("loss", "wanted"), [("mse", 905 / 3), ("sse", 905.0), ("mae", 11.0)])
def test_an_epochs_loss_weighs_each_sample_alike_also_when_the_last_batch_is_smaller(loss: str, wanted: float) -> None:
    still = mg.SGD(learning_rate=1e-300)
    history = mg.train(constant(), *THREE, loss=loss, optimizer=still, epochs=4, batch_size=2, metrics=["mae"])
    assert [row["loss"] for row in history.evaluations] == pytest.approx([wanted] * 4, rel=1e-15)


def test_patience_is_not_used_up_by_the_order_of_the_samples() -> None:
    slow = mg.SGD(learning_rate=1e-6)  # the loss falls in each epoch, by less than the batches differ
    history = mg.train(constant(), *THREE, loss="mse", optimizer=slow, epochs=12, batch_size=2, patience=1)
    assert (history.stopped, len(history.evaluations)) == ("epochs", 12)


def test_a_plateau_lowers_the_rate_by_what_the_evaluations_say() -> None:
    model = network()
    before = model.parameters.flat.copy()
    # The loss never falls by 99 %, so that after the first evaluation each one lowers the rate to nothing.
    given: dict[str, Any] = {
        "loss": "cross_entropy",
        "optimizer": mg.SGD(learning_rate=0.1),
        "schedule": Plateau(factor=1e-9, patience=0, threshold=0.99),
    }
    mg.train(model, *samples(), steps=2, **given)
    after = model.parameters.flat.copy()
    assert not np.array_equal(before, after)
    model = network()
    mg.train(model, *samples(), steps=50, **given)
    assert_close(model.parameters.flat, after, 1e-7)


def test_the_schedules_time_is_that_of_the_runs_length() -> None:
    seen: dict[str, list[float]] = {}
    for key, length in (("steps", {"steps": 6}), ("epochs", {"epochs": 2})):
        rates: list[float] = []

        class Watched(mg.SGD):
            def update(self, parameters: Array, gradient: Array, state: Any, rate: float) -> None:
                rates.append(rate)  # noqa: B023

        mg.train(
            network(), *samples(), loss="cross_entropy", optimizer=Watched(learning_rate=1.0), batch_size=4,
            schedule="cosine", **length,
        )  # fmt: skip
        seen[key] = rates
    wanted = [(1 + np.cos(np.pi * step / 6)) / 2 for step in range(6)]
    assert_close(seen["steps"], wanted)
    assert_close(seen["epochs"], wanted)


def two_outputs() -> mg.Model:
    graph = mg.Graph("two_outputs")
    graph.input("x", shape=(1, 2))
    graph.add("a", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": 2.0})
    graph.add("b", mg.Conv(kernel_size=1, bias=False), "x", init={"kernel": 2.0})
    graph.output("a", "b")
    return mg.Model(graph)


def test_weights_multiply_each_outputs_loss_and_gradient() -> None:
    model = two_outputs()
    targets = {"a": [[1.0, 4]], "b": [[1.0, 4]]}
    # a = b = 2 6: the loss of each is 1 + 4, the gradient 2*1 + 4*3.
    sgd = mg.SGD(learning_rate=0.125)
    history = mg.train(model, [[1.0, 3]], targets, optimizer=sgd, steps=1, loss_weights={"b": 0.5})
    assert_exact(history.loss, [7.5])
    assert_exact(model.parameters["a.kernel"], [[[[2 - 14 / 8]]]])
    assert_exact(model.parameters["b.kernel"], [[[[2 - 7 / 8]]]])
    with raises(DefinitionError, "loss_weights.c: unknown output 'c'; expected one of a, b"):
        mg.train(model, [[1.0, 3]], targets, optimizer=sgd, steps=1, loss_weights={"c": 0.5})


def test_metrics_of_several_outputs_are_told_apart() -> None:
    targets = {"a": [[1.0, 4]], "b": [[2.0, 6]]}
    history = mg.train(
        two_outputs(), [[1.0, 3]], targets, optimizer=mg.SGD(learning_rate=1e-9), epochs=1, metrics=["mae"]
    )
    assert history.evaluations[0]["a.mae"] == pytest.approx(1.5)
    assert history.evaluations[0]["b.mae"] == pytest.approx(0, abs=1e-6)


def test_a_long_gradient_is_clipped() -> None:
    model = two_outputs()
    targets = {"a": [[1.0, 4]], "b": [[2.0, 6]]}
    mg.train(model, [[1.0, 3]], targets, optimizer=mg.SGD(learning_rate=0.5), steps=1, clip_norm=1.0)
    assert_close(model.parameters["a.kernel"], [[[[1.5]]]], 1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "steps: missing key 'steps': how many updates; or 'epochs'"),
        ({"steps": 2, "epochs": 2}, "epochs: found 'epochs' beside 'steps'; expected one or the other"),
        ({"epochs": 0}, "epochs: found 0 (an integer); expected an integer of at least 1"),
        ({"steps": 1, "batch_size": 0}, "batch_size: found 0 (an integer); expected an integer of at least 1"),
        ({"steps": 1, "schedule": "cosin"}, "schedule.name: unknown schedule 'cosin'; expected one of constant, step, "
         "cosine, plateau; did you mean 'cosine'?"),
        ({"steps": 1, "metrics": ["acuracy"]}, "metrics[0]: unknown metric 'acuracy'; expected one of accuracy, "
         "mae, psnr; did you mean 'accuracy'?"),
        ({"steps": 1, "metrics": "accuracy"}, "metrics: found 'accuracy' (a string); expected an array of one of "
         "accuracy, mae, psnr"),
        ({"steps": 1, "patience": -1}, "patience: found -1 (an integer); expected an integer of at least 1"),
        ({"steps": 1, "clip_norm": 0.0}, "clip_norm: found 0.0 (a number); expected a number above 0"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_before_anything_runs(given: dict[str, Any], message: str) -> None:
    model = network()
    before = model.parameters.flat.copy()
    with raises(DefinitionError, message):
        mg.train(model, *samples(), loss="cross_entropy", optimizer=mg.SGD(learning_rate=0.1), **given)
    assert_exact(model.parameters.flat, before)
