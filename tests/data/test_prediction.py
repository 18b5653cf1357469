"""Prediction: answers batch by batch, inputs from many files, answers into files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minigraph as mg
from minigraph.data.predictions import graph_for, input_files, read_inputs, write_answers

generator = np.random.default_rng(8)


def smoother(channels: int = 1) -> mg.Model:
    """An image-to-image model over 3x4 maps."""
    graph = mg.Graph("smoother")
    image = graph.input("image", (channels, 3, 4))
    graph.output(graph.add("smooth", mg.Conv(kernel_size=3, padding="same", out_channels=channels), image))
    return mg.Model(graph, seed=0)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100, None])
def test_batches_give_what_one_forward_gives(batch_size: int | None) -> None:
    model, x = smoother(), generator.normal(size=(7, 1, 3, 4))
    assert mg.predict(model, x, batch_size) == pytest.approx(model.forward(x), rel=1e-13)


def test_several_outputs_are_answered_by_name() -> None:
    model, x = mg.load("residual", seed=0), generator.normal(size=(5, 2, 12, 14))
    answers, whole = mg.predict(model, x, 2), model.forward(x)
    assert list(answers) == list(whole)
    for name, answer in answers.items():
        assert answer == pytest.approx(whole[name], rel=1e-13)


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (1, 1, 3, 4)])
def test_a_single_sample_keeps_its_rank(shape: tuple[int, ...]) -> None:
    assert mg.predict(smoother(), np.ones(shape)).shape == shape


def test_no_batch_is_larger_than_was_asked_and_all_are_small_when_nothing_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = smoother(), list[int]()
    inference = model.inference
    monkeypatch.setattr(model, "inference", lambda batch: seen.append(batch) or inference(batch))
    mg.predict(model, np.ones((7, 1, 3, 4)), 3)
    assert seen == [3, 3, 1]
    seen.clear()
    mg.predict(model, np.ones((50_000, 1, 3, 4)))
    assert sum(seen) == 50_000
    assert max(seen) == 2**20 // 24  # 24 numbers a sample: its 12 pixels and the 12 of its answer


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((0, 1, 3, 4)), mg.DataError, "'image': found no samples; expected at least one"),
        (
            np.ones((5, 2, 3, 4)),
            mg.ShapeError,
            "'image': found shape 5x2x3x4; expected 3x4 or 1x3x4 or Nx1x3x4 or Nx3x4",
        ),
        ({"imag": np.ones((3, 4))}, mg.DataError, "'image' is missing; unknown input 'imag'; did you mean 'image'?"),
    ],
)
def test_what_does_not_fit_is_told(x: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mg.predict(smoother(), x)  # type: ignore[arg-type]
    assert message in str(caught.value)


# Files


def test_several_files_and_folders_are_so_many_samples_in_order(tmp_path: Path) -> None:
    images = generator.integers(0, 256, (3, 3, 4)).astype(np.uint8)
    (tmp_path / "folder").mkdir()
    for number, name in ((0, "first.png"), (2, "folder/b.png"), (1, "folder/a.png")):
        Image.fromarray(images[number]).save(tmp_path / name)
    (tmp_path / "folder" / "notes.txt").write_text("no image")
    graph = smoother().graph
    read = read_inputs(graph, input_files(graph, [str(tmp_path / "first.png"), f"image={tmp_path / 'folder'}"]))
    assert np.array_equal(read["image"], images[:, None] / 255)


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(mg.DataError) as caught:
        input_files(smoother().graph, [str(tmp_path)])
    assert str(caught.value) == (
        f"{tmp_path}: found a folder without a file that ends in one of .npy, .npz, .csv, .png, .jpg, .jpeg"
    )


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (1, 1, 3, 4), (3, 3, 4)])
def test_a_png_holds_the_answer_in_8_bits_and_what_lies_beyond_as_black_or_white(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    answer = generator.uniform(-0.5, 1.5, shape)
    files = write_answers(tmp_path / "y.png", {"smooth": answer}, {"smooth": (3 if shape == (3, 3, 4) else 1, 3, 4)})
    assert files == [tmp_path / "y.png"]
    pixels = np.asarray(Image.open(files[0]))
    expected = np.round(255 * np.clip(answer, 0, 1))
    assert np.array_equal(pixels, np.moveaxis(expected, 0, 2) if shape == (3, 3, 4) else expected.reshape(3, 4))


def test_several_samples_become_numbered_pngs(tmp_path: Path) -> None:
    answer = generator.uniform(size=(11, 3, 3, 4))
    files = write_answers(tmp_path / "y.png", {"smooth": answer}, {"smooth": (3, 3, 4)})
    assert [file.name for file in files] == [f"y-{number:02d}.png" for number in range(11)]
    assert sorted(tmp_path.iterdir()) == files
    last = np.asarray(Image.open(files[-1]))
    assert np.array_equal(last, np.rint(answer[10] * 255).transpose(1, 2, 0))


def test_an_answer_that_is_not_finite_is_no_png_and_nothing_is_written(tmp_path: Path) -> None:
    answer = np.ones((2, 1, 3, 4))
    answer[1, 0, 0, 0] = np.nan
    with pytest.raises(mg.DataError, match="the answer has entries that are not finite; expected finite numbers"):
        write_answers(tmp_path / "y.png", {"smooth": answer}, {"smooth": (1, 3, 4)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "samples", "lines"),
    [((1, 3, 4), 1, (3, 4)), ((1, 3, 4), 5, (5, 12)), ((2, 3, 4), 1, (1, 24)), ((6,), 1, (1, 6)), ((6,), 5, (5, 6))],
)
def test_a_csv_has_one_map_or_a_sample_a_line_with_all_digits(
    shape: tuple[int, ...], samples: int, lines: tuple[int, int], tmp_path: Path
) -> None:
    answer = generator.normal(size=(samples, *shape))
    write_answers(tmp_path / "y.csv", {"y": answer}, {"y": shape})
    assert np.array_equal(np.loadtxt(tmp_path / "y.csv", delimiter=",", ndmin=2), answer.reshape(lines))


def test_a_stack_of_maps_is_not_taken_for_one_of_channels(tmp_path: Path) -> None:
    write_answers(tmp_path / "y.csv", {"y": np.arange(24.0).reshape(2, 3, 4)}, {"y": (1, 3, 4)})
    assert (tmp_path / "y.csv").read_text().count("\n") == 2


# Sizes


@pytest.mark.parametrize(
    ("channels", "shape"),
    [(1, (5, 9)), (1, (1, 5, 9)), (1, (7, 5, 9)), (1, (7, 1, 5, 9)), (3, (3, 5, 9)), (3, (2, 3, 5, 9))],
)
def test_a_graph_takes_maps_of_another_size_where_its_parameters_do(
    channels: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.ones(shape))
    graph = graph_for(smoother(channels).graph, {"image": [tmp_path / "x.npy"]})
    assert graph.shapes == {"image": (channels, 5, 9), "smooth": (channels, 5, 9)}


@pytest.mark.parametrize("shape", [(3, 4), (5, 9, 3), (2, 2, 5, 9), (9,)])
def test_what_has_no_other_size_but_other_channels_is_left_to_be_told(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(shape))
    declared = smoother(3).graph
    assert graph_for(declared, {"image": [tmp_path / "x.npy"]}) is declared


def test_a_graph_whose_parameters_follow_from_the_size_takes_no_other(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((10, 10)))
    graph = mg.Graph.load("digits")
    with pytest.raises(mg.ShapeError) as caught:
        graph_for(graph, {"image": [tmp_path / "x.npy"]})
    assert str(caught.value) == (
        f"{tmp_path / 'x.npy'}: found maps of 10x10; expected 8x8, which the shape of 'dense1.kernel' follows from"
    )
