"""Data: every kind of file, drawn maps, teachers, and the text of every error."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import minigraph as mg
from minigraph.data.loading import Data, load_data, read_array
from minigraph.definition import Definition
from minigraph.errors import DataError, DefinitionError, MinigraphError, ShapeError
from minigraph.recipe.losses import CrossEntropy
from tests.helpers import Array, assert_close, assert_exact, raises

GREY = np.arange(20.0).reshape(4, 5) * 3
COLOURS = np.arange(60).reshape(3, 4, 5)

HEAD = """\
schema_version = 1
name = "small"
outputs = ["conv"]
[inputs.x]
shape = [4, 5]
[nodes.conv]
op = "Conv"
inputs = ["x"]
kernel_size = [2, 3]
"""
TEACHER = HEAD + '[data]\nsource = "teacher"\nteacher."conv.kernel" = [[1, 0, 2], [0, -1, 0]]\n'


def loaded(folder: Path, text: str, seed: int = 0, dtype: str = "float64") -> Data:
    path = folder / "small.toml"
    path.write_text(text)
    return load_data(Definition.load(path), dtype, seed)


# Files


def test_an_npy_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    assert_exact(read_array(tmp_path / "a.npy", (1, 4, 5), "x"), GREY)


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8", "bool", ">f8"])
def test_an_npy_of_any_real_numbers_is_read(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "a.npy", GREY.astype(dtype))
    assert_exact(read_array(tmp_path / "a.npy", (1, 4, 5), "x"), GREY.astype(dtype))


def test_a_file_may_hold_several_samples(tmp_path: Path) -> None:
    samples = np.arange(2 * 60.0).reshape(2, 3, 4, 5)
    np.save(tmp_path / "a.npy", samples)
    assert_exact(read_array(tmp_path / "a.npy", (3, 4, 5), "x"), samples)


def test_an_npz_is_read_by_name_by_key_or_as_the_only_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", x=GREY, other=GREY + 1)
    assert_exact(read_array(tmp_path / "two.npz", (1, 4, 5), "x"), GREY)
    assert_exact(read_array(tmp_path / "two.npz", (1, 4, 5), "x", "other"), GREY + 1)
    np.savez(tmp_path / "one.npz", anything=GREY)
    assert_exact(read_array(tmp_path / "one.npz", (1, 4, 5), "x"), GREY)
    np.savez_compressed(tmp_path / "small.npz", x=GREY)
    assert_exact(read_array(tmp_path / "small.npz", (1, 4, 5), "x"), GREY)


@pytest.mark.parametrize(
    "text", ["1,2.5,-3\n4e1,5,.6\n", "\ufeff1,2.5,-3\r\n4e1,5,.6", "\n 1 , 2.5 , -3\n\n4e1,5,.6\n\n"]
)
def test_a_csv_is_one_map_with_a_row_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    assert_exact(read_array(tmp_path / "a.csv", (1, 2, 3), "x"), [[1, 2.5, -3], [40, 5, 0.6]])


def test_a_csv_of_one_row_is_a_map_or_a_vector_as_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n")
    assert_exact(read_array(tmp_path / "a.csv", (1, 1, 3), "x"), [[1, 2, 3]])
    assert_exact(read_array(tmp_path / "a.csv", (3,), "x"), [1, 2, 3])


def test_columns_of_a_csv_hold_a_sample_in_each_row(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("label,p0,p1,p2,p3\n1,0,1,2,3\n0,4,5,6,7\n")
    assert_exact(read_array(path, (1, 2, 2), "x", columns="1:"), [[[[0, 1], [2, 3]]], [[[4, 5], [6, 7]]]])
    assert_exact(read_array(path, (2,), "x", columns="-2:"), [[2, 3], [6, 7]])
    assert_exact(read_array(path, (2,), "y", loss=CrossEntropy(), columns="0"), [1, 0])
    assert_exact(read_array(path, (1,), "x", columns="-1"), [[3], [7]])
    for columns, reason in {
        "2:": "columns 2: of 5 are 3; expected 4 of them for a sample of 'x', 1x2x2",
        "5": "found columns = 5; expected one below 5, the columns that there are",
    }.items():
        with raises((DataError, ShapeError), f"{path}: {reason}"):
            read_array(path, (1, 2, 2), "x", columns=columns)
    np.save(tmp_path / "a.npy", GREY)
    with raises(DataError, f"{tmp_path / 'a.npy'}: found columns beside a .npy file; expected a csv, or no columns"):
        read_array(tmp_path / "a.npy", (1, 4, 5), "x", columns="1:")


def test_a_definition_is_one_file_with_its_arrays(tmp_path: Path) -> None:
    text = HEAD.replace("[4, 5]", "[2, 3]") + '[data]\nsource = "file"\n'
    data = loaded(tmp_path, text + "inputs.x = [[1, 0, 2], [0, -1, 0]]\noutputs.conv = [[3.5]]\n")
    assert_exact(data.inputs["x"], [[1, 0, 2], [0, -1, 0]])
    assert_exact(data.targets["conv"], [[3.5]])
    definition = Definition.load(tmp_path / "small.toml")
    for name in ("again.toml", "again.json"):
        definition.save(tmp_path / name)
        assert Definition.load(tmp_path / name).data == definition.data
    with pytest.raises(DefinitionError, match=r"data.inputs.x: 'x': found shape 2x2; expected 2x3"):
        loaded(tmp_path, text + "inputs.x = [[1, 0], [0, -1]]\noutputs.conv = [[3.5]]\n")
    with pytest.raises(DefinitionError, match=r"data.inputs.x: found an array with rows of different lengths"):
        loaded(tmp_path, text + "inputs.x = [[1, 0], [0]]\noutputs.conv = [[3.5]]\n")


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ('["cat"]', "data.classes: found 1 name; expected 2, one for each channel of 'conv'"),
        ('["cat", "cat"]', "data.classes: found [cat, cat] (an array); expected an array of different names"),
        ('"cat"', "data.classes: found 'cat' (a string); expected an array of different names"),
    ],
)
def test_names_of_classes_are_one_for_each_number_of_the_output(tmp_path: Path, classes: str, reason: str) -> None:
    text = HEAD + "out_channels = 2\n" + '[data]\nsource = "file"\nfile = "a.npz"\nclasses = '
    (tmp_path / "small.toml").write_text(text + '["cat", "dog"]\n')
    data = Definition.load(tmp_path / "small.toml").data
    assert data is not None
    assert data.classes == ("cat", "dog")
    (tmp_path / "small.toml").write_text(text + classes)
    with pytest.raises(DefinitionError) as caught:
        Definition.load(tmp_path / "small.toml")
    assert reason in str(caught.value)


def test_a_png_is_from_0_to_1_and_grey_or_in_colours(tmp_path: Path) -> None:
    grey = np.array([[0, 51, 255], [1, 2, 3]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert_exact(read_array(tmp_path / "grey.png", (1, 2, 3), "x"), grey / 255)
    colours = COLOURS.transpose(1, 2, 0).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colours.PNG")
    assert_exact(read_array(tmp_path / "colours.PNG", (3, 4, 5), "x"), COLOURS / 255)


def test_a_png_of_16_bits_keeps_its_greys(tmp_path: Path) -> None:
    grey = (np.arange(20) * 3000).reshape(4, 5).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    assert_close(read_array(tmp_path / "deep.png", (1, 4, 5), "x"), grey / 65535, 1 / 255)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG"])
def test_a_jpg_is_read(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(np.full((4, 5), 102, np.uint8)).save(tmp_path / f"a.{suffix}", quality=95)
    assert_close(read_array(tmp_path / f"a.{suffix}", (1, 4, 5), "x"), np.full((4, 5), 0.4), 0.01)


# Faults of files


def test_a_file_that_is_missing_or_of_another_kind_is_told(tmp_path: Path) -> None:
    with raises(DataError, f"{tmp_path / 'a.npy'}: no such file"):
        read_array(tmp_path / "a.npy", (1, 4, 5), "x")
    with raises(DataError, f"{tmp_path}: found a folder; expected a regular file"):
        read_array(tmp_path, (1, 4, 5), "x")
    (tmp_path / "a.txt").touch()
    with raises(
        DataError,
        f"{tmp_path / 'a.txt'}: found a name that ends in '.txt'; expected one of .npy, .npz, .csv, .png, .jpg, .jpeg",
    ):
        read_array(tmp_path / "a.txt", (1, 4, 5), "x")


@pytest.mark.parametrize(
    ("file", "contents", "message"),
    [
        ("a.csv", b"1,2\n3\n", "row 2 has 1 numbers; expected 2 as in row 1"),
        ("a.csv", b"1,2\n3,four\n", "row 2, column 2: found a text; expected numbers with commas between them"),
        ("a.csv", b"1,nan\n3,4\n", "'x' has entries that are not finite; expected finite numbers"),
        ("a.csv", b"1,\xff\n", "cannot be read as csv: "),
        ("a.npy", b"not an array", "cannot be read as npy: "),
        ("a.npy", b"", "cannot be read as npy: "),
        ("a.npz", b"not an array", "cannot be read as an npz: "),
        ("a.png", b"not an image", "cannot be read as an image: "),
        ("a.jpg", b"", "cannot be read as an image: "),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, file: str, contents: bytes, message: str) -> None:
    (tmp_path / file).write_bytes(contents)
    with pytest.raises(DataError) as caught:
        read_array(tmp_path / file, (1, 2, 2), "x")
    assert str(caught.value).startswith(f"{tmp_path / file}: {message}")


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (GREY.T, ShapeError, "'x': found shape 5x4; expected 4x5 or 1x4x5 or Nx1x4x5 or Nx4x5"),
        (GREY.astype(complex), DataError, "'x': found dtype complex128; expected real numbers"),
        (np.full((4, 5), "a"), DataError, "'x': found dtype <U1; expected real numbers"),
        (GREY[None, None][:0], DataError, "'x': found no samples; expected at least one"),
        (np.where(GREY > 3, np.inf, GREY), DataError, "'x' has entries that are not finite; expected finite numbers"),
    ],
)
def test_an_array_that_does_not_fit_is_told(tmp_path: Path, array: Array, error: type[Exception], message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with raises(error, f"{tmp_path / 'a.npy'}: {message}"):
        read_array(tmp_path / "a.npy", (1, 4, 5), "x")


def test_arrays_are_found_by_their_name_only(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, xs=GREY, other=GREY)
    with raises(DataError, f"{path}: found the arrays xs, other; expected 'x'; did you mean 'xs'?"):
        read_array(path, (1, 4, 5), "x")
    with raises(DataError, f"{path}: found the arrays xs, other; expected 'othr'; did you mean 'other'?"):
        read_array(path, (1, 4, 5), "x", "othr")
    np.savez(path, xs=GREY)
    with raises(DataError, f"{path}: found the arrays xs; expected 'other'"):
        read_array(path, (1, 4, 5), "x", "other")


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as npy: Object arrays cannot be loaded"):
        read_array(tmp_path / "a.npy", (1, 4, 5), "x")


def test_an_npz_under_an_npys_name_is_told(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, x=GREY)
    with raises(DataError, f"{tmp_path / 'a.npy'}: found an npz; expected npy: one array"):
        read_array(tmp_path / "a.npy", (1, 4, 5), "x")


def test_an_image_is_no_vector_and_has_one_or_three_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(GREY.astype(np.uint8)).save(path)
    for shape in [(20,), (2, 4, 5)]:
        with raises(ShapeError, f"{path}: found an image; expected an array for 'x' with one or three channels"):
            read_array(path, shape, "x")
    with raises(ShapeError, f"{path}: 'x': found shape 4x5; expected 4x6 or 1x4x6 or Nx1x4x6 or Nx4x6"):
        read_array(path, (1, 4, 6), "x")


def test_an_array_larger_than_memory_is_told(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000,), }\n"
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match="cannot be read as npy: "):
        read_array(path, (1, 4, 5), "x")


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a sound file of every kind, by its ending."""
    folder = tmp_path_factory.mktemp("sound")
    np.save(folder / "a.npy", GREY)
    np.savez_compressed(folder / "a.npz", x=GREY)
    np.savetxt(folder / "a.csv", GREY, delimiter=",")
    for suffix in ("png", "jpg"):
        Image.fromarray(GREY.astype(np.uint8)).save(folder / f"a.{suffix}")
    return {file.suffix: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".png", ".jpg"])
