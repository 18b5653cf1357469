"""Checkpoints: the same bits after any interruption, whole files, and refusal of what does not belong together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution import choice
from minigraph.convolution.winograd import Winograd
from minigraph.errors import CheckpointError, DataError, TrainingDiverged
from minigraph.recipe.schedules import Cosine, Plateau
from tests.helpers import assert_exact, raises
from tests.training.test_batches import network, samples

RUNS: dict[str, dict[str, Any]] = {
    "whole batch": {"optimizer": mg.SGD(learning_rate=0.1)},
    "momentum": {"optimizer": mg.SGD(learning_rate=0.1, momentum=0.9, nesterov=True), "batch_size": 4},
    "adam and cosine": {"optimizer": mg.Adam(learning_rate=0.01), "batch_size": 3, "schedule": Cosine(warmup=5)},
    "plateau": {
        "optimizer": mg.RMSprop(momentum=0.5, centered=True),
        "batch_size": 4,
        "schedule": Plateau(patience=0, factor=0.5),
        "validation": samples(9, seed=2),
        "metrics": ["accuracy"],
        "clip_norm": 1.0,
    },
}
STEPS = 20


class Killed(Exception):  # noqa: N818
    """Stands for a power cut."""


def train(model: mg.Model, killed_at: int | None = None, **given: Any) -> mg.History:
    def on_step(step: int, loss: float) -> None:
        if step == killed_at:
            raise Killed

    return mg.train(model, *samples(), **{"loss": "cross_entropy", "steps": STEPS, "seed": 3, **given}, on_step=on_step)


@pytest.mark.parametrize("kind", list(RUNS))
def test_a_resumed_run_ends_in_the_bits_of_an_unbroken_one(kind: str, tmp_path: Path) -> None:
    whole = network()
    wanted = train(whole, **RUNS[kind])
    for killed_at in (0, 3, 7, STEPS - 1):
        path = tmp_path / f"{killed_at}.npz"
        kept = {"checkpoint": path, "checkpoint_every": 2, "resume": True, **RUNS[kind]}
        with pytest.raises(Killed):
            train(network(), killed_at, **kept)
        with np.load(path) as kept_arrays:
            assert kept_arrays["step"] == killed_at // 2 * 2
        model = network()
        found = train(model, **kept)
        assert found.loss.tobytes() == wanted.loss.tobytes()
        assert (found.evaluations, found.best) == (wanted.evaluations, wanted.best)
        assert model.parameters.flat.tobytes() == whole.parameters.flat.tobytes()
        assert model.state.flat.tobytes() == whole.state.flat.tobytes()


def test_a_run_may_be_made_longer(tmp_path: Path) -> None:
    path, whole, model = tmp_path / "run.npz", network(), network()
    given = RUNS["momentum"]
    wanted = train(whole, **given)
    train(model, **{**given, "steps": 9}, checkpoint=path)
    found = train(network(), **given, checkpoint=path, resume=True)
    assert found.loss.tobytes() == wanted.loss.tobytes()
    again = train(network(), **given, checkpoint=path, resume=True)
    assert again.loss.tobytes() == wanted.loss.tobytes()
    with raises(CheckpointError, f"{path}: found {STEPS} steps done; expected at most the 5 of this run"):
        train(network(), **{**given, "steps": 5}, checkpoint=path, resume=True)


def test_a_checkpoint_is_read_by_plain_numpy(tmp_path: Path) -> None:
    path, model = tmp_path / "run.npz", network()
    train(model, **RUNS["plateau"], checkpoint=path)
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    assert (int(arrays["step"]), int(arrays["epoch"]), int(arrays["position"])) == (20, 6, 2)
    assert arrays["losses"].shape == (20,)
    assert_exact(arrays["parameters/conv.kernel"], model.parameters["conv.kernel"])
    assert arrays["optimizer/square"].shape == model.parameters.trainable.shape
    with np.load(tmp_path / "best.npz", allow_pickle=False) as best:
        assert_exact(best["conv.kernel"], arrays["best/conv.kernel"])
    model.load_weights(tmp_path / "best.npz")


def other_graph() -> mg.Model:
    graph = mg.Graph("classifier")
    image = graph.input("image", shape=(2, 5, 6))
    graph.add("conv", mg.Conv(kernel_size=(2, 2), out_channels=4, bias=False), image)
    graph.add("norm", mg.BatchNorm(), "conv")
    graph.add("flat", mg.Flatten(), "norm")
    graph.output(graph.add("score", mg.Dense(out_features=3), "flat"))
    return mg.Model(graph, seed=0)


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (
            other_graph,
            {},
            "nodes.conv.kernel_size: found 2, the checkpoint has [2, 3]; "
            'nodes.flat.inputs: found ["norm"], the checkpoint has ["relu"]; nodes.relu: found none, the '
            'checkpoint has {"op": "ReLU", "inputs": ["norm"]}',
        ),
        (network, {"batch_size": 5}, "train.batch_size: found 5, the checkpoint has 4"),
        (network, {"seed": 4}, "train.seed: found 4, the checkpoint has 3"),
        (network, {"optimizer": mg.Adam()}, 'train.optimizer: found "Adam", the checkpoint has "SGD"'),
        (network, {"optimizer": mg.SGD(learning_rate=0.1)}, None),
        (
            network,
            {"loss": mg.Definition.load("two_conv").train.loss},  # type: ignore[union-attr]
            'train.loss: found "SumSquaredError()", the checkpoint has "CrossEntropy()"',
        ),
        (lambda: network("float32"), {}, 'dtype: found "float32", the checkpoint has "float64"'),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(
    make: Callable[[], mg.Model], given: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "run.npz"
    train(network(), **{**RUNS["momentum"], "steps": 5}, checkpoint=path)
    before, model = path.read_bytes(), make()
    weights = model.parameters.flat.copy()
    if "loss" in given:
        given = {**given, "steps": 6}
    if message is None:  # the momentum's velocity has no place any more, which does no harm
        train(model, **{**RUNS["momentum"], **given}, checkpoint=path, resume=True)
        return
    x, y = samples()
    target = np.eye(3)[y] if "loss" in given else y
    with raises(CheckpointError, f"{path}: this checkpoint is of another run: {message}"):
        mg.train(
            model,
            x,
            target,
            **{"loss": "cross_entropy", "steps": STEPS, "seed": 3, **RUNS["momentum"], **given},
            checkpoint=path,
            resume=True,
        )
    assert_exact(model.parameters.flat, weights)
    assert path.read_bytes() == before


def test_the_rate_may_be_another_one_when_a_run_goes_on(tmp_path: Path) -> None:
    path, model = tmp_path / "run.npz", network()
    train(network(), **{**RUNS["momentum"], "steps": 5}, checkpoint=path)
    slower = {**RUNS["momentum"], "optimizer": mg.SGD(learning_rate=0.01, momentum=0.9)}
    assert len(train(model, **slower, checkpoint=path, resume=True).loss) == STEPS


def test_a_checkpoint_that_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(network(), **RUNS["whole batch"], checkpoint=path)
    with raises(CheckpointError, f"{path}: found a checkpoint; expected resume=True to go on from it, or another name"):
        train(network(), **RUNS["whole batch"], checkpoint=path)


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    path, given = tmp_path / "run.npz", {**RUNS["whole batch"], "resume": True}
    network().save(path)
    with raises(CheckpointError, f"{path}: found no checkpoint, but arrays; expected one written by training"):
        train(network(), **given, checkpoint=path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"run\.npz: cannot be read as an npz"):
        train(network(), **given, checkpoint=path)


def test_a_run_that_diverges_keeps_a_checkpoint_from_before(tmp_path: Path) -> None:
    path, x = tmp_path / "run.npz", np.array([[1.0, 3]])
    graph = mg.Graph("one_weight")
    graph.input("x", shape=(1, 2))
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "x", init={"kernel": 2.0}))
    model = mg.Model(graph)
    with pytest.raises(TrainingDiverged) as caught:
        mg.train(model, x, 3 * x, optimizer=mg.SGD(learning_rate=0.2), steps=500, checkpoint=path)
    with np.load(path) as archive:
        assert int(archive["step"]) < caught.value.step
        assert np.isfinite(archive["losses"]).all()
    sgd = mg.SGD(learning_rate=0.01)
    history = mg.train(mg.Model(graph), x, 3 * x, optimizer=sgd, steps=500, checkpoint=path, resume=True)
    assert history.loss[-1] < 1e-3


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/run.npz", "No such file or directory"),
        ("", "it is a folder; expected the name of a file"),
    ],
)
def test_a_checkpoint_that_cannot_be_written_is_told_before_training(tmp_path: Path, name: str, why: str) -> None:
    model, sgd = network(), mg.SGD(learning_rate=0.1)
    with raises(DataError, f"{tmp_path / name}: cannot be written: {why}"):
        mg.train(model, *samples(), loss="cross_entropy", optimizer=sgd, steps=3, checkpoint=tmp_path / name)
    assert_exact(model.parameters["conv.kernel"], network().parameters["conv.kernel"])
    assert list(tmp_path.iterdir()) == []


def test_going_on_with_other_algorithms_warns_and_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "run.npz", {**RUNS["momentum"], "loss": "cross_entropy", "seed": 3}
    mg.train(network(), *samples(), **given, steps=5, checkpoint=path)
    mg.train(network(), *samples(), **given, steps=6, checkpoint=path, resume=True)
    monkeypatch.setattr(choice, "choose", lambda sizes, compiled: Winograd)
    with pytest.warns(mg.MinigraphWarning) as told:
        mg.train(network(), *samples(), **given, steps=7, checkpoint=path, resume=True)
    assert [str(warning.message) for warning in told] == [
        f"{path}: other algorithms are chosen for convolutions than before (conv: winograd, before gemm): "
        "the run may end in other bits than an unbroken one"
    ]
    assert told[0].filename == __file__
