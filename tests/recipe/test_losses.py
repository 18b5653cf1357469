"""Losses against PyTorch's figures, by hand, and against the slope of their own value."""

from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.samples import fit_samples
from minigraph.recipe.losses import LOSSES, Loss
from minigraph.recipe.settings import TrainSection
from minigraph.training.evaluation import evaluate
from tests.helpers import Case, assert_close, assert_exact, central_difference, figure_cases, raises


def losses_figures() -> list[Any]:
    return [pytest.param(case, id=case.name) for case in figure_cases("losses") if case.about["loss"] in LOSSES]


@pytest.mark.parametrize("case", losses_figures())
def test_every_loss_and_its_gradient_are_pytorchs(case: Case) -> None:
    answer, target = case.arrays["prediction"], case.arrays["target"]
    answer.flags.writeable = target.flags.writeable = False
    gradient = np.empty_like(answer)
    value = LOSSES.find(case.about["loss"])().evaluate(answer, target, gradient)
    assert isinstance(value, float)
    assert value == pytest.approx(float(case.arrays["loss"]), rel=1e-13)
    if "saturated" not in case.name:  # PyTorch divides by 1e-12 at least
        assert_close(gradient, case.arrays["gradient"], 1e-13)


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_has_figures(name: str) -> None:
    assert name in {case.about["loss"] for case in figure_cases("losses")}, (
        f"loss {name} has no figures: add it to tests/figures/make_losses.py"
    )


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_keeps_float32_and_is_the_slope_of_its_value(name: str) -> None:
    generator = np.random.default_rng(0)
    answer, target = generator.uniform(0.1, 0.9, size=(2, 2, 3, 4, 5))
    loss = LOSSES.find(name)()
    gradient, unused = np.empty_like(answer), np.empty_like(answer)
    loss.evaluate(answer, target, gradient)
    difference = central_difference(lambda: loss.evaluate(answer, target, unused), answer, 1e-5)
    assert_close(gradient, difference, 1e-7)
    single = np.empty(answer.shape, np.float32)
    assert isinstance(loss.evaluate(answer.astype(np.float32), target.astype(np.float32), single), float)
    assert_close(single, gradient, 1e-6)


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 5)])
def test_the_error_of_cross_entropy_is_the_slope_of_its_value(shape: tuple[int, ...], classes: bool) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=shape)
    target = generator.integers(0, 3, (shape[0], *shape[2:]))
    if not classes:
        target = np.moveaxis(generator.dirichlet(np.ones(3), target.shape), -1, 1)
    loss, error, unused = LOSSES.find("cross_entropy")(), np.empty(shape), np.empty(shape)
    loss.evaluate(logits, target, error)
    assert_close(error, central_difference(lambda: loss.evaluate(logits, target, unused), logits, 1e-5), 1e-8)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        # The differences are 1, -2, 0 and 0.5.
        ("sse", 5.25, [[2.0, -4.0], [0.0, 1.0]]),
        ("mse", 1.3125, [[0.5, -1.0], [0.0, 0.25]]),
        ("mae", 0.875, [[0.25, -0.25], [0.0, 0.25]]),
        # 1/2 at delta itself, 1 * (2 - 1/2) beyond, 1/8 below; the errors are the differences cut at delta.
        ("huber", (0.5 + 1.5 + 0.0 + 0.125) / 4, [[0.25, -0.25], [0.0, 0.125]]),
    ],
)
def test_losses_of_differences_by_hand(name: str, value: float, error: list[list[float]]) -> None:
    found = np.empty((2, 2))
    answer, target = np.array([[2.0, 1.0], [4.0, 0.5]]), np.array([[1.0, 3.0], [4.0, 0.0]])
    assert LOSSES.find(name)().evaluate(answer, target, found) == value
    assert_exact(found, error)


def test_bce_by_hand() -> None:
    found = np.empty((1, 2))
    # -log(1/2) and -log(3/4); (p - t) / (p (1 - p)) is -2 and 4/3; all over two entries.
    value = LOSSES.find("bce")().evaluate(np.array([[0.5, 0.25]]), np.array([[1.0, 0.0]]), found)
    assert value == pytest.approx((np.log(2) + np.log(4 / 3)) / 2, rel=1e-15)
    assert_close(found, [[-1.0, 2 / 3]])


def through_sigmoid(loss: str, logit: float, target: float, dtype: str) -> tuple[float, float]:
    """The loss of one logit, whose answer is a Sigmoid's for bce, and its derivative by the logit."""
    graph = mg.Graph("one", dtype=dtype)
    graph.input("x", shape=(1, 1))
    name = "x" if loss == "bce_logits" else graph.add("p", mg.Sigmoid(), "x")
    graph.output(graph.add("y", mg.Flatten(), name))
    model = mg.Model(graph)
    answer = model.forward(np.full((1, 1, 1, 1), logit))
    error = np.empty_like(answer)
    value = LOSSES.find(loss)().evaluate(answer, np.full_like(answer, target), error)
    return value, float(model.backward(error).inputs["x"].item())


