"""Data judged by the headers of their files: the same counts, and the same words for mistakes, as in training."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minigraph.data.loading import count_data, load_data
from minigraph.definition import Definition
from minigraph.definition.bundled import bundled
from minigraph.errors import DefinitionError

HEAD = """\
schema_version = 1
name = "small"
outputs = ["scores"]
[inputs.x]
shape = [4, 5]
[nodes.flat]
op = "Flatten"
inputs = ["x"]
[nodes.scores]
op = "Dense"
inputs = ["flat"]
out_features = 3
[train]
loss = "cross_entropy"
optimizer = { name = "sgd", learning_rate = 0.1 }
steps = 1
[data]
source = "file"
"""
PAIR = 'inputs.x = { file = "x.npy" }\noutputs.scores = { file = "y.npz", key = "label" }\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight samples, and files that fit less well."""
    np.save(tmp_path / "x.npy", np.arange(160.0).reshape(8, 4, 5))
    np.save(tmp_path / "short.npy", np.zeros((7, 4, 5)))
    np.save(tmp_path / "wide.npy", np.zeros((8, 5, 5)))
    np.save(tmp_path / "words.npy", np.full((8, 4, 5), "word"))
    np.savez(tmp_path / "y.npz", label=np.arange(8) % 3, other=np.zeros((8, 2)))
    np.savez(tmp_path / "held.npz", x=np.zeros((2, 4, 5)), label=[0, 1])
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.csv").write_text("1,2\n3,four\n")
    return tmp_path


def definition(folder: Path, data: str) -> Definition:
    (folder / "small.toml").write_text(HEAD + data)
    return Definition.load(folder / "small.toml")


@pytest.mark.parametrize("name", list(bundled()))
def test_as_many_samples_are_counted_as_are_loaded(name: str) -> None:
    found = Definition.load(name)
    data = load_data(found, "float64", 0)
    parts = {"training": data.samples, "validation": data.validation, "test": data.test}
    assert count_data(found) == {part: len(samples) for part, samples in parts.items() if samples is not None}


def test_the_numbers_themselves_are_not_read(folder: Path) -> None:
    np.save(folder / "x.npy", np.full((8, 4, 5), np.nan))
    found = definition(folder, PAIR + "split.test = 0.25\n")
    assert count_data(found) == {"training": 6, "test": 2}
    with pytest.raises(DefinitionError, match="'x' has entries that are not finite"):
        load_data(found, "float64", 0)


@pytest.mark.parametrize(
    "data",
    [
        PAIR.replace("x.npy", "gone.npy"),
        PAIR.replace("x.npy", "short.npy"),
        PAIR.replace("x.npy", "wide.npy"),
        PAIR.replace("x.npy", "words.npy"),
        PAIR.replace("x.npy", "a.png"),
        PAIR.replace("x.npy", "a.csv"),
        PAIR.replace("label", "other"),
        PAIR.replace("label", "lable"),
        PAIR + "split = { validation = 0.01 }\n",
        PAIR + 'test = { file = "y.npz" }\n',
        'file = "held.npz"\n',
        'inputs.x = [[1, 2], [3, 4]]\noutputs.scores = { file = "y.npz", key = "label" }\n',
    ],
)
def test_a_mistake_has_the_words_that_training_has_for_it(folder: Path, data: str) -> None:
    found = definition(folder, data)
    with pytest.raises(DefinitionError) as loading:
        load_data(found, "float64", 0)
    with pytest.raises(DefinitionError) as counting:
        count_data(found)
    assert str(counting.value) == str(loading.value)


def test_held_out_samples_may_be_called_as_those_to_train_on(folder: Path) -> None:
    found = definition(folder, PAIR + 'validation = { file = "held.npz" }\n')
    assert count_data(found) == {"training": 8, "validation": 2}
    validation = load_data(found, "float64", 0).validation
    assert validation is not None
    assert validation.targets["scores"].tolist() == [0, 1]
    np.savez(folder / "held.npz", x=np.zeros((2, 4, 5)), labels=[0, 1])
    with pytest.raises(DefinitionError) as caught:
        load_data(found, "float64", 0)
    assert "unknown array 'labels'; expected x, scores (or label)" in str(caught.value)
    assert "array 'scores' is missing; expected x, scores (or label)" in str(caught.value)


def test_a_csv_of_inputs_and_labels_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minigraph.data import loading

    read: list[Path] = []
    original = loading.read_csv
    monkeypatch.setattr(loading, "read_csv", lambda path: read.append(path) or original(path))
    pixels = ",".join(f"p{place}" for place in range(20))
    rows = [f"{label}," + ",".join(map(str, range(20))) for label in (0, 2)]
    (folder / "train.csv").write_text("\n".join([f"label,{pixels}", *rows]))
    text = 'inputs.x = { file = "train.csv", columns = "1:" }\noutputs.scores = { file = "train.csv", columns = 0 }\n'
    samples = load_data(definition(folder, text), "float64", 0).samples
    assert samples.inputs["x"].shape == (2, 1, 4, 5)
    assert samples.targets["scores"].tolist() == [0, 2]
    assert len(read) == 1