@settings(max_examples=150)
@given(data=st.data())
def test_a_file_with_damaged_bytes_is_read_or_told(
    sound_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    damaged = bytearray(sound_files[suffix])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(damaged)
    try:
        array, told = read_array(path, (1, 4, 5), "x"), str(path)
    except MinigraphError as error:
        array, told = GREY, str(error)
    assert np.isfinite(array).all()
    assert str(path) in told


# Definitions


def test_a_teacher_answers_with_its_own_parameters(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", GREY)
    data = loaded(tmp_path, TEACHER + 'teacher."conv.bias" = 0.5\ninputs.x = { file = "map.npy" }\n')
    assert_exact(data.inputs["x"], GREY)
    assert data.teacher is not None
    assert_exact(data.teacher["conv.kernel"], [[[[1, 0, 2], [0, -1, 0]]]])
    wanted = GREY[:-1, :-2] + 2 * GREY[:-1, 2:] - GREY[1:, 1:-1] + 0.5
    assert_exact(data.targets["conv"], wanted)


def test_a_teachers_bias_is_zero_when_it_is_left_out(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", GREY)
    data = loaded(tmp_path, TEACHER + 'inputs.x = { file = "map.npy" }\n')
    assert data.teacher is not None
    assert_exact(data.teacher["conv.bias"], [0.0])


def test_drawn_maps_follow_the_seed_in_a_stream_of_their_own(tmp_path: Path) -> None:
    text = TEACHER + 'samples = 200\ninputs.x = { distribution = "normal", mean = 1.0, std = 2.0 }\n'
    first, same, other = (loaded(tmp_path, text, seed).inputs["x"] for seed in (3, 3, 4))
    assert first.shape == (200, 1, 4, 5)
    assert_exact(first, same)
    assert (first != other).all()
    assert abs(first.mean() - 1.0) < 0.1
    assert abs(first.std() - 2.0) < 0.1
    assert not np.array_equal(first.ravel()[:6], 1 + 2 * np.random.default_rng(3).normal(size=6))


def test_one_drawn_map_has_no_samples_in_front(tmp_path: Path) -> None:
    data = loaded(tmp_path, TEACHER + 'inputs.x = { distribution = "uniform" }\n')
    assert data.inputs["x"].shape == (1, 4, 5)
    assert data.targets["conv"].shape == (1, 3, 3)


def test_inputs_and_targets_come_from_one_npz(tmp_path: Path) -> None:
    target = np.arange(9.0).reshape(3, 3)
    np.savez(tmp_path / "data.npz", x=GREY, conv=target)
    data = loaded(tmp_path, HEAD + '[data]\nsource = "file"\nfile = "data.npz"\n')
    assert_exact(data.inputs["x"], GREY)
    assert_exact(data.targets["conv"], target)
    assert data.teacher is None


def test_inputs_and_targets_come_from_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    np.save(tmp_path / "sub" / "x.npy", GREY)
    np.savez(tmp_path / "y.npz", a=np.zeros((3, 3)), b=np.ones((3, 3)))
    text = '[data]\nsource = "file"\ninputs.x = { file = "sub/x.npy" }\noutputs.conv = { file = "y.npz", key = "b" }\n'
    data = loaded(tmp_path, HEAD + text)
    assert_exact(data.inputs["x"], GREY)
    assert_exact(data.targets["conv"], np.ones((3, 3)))


def test_the_bundled_data_load_and_train() -> None:
    definition = Definition.load("two_conv")
    data = load_data(definition, "float64", 15)
    history = mg.train(
        mg.load("two_conv", seed=15), data.inputs, data.targets, optimizer=mg.SGD(learning_rate=3e-5), steps=50
    )
    assert history.loss[-1] < history.loss[0]


def test_no_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"data: the definition has no \[data\]; expected one"):
        loaded(tmp_path, HEAD)


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        (
            'source = "teacher"\nteacher."conv.kernel" = 1\ninputs.x = { file = "none.npy" }',
            "13:21: data.inputs.x.file",
            "{folder}/none.npy: no such file",
        ),
        (
            'source = "file"\nfile = "small.npy"',
            "12:8: data.file",
            "{folder}/small.npy: found a name that ends in '.npy'; expected .npz",
        ),
        (
            'source = "file"\ninputs.x = { file = "good.npy" }\noutputs.conv = { file = "good.npy" }',
            "13:25: data.outputs.conv.file",
            "{folder}/good.npy: 'conv': found shape 4x5; expected 3x3 or 1x3x3 or Nx1x3x3 or Nx3x3",
        ),
    ],
)
def test_a_fault_of_a_data_file_is_shown_where_it_is_named(
    tmp_path: Path, lines: str, place: str, message: str
) -> None:
    np.save(tmp_path / "small.npy", np.zeros(2))
    np.save(tmp_path / "good.npy", GREY)
    with pytest.raises(DefinitionError) as caught:
        loaded(tmp_path, f"{HEAD}[data]\n{lines}\n")
    first = str(caught.value).splitlines()[0]
    assert first == f"{tmp_path / 'small.toml'}:{place}: {message.format(folder=tmp_path)}"


