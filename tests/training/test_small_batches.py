"""BatchNorm in training with one value a channel: refused, or joined to the batch before; other graphs keep theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.randomness import stream
from tests.helpers import Array, assert_exact, raises

FOUND = (
    "nodes.norm: found one value a channel: shape 3 in batches of 1 sample, where BatchNorm answers its bias whatever "
    "the input; expected batches of at least 2 samples"
)


def dense(norm: bool = True) -> mg.Model:
    graph = mg.Graph("dense")
    graph.add("flat", mg.Flatten(), graph.input("x", shape=(2, 2)))
    graph.add("hidden", mg.Dense(out_features=3), "flat")
    if norm:
        graph.add("norm", mg.BatchNorm(), "hidden")
    graph.output(graph.add("y", mg.Dense(out_features=1), "norm" if norm else "hidden"))
    return mg.Model(graph, seed=0)


def data(count: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(1)
    return generator.normal(size=(count, 1, 2, 2)), generator.normal(size=(count, 1))


def train(model: mg.Model, count: int, **given: Any) -> mg.History:
    return mg.train(model, *data(count), **{"loss": "mse", "optimizer": mg.SGD(learning_rate=0.01), **given})


@pytest.mark.parametrize(("count", "size"), [(1, None), (1, 8), (5, 1)])
def test_one_value_a_channel_in_every_batch_is_an_error_before_training(count: int, size: int | None) -> None:
    model = dense()
    before = model.parameters.flat.copy()
    with raises(mg.DefinitionError, FOUND):
        train(model, count, steps=3, batch_size=size)
    assert_exact(model.parameters.flat, before)
    train(dense(norm=False), count, steps=3, batch_size=size)


def test_a_map_of_two_values_is_enough() -> None:
    graph = mg.Graph("map")
    graph.add("norm", mg.BatchNorm(), graph.input("x", shape=(1, 2)))
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "norm"))
    mg.train(mg.Model(graph), [[1.0, 2]], [[0.0, 1]], optimizer=mg.SGD(learning_rate=0.1), steps=2)


def test_a_norm_that_no_output_needs_asks_for_nothing() -> None:
    graph = dense(norm=False).graph
    graph.add("norm", mg.BatchNorm(), "hidden")
    train(mg.Model(graph), 1, steps=2)


def seen(count: int, size: int, norm: bool) -> list[Array]:
    """The samples of each step of an epoch, as the order of the seed has them."""
    order = stream(0, "shuffle").permutation(count)
    parts = [order[start : start + size] for start in range(0, count, size)]
    return [*parts[:-2], np.concatenate(parts[-2:])] if norm and len(parts[-1]) == 1 else parts


@pytest.mark.parametrize(("count", "size"), [(9, 4), (5, 2), (3, 2)])
def test_a_last_batch_of_one_sample_is_joined_to_the_one_before_and_told(count: int, size: int) -> None:
    model, by_hand, (x, y) = dense(), dense(), data(count)
    told = (
        f"the last of {count} samples would be a batch of its own in each epoch: it is joined to the batch before, of "
        f"{size}, since BatchNorm norm needs two values a channel"
    )
    with pytest.warns(UserWarning, match=f"^{told}$"):
        history = train(model, count, epochs=1, batch_size=size)
    batches = seen(count, size, norm=True)
    assert [len(batch) for batch in batches][-1] == size + 1
    for rows in batches:
        train(by_hand, count, steps=1) if len(rows) == count else mg.train(
            by_hand, x[rows], y[rows], loss="mse", optimizer=mg.SGD(learning_rate=0.01), steps=1
        )
    assert len(history.loss) == len(batches)
    np.testing.assert_allclose(model.parameters.flat, by_hand.parameters.flat, rtol=1e-12, atol=1e-14)
    assert history.evaluations[0]["loss"] == pytest.approx(
        np.average(history.loss, weights=[len(batch) for batch in batches]), rel=1e-15
    )


@pytest.mark.parametrize(("norm", "count"), [(False, 9), (True, 10)])
def test_other_batches_stay_as_they_are(norm: bool, count: int) -> None:
    history = train(dense(norm), count, epochs=1, batch_size=4)
    assert len(history.loss) == len(seen(count, 4, norm=False)) == 3


class Killed(Exception):  # noqa: N818
    """Stands for a power cut."""


@pytest.mark.filterwarnings("ignore:the last of 9 samples")
def test_a_run_with_joined_batches_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def kill(step: int, loss: float) -> None:
        if step == 5:
            raise Killed

    whole, again = dense(), dense()
    kept: dict[str, Any] = {"checkpoint": tmp_path / "run.npz", "checkpoint_every": 3, "epochs": 5, "batch_size": 4}
    train(whole, 9, epochs=5, batch_size=4)
    with pytest.raises(Killed):
        train(dense(), 9, on_step=kill, **kept)
    train(again, 9, resume=True, **kept)
    assert again.parameters.flat.tobytes() == whole.parameters.flat.tobytes()
    assert again.state.flat.tobytes() == whole.state.flat.tobytes()
