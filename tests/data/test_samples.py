"""Samples: targets in their two forms, splits, streams of random numbers, and arrays that stay in their file."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigraph as mg
from minigraph.data.samples import fit_samples, fit_target, is_finite, split_rows
from minigraph.errors import DataError, DefinitionError, MinigraphError, ShapeError
from minigraph.randomness import stream
from minigraph.recipe.losses import LOSSES
from tests.data.test_data import HEAD, loaded
from tests.helpers import Array, assert_exact, raises

CLASSES = LOSSES.find("cross_entropy")()
SQUARES = LOSSES.find("mse")()


@pytest.mark.parametrize(
    ("shape", "given", "samples", "wanted"),
    [
        ((4,), np.array([0, 3, 1]), 3, (3,)),
        ((4,), np.array([[0], [3], [1]]), 3, (3,)),
        ((4,), np.array([0.0, 3.0, 1.0]), 3, (3,)),
        ((4,), np.array(2), 1, (1,)),
        ((4,), np.eye(4)[:3], 3, (3, 4)),
        ((4,), np.eye(4)[1], 1, (1, 4)),
        ((4,), np.arange(4), 4, (4,)),  # four samples' classes, and not one sample's probabilities
        ((4, 2, 3), np.ones((5, 2, 3), int), 5, (5, 2, 3)),
        ((4, 2, 3), np.ones((5, 1, 2, 3), int), 5, (5, 2, 3)),
        ((4, 2, 3), np.ones((2, 3), int), 1, (1, 2, 3)),
        ((4, 2, 3), np.ones((4, 2, 3), int), 1, (1, 4, 2, 3)),
        ((4, 2, 3), np.ones((4, 2, 3), int), 4, (4, 2, 3)),
        ((4, 1, 1), np.ones(5, int), 5, (5, 1, 1)),
    ],
)
def test_classes_and_probabilities_are_told_apart_by_shape(
    shape: tuple[int, ...], given: Array, samples: int, wanted: tuple[int, ...]
) -> None:
    found = fit_target(given, shape, "y", CLASSES, samples)
    assert found.shape == wanted
    assert_exact(found.ravel(), given.ravel())


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.array([0, 4, 1]), DataError, "'y': found class 4; expected integers from 0 to 3"),
        (np.array([0, -1, 1]), DataError, "'y': found class -1; expected integers from 0 to 3"),
        (np.array([0, 0.5, 1]), DataError, "'y': found numbers with fractions; expected classes: integers from 0 to 3"),
        (np.zeros((3, 5)), ShapeError, "'y': found shape 3x5; expected 4 or Nx4, or class numbers of shape 3"),
        (np.zeros(2, int), ShapeError, "'y': found shape 2; expected 4 or Nx4, or class numbers of shape 3"),
        (np.array(["a"] * 3), DataError, "'y': found dtype <U1; expected real numbers"),
        (np.array([1j] * 3), DataError, "'y': found dtype complex128; expected real numbers"),
        (np.array([{}] * 3), DataError, "'y': found dtype object; expected real numbers"),
        ([[1, 2], [3]], DataError, "'y': found rows of different lengths; expected a regular array of numbers"),
    ],
)
def test_wrong_targets_are_told(given: Any, error: type[Exception], message: str) -> None:
    with raises(error, message):
        fit_target(given, (4,), "y", CLASSES, 3)


def test_only_a_loss_that_takes_classes_is_given_them() -> None:
    with raises(ShapeError, "'y': found shape 3; expected 4 or Nx4"):
        fit_target(np.array([0, 3, 1]), (4,), "y", SQUARES, 3)


@given(samples=st.integers(1, 60), validation=st.floats(0.01, 0.5), test=st.floats(0.01, 0.49))
def test_a_split_has_every_sample_once(samples: int, validation: float, test: float) -> None:
    shares = {"validation": validation, "test": test}
    held_out = [round(share * samples) for share in shares.values()]
    if min(*held_out, samples - sum(held_out)) <= 0:
        with pytest.raises(DataError, match=f"found {samples} samples, which leaves none for"):
            split_rows(samples, shares, np.random.default_rng(0))
        return
    rows = split_rows(samples, shares, np.random.default_rng(0))
    assert_exact(np.sort(np.concatenate(list(rows.values()))), np.arange(samples))
    assert abs(len(rows["test"]) - test * samples) <= 0.5
    assert all(len(part) for part in rows.values())


def test_each_purpose_has_random_numbers_of_its_own() -> None:
    drawn = [stream(3, purpose).normal() for purpose in ("data", "shuffle", "split")]
    drawn.append(np.random.default_rng(3).normal())
    assert len(set(drawn)) == 4
    assert stream(3, "split").normal() == drawn[2]


@pytest.mark.parametrize("place", [0, 2**20, 2**21 + 7])
def test_a_number_that_is_not_finite_is_found_in_every_part(place: int) -> None:
    array = np.zeros((2**21 + 8, 1))
    assert is_finite(array)
    array[place] = np.nan
    assert not is_finite(array)


# Arrays larger than memory


def test_a_large_npy_stays_in_its_file_and_trains_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 1, 4, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", generator.normal(size=(50, 1, 3, 3)))
    text = (
        HEAD + '[data]\nsource = "file"\nsplit.validation = 0.2\ninputs.x = { file = "x.npy" }\n'
        'outputs.conv = { file = "y.npy" }\n'
    )
    bits = []
    for large in (2**26, 1):
        monkeypatch.setattr("minigraph.files.npy.LARGE", large)
        data = loaded(tmp_path, text)
        model = mg.load(tmp_path / "small.toml", seed=0)
        history = mg.train(
            model,
            data.samples.read(slice(None))[0],
            data.samples.read(slice(None))[1],
            loss="mse",
            optimizer=mg.SGD(learning_rate=0.1),
            epochs=2,
            batch_size=7,
        )
        bits.append((history.loss.tobytes(), model.parameters.flat.tobytes()))
    assert bits[0] == bits[1]
    held: Any = data.samples.inputs["x"]
    while not isinstance(held, np.memmap):
        held = held.base


def test_only_the_batch_of_a_large_array_is_read(tmp_path: Path) -> None:
    shape = (4000, 1, 64, 64)  # 131 MB, of which a file system stores nothing
    array = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float64, shape=shape)
    array[-1] = 1.0
    del array
    graph = mg.Graph("large")
    graph.input("x", shape=(64, 64))
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "x"))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = mg.Model(graph, seed=0)
    tracemalloc.start()
    try:
        mg.train(model, x, x, loss="mse", optimizer=mg.SGD(learning_rate=0.1), steps=3, batch_size=4)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


# Definitions


def test_a_split_is_drawn_by_the_seed(tmp_path: Path) -> None:
    x = np.arange(40.0)[:, None, None, None] + np.zeros((40, 1, 4, 5))
    np.savez(tmp_path / "all.npz", x=x, conv=np.zeros((40, 1, 3, 3)))
    text = HEAD + '[data]\nsource = "file"\nfile = "all.npz"\nsplit = { validation = 0.1, test = 0.2 }\n'

    def parts(seed: int) -> list[list[float]]:
        data = loaded(tmp_path, text, seed)
        assert data.validation is not None and data.test is not None
        return [
            part.read(slice(None))[0]["x"][:, 0, 0, 0].tolist() for part in (data.samples, data.validation, data.test)
        ]

    first, again, other = parts(1), parts(1), parts(2)
    assert first == again != other
    assert [len(part) for part in first] == [28, 4, 8]
    assert sorted(number for part in first for number in part) == list(range(40))


def test_held_out_samples_may_have_files_of_their_own(tmp_path: Path) -> None:
    for name, count in (("all", 3), ("more", 2)):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((count, 1, 4, 5)), conv=np.zeros((count, 1, 3, 3)))
    np.save(tmp_path / "x.npy", np.zeros((4, 5)))
    np.save(tmp_path / "y.npy", np.zeros((3, 3)))
    files = (
        'validation = { file = "more.npz" }\ntest.inputs.x = { file = "x.npy" }\ntest.outputs.conv = { file = "y.npy" }'
    )
    data = loaded(tmp_path, HEAD + f'[data]\nsource = "file"\nfile = "all.npz"\n{files}\n')
    assert data.validation is not None and data.test is not None
    assert (len(data.samples), len(data.validation), len(data.test)) == (3, 2, 1)
    definition = mg.Definition.load(tmp_path / "small.toml")
    (tmp_path / "sub").mkdir()
    definition.save(tmp_path / "sub" / "moved.toml")
    moved = mg.Definition.load(tmp_path / "sub" / "moved.toml").data
    assert moved is not None and moved.validation is not None and moved.test is not None
    assert (moved.validation.file, moved.test.inputs["x"].file) == ("../more.npz", "../x.npy")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("split = { validation = 0.5, test = 0.5 }", "found 0.5 (a number); expected shares of less than 1 together"),
        ("split = { validation = 1 }", "found 1 (an integer); expected a number of at least 0 and below 1"),
        ("split = { tets = 0.1 }", "unknown key 'tets'; expected one of validation, test; did you mean 'test'?"),
        ("split = { test = 0.01 }", "found 3 samples, which leaves none for test; expected more samples"),
        ('validation = { file = "gone.npz" }', "{folder}/gone.npz: no such file"),
        (
            'split.test = 0.4\ntest = { file = "all.npz" }',
            "found 'test' and a split with 'test'; expected one or the other",
        ),
        ("validation = {}", "missing key 'x'; expected a file or array for each of x, or 'file'"),
        (
            'test = { inputs = { xx = { file = "x.npy" } }, outputs = { conv = { file = "y.npy" } } }',
            "unknown input 'xx'; expected x; did you mean 'x'?",
        ),
    ],
)
def test_what_is_wrong_with_held_out_samples_is_told_at_its_place(tmp_path: Path, lines: str, message: str) -> None:
    np.savez(tmp_path / "all.npz", x=np.zeros((3, 1, 4, 5)), conv=np.zeros((3, 1, 3, 3)))
    with pytest.raises(DefinitionError) as caught:
        loaded(tmp_path, HEAD + f'[data]\nsource = "file"\nfile = "all.npz"\n{lines}\n')
    assert message.format(folder=tmp_path) in str(caught.value)
    assert "small.toml:1" in str(caught.value)


def test_class_numbers_come_from_a_file(tmp_path: Path) -> None:
    text = HEAD.replace('outputs = ["conv"]', 'outputs = ["score"]') + (
        '[nodes.flat]\nop = "Flatten"\ninputs = ["conv"]\n[nodes.score]\nop = "Dense"\ninputs = ["flat"]\n'
        'out_features = 3\n[data]\nsource = "file"\ninputs.x = { file = "x.npy" }\noutputs.score = { file = "y.csv" }\n'
        '[train]\nloss = "cross_entropy"\noptimizer = { name = "adam" }\nsteps = 1\n'
    )
    np.save(tmp_path / "x.npy", np.zeros((4, 1, 4, 5)))
    (tmp_path / "y.csv").write_text("0\n2\n1\n2\n")
    assert_exact(loaded(tmp_path, text).samples.targets["score"], [0, 2, 1, 2])
    (tmp_path / "y.csv").write_text("0\n2\n1\n3\n")
    with pytest.raises(DefinitionError, match=r"y\.csv: 'score': found class 3; expected integers from 0 to 2"):
        loaded(tmp_path, text)
    (tmp_path / "y.csv").write_text("0\n2\n1\n")
    with pytest.raises(DefinitionError, match=r"'score': found shape 3x1; .* class numbers of shape 4"):
        loaded(tmp_path, text)


def test_inputs_and_targets_of_python_are_checked_likewise() -> None:
    graph = mg.Graph("small")
    graph.input("x", shape=(2, 3))
    graph.output(graph.add("y", mg.Conv(kernel_size=1), "x"))
    for x, y in (([], [[0.0]]), ([[[]]], [[0.0]]), (np.zeros((0, 1, 2, 3)), np.zeros((0, 1, 2, 3)))):
        with pytest.raises(MinigraphError, match="'x': found "):
            fit_samples(graph, SQUARES, x, y)