def test_the_faults_of_all_data_files_are_told_at_once(tmp_path: Path) -> None:
    text = '[data]\nsource = "file"\ninputs.x = { file = "no.npy" }\noutputs.conv = { file = "none.npy" }\n'
    with pytest.raises(DefinitionError) as caught:
        loaded(tmp_path, HEAD + text)
    assert [problem.path for problem in caught.value.problems] == [
        ("data", "inputs", "x", "file"),
        ("data", "outputs", "conv", "file"),
    ]


def test_several_outputs_have_several_targets(tmp_path: Path) -> None:
    text = TEACHER.replace('outputs = ["conv"]', 'outputs = ["conv", "relu"]').replace(
        "[data]", '[nodes.relu]\nop = "ReLU"\ninputs = ["conv"]\n[data]'
    )
    data = loaded(tmp_path, text + 'inputs.x = { distribution = "normal" }\n')
    assert_exact(data.targets["relu"], np.maximum(data.targets["conv"], 0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_teacher_computes_in_the_asked_dtype(tmp_path: Path, dtype: str) -> None:
    text = TEACHER + 'inputs.x = { distribution = "normal" }\n'
    target: Any = loaded(tmp_path, text, dtype=dtype).targets["conv"]
    assert target.dtype == dtype


def test_one_file_has_to_hold_every_array_and_no_other(tmp_path: Path) -> None:
    text = HEAD + '[data]\nsource = "file"\nfile = "all.npz"\n'
    np.savez(tmp_path / "all.npz", x=np.zeros((4, 5)), cnov=np.zeros((3, 4)))
    with pytest.raises(DefinitionError) as caught:
        loaded(tmp_path, text)
    messages = [problem.message.removeprefix(f"{tmp_path / 'all.npz'}: ") for problem in caught.value.problems]
    assert messages == [
        "unknown array 'cnov'; expected x, conv; did you mean 'conv'?",
        "array 'conv' is missing; expected x, conv",
    ]


def test_different_numbers_of_samples_are_told_before_anything_runs(tmp_path: Path) -> None:
    text = HEAD + '[data]\nsource = "file"\nfile = "all.npz"\n'
    np.savez(tmp_path / "all.npz", x=np.zeros((5, 1, 4, 5)), conv=np.zeros((4, 1, 3, 3)))
    with pytest.raises(DefinitionError, match="need the same number of samples; found x has 5, target of conv has 4"):
        loaded(tmp_path, text)
