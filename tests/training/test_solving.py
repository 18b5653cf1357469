"""Solvers as optimizers: `[train]` with "lm" and "lbfgs"."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import minigraph as mg
from minigraph.solvers import Solver
from tests.helpers import raises
from tests.recovery.cases import cascade, random_map, teacher

SOLVERS = [mg.LM(), mg.LBFGS()]


@pytest.mark.parametrize("solver", SOLVERS, ids=["lm", "lbfgs"])
@pytest.mark.parametrize("loss", ["sse", "mse"])
def test_a_solver_ends_where_scipy_finds_a_minimum_too(solver: Solver, loss: str) -> None:
    graph = cascade()
    x, target = random_map(), teacher(graph, 1).forward(random_map())
    model = mg.Model(graph, 3)
    start = model.parameters.trainable.copy()
    history = mg.train(model, x, target, loss=loss, optimizer=solver, steps=1000)
    scale = 1 / 64 if loss == "mse" else 1.0
    assert history.loss[0] == pytest.approx(scale * np.sum((_answer(graph, start, x) - target) ** 2))
    end = model.parameters.trainable.copy()
    assert scale * np.sum((model.forward(x) - target) ** 2) == pytest.approx(history.loss.min(), rel=1e-9, abs=1e-18)
    polished = scipy.optimize.minimize(lambda p: scale * np.sum((_answer(graph, p, x) - target) ** 2), end)
    assert history.loss.min() <= polished.fun * (1 + 1e-9) + 1e-18
    assert len(history.loss) < 1000


def _answer(graph: mg.Graph, p: np.ndarray, x: np.ndarray) -> np.ndarray:
    model = mg.Model(graph, 0)
    model.parameters.trainable[...] = p
    return np.asarray(model.forward(x))


@pytest.mark.parametrize("solver", SOLVERS, ids=["lm", "lbfgs"])
def test_steps_are_the_most_evaluations(solver: Solver) -> None:
    graph = cascade()
    told: list[int] = []
    model = mg.Model(graph, 3)
    target = teacher(graph, 1).forward(random_map())
    options = {"metrics": ["mae"], "on_step": lambda step, loss: told.append(step)}
    history = mg.train(model, random_map(), target, optimizer=solver, steps=7, **options)  # type: ignore[arg-type]
    assert told == list(range(len(history.loss)))
    assert len(history.loss) <= 7
    assert history.loss[-1] < history.loss[0]
    assert [row["step"] for row in history.evaluations] == [len(history.loss)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"batch_size": 2},
            "batch_size: found 'batch_size' beside the optimizer 'lm', which takes all samples and steps",
        ),
        ({"patience": 2}, "patience: found 'patience' beside the optimizer 'lm', which takes all samples and steps"),
    ],
)
def test_what_has_no_meaning_for_a_solver_is_refused(settings: dict[str, int], message: str) -> None:
    with raises(mg.DefinitionError, f"{message} at once; expected none"):
        mg.train(mg.Model(cascade()), random_map(), np.ones((8, 8)), optimizer=mg.LM(), steps=5, **settings)  # type: ignore[arg-type]


def test_a_loss_that_is_no_sum_of_squares_is_refused() -> None:
    text = (
        "loss: found 'mae' beside the optimizer 'lbfgs'; expected a sum of squares: 'sse', or 'mse' of a single output"
    )
    with raises(mg.DefinitionError, text):
        mg.train(mg.Model(cascade()), random_map(), np.ones((8, 8)), loss="mae", optimizer=mg.LBFGS(), steps=5)


def test_a_first_loss_that_is_not_finite_is_a_divergence() -> None:
    model = mg.Model(cascade())
    model.parameters["conv1.kernel"] = 1e200
    model.parameters["conv2.kernel"] = 1e200
    with pytest.raises(
        mg.TrainingDiverged, match=r"^training diverged: the first loss is (inf|nan); expected a finite"
    ):
        mg.train(model, random_map(), np.ones((8, 8)), optimizer=mg.LM(), steps=5)