@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [
        (0.0, 1.0, 0.6931471805599453, -0.5),
        (-50.0, 1.0, 50.0, -1.0),
        (50.0, 0.0, 50.0, 1.0),
        # By series: log(1 + e) = e - e^2/2 and 1 / (1 + 1/e) = e - e^2, for e = exp(-20), exp(-50) and exp(-80).
        (20.0, 1.0, 2.0611536202e-9, -2.0611536182e-9),
        (-50.0, 0.0, 1.9287498480e-22, 1.9287498480e-22),
        (80.0, 1.0, 1.8048513878e-35, -1.8048513878e-35),
        (-1e30, 1.0, 1e30, -1.0),
        (1e30, 0.0, 1e30, 1.0),
        (1e30, 1.0, 0.0, 0.0),
        (30.0, 0.75, 7.500000000000094, 0.24999999999990642),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bce_logits_is_exact_at_any_logit(dtype: str, logit: float, target: float, value: float, slope: float) -> None:
    found = through_sigmoid("bce_logits", logit, target, dtype)
    assert found == pytest.approx((value, slope), rel=1e-10 if dtype == "float64" else 3e-7, abs=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bce_after_a_sigmoid_has_its_slope_until_that_is_rounded_to_1(dtype: str) -> None:
    last, precision = (36, 1e-12) if dtype == "float64" else (16, 1e-5)
    for logit in (*range(-80, 0, 5), 0, 5, 10, last):
        for target in (0.0, 1.0):
            _, slope = through_sigmoid("bce", logit, target, dtype)
            decayed = np.exp(-abs(float(logit)))
            share = (1 if logit >= 0 else decayed) / (1 + decayed)
            assert slope == pytest.approx(share - target, rel=precision, abs=float(np.finfo(dtype).eps))
    assert through_sigmoid("bce", last + 2, 0.0, dtype)[1] == 0.0


def test_a_metric_of_a_loss_of_logits_judges_probabilities() -> None:
    graph = mg.Graph("one")
    graph.input("x", shape=(1, 1))
    graph.output(graph.add("y", mg.Dense(out_features=1), graph.add("flat", mg.Flatten(), "x"), init={"kernel": 1.0}))
    x, target = np.array([[[0.2]], [[3.0]], [[-0.2]], [[-3.0]]]), np.array([[1.0], [1.0], [0.0], [0.0]])
    settings = TrainSection(
        loss="bce_logits", optimizer=mg.SGD(learning_rate=0.1), steps=1, metrics=("accuracy", "mae")
    )
    found = evaluate(mg.Model(graph), fit_samples(graph, settings.loss, x, target), settings)
    assert found["accuracy"] == 1.0
    assert found["mae"] == pytest.approx((1 / (1 + np.exp(0.2)) + 1 / (1 + np.exp(3.0))) / 2)


@pytest.mark.parametrize(
    ("loss", "op", "wanted"),
    [
        ("cross_entropy", mg.Softmax(), "with 10 classes it cannot fall below 1.461; expected no Softmax"),
        ("cross_entropy", mg.Sigmoid(), "finds a Sigmoid, whose answers lie between 0 and 1"),
        ("bce_logits", mg.Sigmoid(), "at targets 1 and 0 it cannot fall below 0.313 and 0.693; expected no Sigmoid"),
        ("cross_entropy", mg.Tanh(), None),
        ("bce", mg.Sigmoid(), None),
        ("mse", mg.Softmax(), None),
    ],
)
def test_a_loss_of_logits_doubts_an_answer_between_0_and_1(loss: str, op: mg.Op, wanted: str | None) -> None:
    doubt = LOSSES.find(loss)().doubt(op, (10,))
    assert doubt is None if wanted is None else wanted in str(doubt)


def test_the_least_loss_of_logits_between_0_and_1_is_what_is_told() -> None:
    """Tried at the best answers that there are: 1 for the class, 0 for all others."""
    best, unused = np.eye(10)[:1], np.empty((1, 10))
    assert LOSSES.find("cross_entropy")().evaluate(best, np.array([0]), unused) == pytest.approx(1.461, abs=5e-4)
    for target, least in ((1.0, 0.313), (0.0, 0.693)):
        value = LOSSES.find("bce_logits")().evaluate(np.full((1, 1), target), np.full((1, 1), target), np.empty((1, 1)))
        assert value == pytest.approx(least, abs=5e-4)


def test_cross_entropy_by_hand() -> None:
    found = np.empty((2, 2))
    logits = np.log([[1.0, 3.0], [1.0, 1.0]])  # the shares 1/4, 3/4 and 1/2, 1/2
    loss = LOSSES.find("cross_entropy")()
    for target in (np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]])):
        assert loss.evaluate(logits, target, found) == pytest.approx((np.log(4) + np.log(2)) / 2, rel=1e-15)
        assert_close(found, [[-3 / 8, 3 / 8], [1 / 4, -1 / 4]])


@pytest.mark.parametrize("name", list(LOSSES))
def test_only_a_loss_that_sums_is_that_of_two_batches_added(name: str) -> None:
    generator = np.random.default_rng(0)
    answer, target = generator.uniform(0.1, 0.9, size=(2, 4, 3))
    loss, unused = LOSSES.find(name)(), np.empty((4, 3))
    whole = loss.evaluate(answer, target, unused)
    parts = [loss.evaluate(answer[rows], target[rows], unused[rows]) for rows in (slice(0, 2), slice(2, 4))]
    assert whole == pytest.approx(sum(parts) if loss.sums else np.mean(parts), rel=1e-12)


def test_huber_has_a_delta_in_the_file_and_bce_wants_probabilities() -> None:
    def named(loss: Any) -> Loss:
        return TrainSection(loss=loss, optimizer=mg.SGD(learning_rate=0.1), steps=1).loss

    huber = named({"name": "huber", "delta": 0.5})
    error = np.empty((1, 2))
    # 0.2 is below delta: 0.02; 3 is beyond: 0.5 * (3 - 0.25). Errors 0.2 and 0.5, over two entries.
    assert huber.evaluate(np.array([[0.2, 3.0]]), np.zeros((1, 2)), error) == pytest.approx((0.02 + 1.375) / 2)
    assert_close(error, [[0.1, 0.25]])
    with raises(mg.DataError, "bce: found an answer of -0.5; expected probabilities from 0 to 1, such as a Sigmoid's"):
        named("bce").evaluate(np.array([[-0.5, 0.5]]), np.zeros((1, 2)), error)
