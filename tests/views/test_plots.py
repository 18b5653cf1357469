import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import minigraph as mg
from minigraph.graph.node import Node
from minigraph.ops import OPS
from minigraph.views.plots import (
    confusion_matrix,
    plot_comparison,
    plot_confusion,
    plot_filters,
    plot_graph,
    plot_images,
    plot_kernels,
    plot_loss,
    plot_predictions,
    plot_reconstruction,
)
from minigraph.views.plots.graph import FAMILY_HUES, op_colour
from minigraph.views.plots.kernels import Spelling, readable
from minigraph.views.plots.loss import smoothed
from minigraph.views.plots.sheet import DIVERGING
from minigraph.views.plots.starts import plot_ends, plot_starts
from tests.helpers import ROOT

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}
generator = np.random.default_rng(5)
TEACHER = {"a.kernel": generator.normal(size=(2, 1, 3, 4)), "a.bias": np.zeros(2), "b.kernel": np.ones((3, 6))}
VERDICTS = ["recovered", "local minimum"]
LEARNED = {name: array + 0.25 for name, array in TEACHER.items()}


def rich_graph():
    graph = mg.Graph("rich", description="$x_1$ and \U0001f600, a line that is long enough to be broken in two " * 2)
    image = graph.input("image", (3, 20, 21))
    graph.input("spare", (4, 5))
    conv = graph.add("conv1", mg.Conv(kernel_size=[3, 5], out_channels=3, padding="same", bias=False), image)
    graph.declare(
        "conv2", Node(mg.Conv(kernel_size=[3, 5], out_channels=3, padding="same", bias=False), (conv,), share="conv1")
    )
    frozen = graph.add("frozen", mg.Conv(kernel_size=1, out_channels=3), "conv2", trainable=False)
    graph.add("dead", mg.ReLU(), conv)
    graph.output(graph.add("sum", mg.Add(), frozen, conv, conv))
    return graph


# Images, labels, predictions and their confidence: the second and the last are wrong.
CLASSIFIED = (np.arange(60.0).reshape(5, 1, 3, 4), [0, 1, 2, 3, 4], [0, 2, 2, 3, 7], [0.9, 0.6, 0.8, 0.7, 0.95])

PICTURES = {
    "graph": lambda path: plot_graph(rich_graph(), path),
    "loss": lambda path: plot_loss(np.geomspace(9, 1e-7, 30), path, "a loss"),
    "kernels": lambda path: plot_kernels(LEARNED, TEACHER, path),
    "map": lambda path: plot_reconstruction(np.ones((2, 3, 4, 5)), np.zeros((2, 3, 4, 5)), path, "conv"),
    "comparison": lambda path: plot_comparison({"a": np.geomspace(9, 1, 30), "b": [3.0, 2.0]}, path),
    "confusion": lambda path: plot_confusion([[5, 1], [0, 7]], path, "two classes"),
    "filters": lambda path: plot_filters(np.arange(120.0).reshape(4, 2, 3, 5), path, "conv.kernel"),
    "predictions": lambda path: plot_predictions(*CLASSIFIED, path, "digits"),
    "images": lambda path: plot_images(np.zeros((2, 3, 4, 5)), np.ones((2, 3, 4, 5)), np.ones((2, 3, 4, 5)), path, "x"),
    "starts": lambda path: plot_starts([np.geomspace(9, 1e-31, 30), [8, 7, 9, 7]], VERDICTS, path, "two starts"),
    "ends": lambda path: plot_ends([[0, 1, 2], [5, -4, 9e9]], VERDICTS, path, "two ends", [0, 1, 2]),
    "vector": lambda path: plot_reconstruction([1.0, -2, 3], [1.0, -2, 2], path, "dense"),
}


@pytest.fixture(params=PICTURES)
def picture(request):
    return PICTURES[request.param]


@pytest.fixture
def written(monkeypatch):
    """The texts that a picture holds, read from the figure that is about to be written."""
    texts = []
    save = Figure.savefig

    def reading(figure, *arguments, **options):
        texts.extend(text.get_text() for text in figure.findobj(matplotlib.text.Text))
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", reading)
    return texts


@pytest.mark.parametrize("suffix", MAGIC)
def test_a_file_is_of_the_kind_that_its_name_says(picture, suffix, tmp_path):
    picture(tmp_path / f"picture.{suffix}")
    assert (tmp_path / f"picture.{suffix}").read_bytes().startswith(MAGIC[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [f"picture.{suffix}"]


@pytest.mark.parametrize("suffix", MAGIC)
def test_the_same_picture_has_the_same_bytes(picture, suffix, tmp_path):
    picture(tmp_path / f"first.{suffix}")
    picture(tmp_path / f"second.{suffix}")
    assert (tmp_path / f"first.{suffix}").read_bytes() == (tmp_path / f"second.{suffix}").read_bytes()


def test_a_name_in_capitals_is_understood(tmp_path):
    plot_loss([1.0, 0.5], tmp_path / "LOSS.PNG")
    assert (tmp_path / "LOSS.PNG").read_bytes().startswith(MAGIC["png"])


@pytest.mark.parametrize("name", ["picture.bmp", "picture"])
def test_another_suffix_is_refused_before_anything_is_written(picture, name, tmp_path):
    suffix = Path(name).suffix
    with pytest.raises(mg.DataError) as caught:
        picture(tmp_path / name)
    assert str(caught.value) == (
        f"{tmp_path / name}: found a name that ends in '{suffix}'; expected .png, .svg or .pdf"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_data_error(picture, tmp_path):
    with pytest.raises(mg.DataError, match="cannot be written: No such file or directory"):
        picture(tmp_path / "nowhere" / "picture.png")


def test_pictures_leave_matplotlib_as_it_was_and_do_not_heed_its_settings(picture, tmp_path):
    picture(tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        picture(tmp_path / "set.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "set.png").read_bytes()


def test_pictures_do_not_import_pyplot():
    code = "import sys, minigraph.views.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("wish", "kept"), [("Qt4Agg", "agg"), ("module://matplotlib_inline.backend_inline", None), ("svg", "svg")]
)
def test_pictures_are_drawn_whatever_backend_is_wished_for_and_the_users_own_plots_keep_it(wish, kept, tmp_path):
    code = """
import os, minigraph as mg
mg.plot_graph(mg.Graph.load("two_conv"), "graph.png")
import matplotlib
print(os.environ["MPLBACKEND"], matplotlib.get_backend())
"""
    environment = {**os.environ, "MPLBACKEND": wish, "PYTHONPATH": str(ROOT)}
    drawn = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (drawn.stderr, drawn.stdout.split()[0]) == ("", wish)
    assert kept in (drawn.stdout.split()[1], None)  # the notebook's own depends on what is installed
    assert (tmp_path / "graph.png").read_bytes().startswith(MAGIC["png"])


def test_a_backend_that_was_chosen_before_is_left_alone():
    code = "import matplotlib; matplotlib.use('pdf'); import minigraph.views.plots; print(matplotlib.get_backend())"
    environment = {**os.environ, "MPLBACKEND": "svg", "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "pdf"


# -- graphs ----------------------------------------------------------------------------------------


def test_a_graph_tells_names_ops_shapes_and_parameters(written, tmp_path):
    plot_graph(mg.Graph.load("two_conv"), tmp_path / "graph.png")
    assert {"two_conv", "2 nodes, 27 parameters, float64", "image", "input", "1x20x20", "conv1"} <= set(written)
    assert {"10 parameters", "1x18x18", "conv2", "17 parameters", "output  1x8x8"} <= set(written)
    assert "Conv 4x4, stride 2" in [text.replace("\u00a0", " ") for text in written]


def test_sharing_freezing_and_uselessness_are_told(written, tmp_path):
    plot_graph(rich_graph(), tmp_path / "graph.png")
    assert {"shares conv1", "12 parameters, frozen", "no output needs it, 3x20x21"} <= set(written)


def test_an_op_has_one_colour_in_every_process():
    own, kin = type("MyOwnOp", (mg.Op,), {}), type("MyOtherOp", (mg.Op,), {"family": "of mine"})
    code = """
import minigraph as mg
from minigraph.views.plots.graph import op_colour
own, kin = type("MyOwnOp", (mg.Op,), {}), type("AnyName", (mg.Op,), {"family": "of mine"})
print(op_colour(mg.Conv), op_colour(own), op_colour(kin))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.split() == [op_colour(mg.Conv), op_colour(own), op_colour(kin)]
    assert {op_colour(own), op_colour(kin)} <= set(FAMILY_HUES.values())


def test_ops_of_one_family_have_one_colour_and_families_differ():
    families: dict[str, set[str]] = {}
    for _, op in OPS.items():
        families.setdefault(op.family, set()).add(op_colour(op))
    assert op_colour(mg.ReLU) == op_colour(type("MyReLU", (mg.Op,), {"family": "activation"}))
    assert families == {family: {hue} for family, hue in FAMILY_HUES.items()}


def test_no_text_of_a_graph_overlaps_another_or_leaves_the_picture(monkeypatch, tmp_path):
    boxes = []
    save = Figure.savefig

    def measuring(figure, *arguments, **options):
        save(figure, *arguments, **options)
        figure.set_dpi(72)
        boxes.append(figure.bbox.extents)
        renderer = matplotlib.backends.backend_agg.RendererAgg(*figure.bbox.size, 72)
        boxes.extend(
            text.get_window_extent(renderer).extents for text in figure.findobj(matplotlib.text.Text) if text.get_text()
        )

    monkeypatch.setattr(Figure, "savefig", measuring)
    plot_graph(rich_graph(), tmp_path / "graph.png")
    (left, bottom, right, top), *texts = boxes
    for number, (x0, y0, x1, y1) in enumerate(texts):
        assert left < x0 < x1 < right
        assert bottom < y0 < y1 < top
        for a0, b0, a1, b1 in texts[:number]:
            assert x1 <= a0 or a1 <= x0 or y1 - 1.5 <= b0 or b1 - 1.5 <= y0


# -- losses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "losses",
    [
        [5.0],
        [0.0],
        [np.nan],
        [5.0] * 20,
        [0.0, 0.0],
        [3.0, 1.0, 0.0, 0.0],
        [1.0, 1e80, 1e300, np.inf],
        [1.0, 2.0, np.nan, 1.0],
        [1e-320, 5e-324],
        [1.7e308, 1e-308, 0.0],
        [1e308, -1e308],
        [3.0, 2.9999999],
        [9.99, 0.011],
        np.geomspace(1, 1e-3, 50_000),
    ],
    ids=str,
)
def test_a_loss_of_any_kind_can_be_drawn(losses, tmp_path):
    plot_loss(losses, tmp_path / "loss.png", "any")


def test_the_last_loss_is_told(written, tmp_path):
    plot_loss([3.0, 0.012345], tmp_path / "loss.png")
    assert "0.01235" in written


def test_the_first_loss_that_is_not_finite_is_told(written, tmp_path):
    plot_loss([3.0, 4.0, np.nan, np.nan], tmp_path / "loss.png")
    assert {"not finite from step 2", "4.000"} <= set(written)


def test_a_zero_stands_at_the_foot_of_the_logarithmic_axis(written, tmp_path):
    plot_loss([100.0, 1.0, 0.01, 0.0], tmp_path / "loss.png")
    assert {"loss (logarithmic)", "100", "10", "1", "0.1", "0.01", "0"} <= set(written)


def test_a_run_of_one_step_shows_the_loss_before_and_after_it(monkeypatch, tmp_path):
    lines, save = [], Figure.savefig

    def reading(figure, *arguments, **options):
        lines.extend(line.get_xydata().tolist() for line in figure.findobj(matplotlib.lines.Line2D))
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", reading)
    plot_loss([10.0], tmp_path / "loss.png", final=1.0)
    assert [[0.0, 1.0], [1.0, 0.0]] in lines


def test_the_validation_loss_is_drawn_with_its_lowest(written, tmp_path):
    plot_loss([10.0, 5.0, 2.0], tmp_path / "loss.png", validation={1: 6.0, 2: 4.0, 3: 4.5})
    assert {"training, before each step", "validation, lowest 4.000 after 2 steps"} <= set(written)


def test_no_losses_are_refused(tmp_path):
    with pytest.raises(mg.DataError, match=r"^losses: found shape 0; expected \(steps,\), at least one$"):
        plot_loss([], tmp_path / "loss.png")


def test_a_noisy_loss_is_drawn_faint_below_its_running_mean():
    noise = np.random.default_rng(0).normal(size=500)
    assert smoothed(noise, 4.0).std() < noise.std() / 2
    assert np.isclose(smoothed(noise, 4.0)[-1], noise[-10:].mean())
    smooth = np.linspace(0, 4, 500)
    assert smoothed(smooth, 100.0) is smooth


def test_runs_are_compared_with_their_names_and_ends(written, tmp_path):
    runs = {"first": np.geomspace(9, 0.5, 30), "second": [3.0, np.nan, 0.0, 0.25], "third": [0.24]}
    plot_comparison(runs, tmp_path / "c.png", "Loss of 3 runs")
    assert {"Loss of 3 runs", "first  0.5000", "second  0.2500", "third  0.2400"} <= set(written)


def test_runs_are_told_with_the_losses_that_are_given_for_them(written, tmp_path):
    plot_comparison({"first": [9.0, 4.0], "second": [9.0, 5.0]}, tmp_path / "c.png", finals={"first": 3.5, "second": 4})
    assert {"first  3.500", "second  4.000"} <= set(written)


def test_labels_of_runs_that_end_alike_stand_apart(monkeypatch, tmp_path):
    save, boxes = Figure.savefig, []

    def measuring(figure, *arguments, **options):
        save(figure, *arguments, **options)
        notes = figure.findobj(matplotlib.text.Annotation)
        boxes.extend(matplotlib.text.Text.get_window_extent(note) for note in notes)  # without its leader

    monkeypatch.setattr(Figure, "savefig", measuring)
    plot_comparison({str(run): [1.0, 0.5] for run in range(12)}, tmp_path / "c.png")
    assert len(boxes) == 12
    assert not any(a.overlaps(b) for index, a in enumerate(boxes) for b in boxes[:index])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({}, "found no runs; expected at least one"),
        ({"a": [0.0]}, "'a': found no loss above zero; expected at least one"),
    ],
)
def test_nothing_to_compare_is_told(runs, message, tmp_path):
    with pytest.raises(mg.DataError) as caught:
        plot_comparison(runs, tmp_path / "c.png")
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


# -- kernels ---------------------------------------------------------------------------------------


def test_small_kernels_show_their_numbers_and_biases_are_told_below(written, tmp_path):
    teacher = {"a.kernel": np.array([[[[2, 0, -1]]]]), "a.bias": np.array([0.5])}
    learned = {"a.kernel": np.array([[[[2, 0, -0.75]]]]), "a.bias": np.array([0.25])}
    plot_kernels(learned, teacher, tmp_path / "kernels.png")
    assert {"a.kernel", "1x3", "-1", "-0.75", "0.25", "a.bias: teacher 0.500000; learned 0.250000"} <= set(written)


def test_kernels_before_training_stand_between_the_teachers_and_those_after(written, tmp_path):
    maps = {name: {"a.kernel": np.full((1, 1, 1, 2), value)} for name, value in (("t", 2.0), ("b", 0.5), ("l", -1.0))}
    plot_kernels(maps["l"], maps["t"], tmp_path / "k.png", "A title", maps["b"], ["and a note"])
    columns = ["teacher", "before training", "after training", "after training - teacher"]
    assert [text for text in written if text in columns] == columns
    assert {"A title", "and a note"} <= set(written)
    numbers = [text for text in written if text in ("2", "0.5", "-1", "-3")]
    assert numbers == ["2", "2", "0.5", "0.5", "-1", "-1", "-3", "-3", "-3"]  # the last is the scale's


def test_no_colour_of_a_difference_is_cut_off(monkeypatch, tmp_path):
    limits, save = [], Figure.savefig

    def reading(figure, *arguments, **options):
        images = figure.findobj(matplotlib.image.AxesImage)
        limits.extend((float(np.abs(image.get_array()).max()), image.get_clim()[1]) for image in images)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", reading)
    plot_kernels({"a.kernel": [[[[-2.0, 1.0]]]]}, {"a.kernel": [[[[2.0, 1.0]]]]}, tmp_path / "k.png")
    assert max(shown for shown, _ in limits) == 4.0
    assert all(shown <= limit for shown, limit in limits)


@pytest.mark.parametrize(
    ("numbers", "written", "unit"),
    [
        ([-1.06, 0.5], ["-1.06", "0.5"], ""),
        ([2.0, 1.9999], ["2", "2.00"], ""),
        ([31.25, -0.002], ["31.2", "0.0"], ""),
        ([2.63e-11, 3.4e-11, 0.0], ["2.63", "3.4", "0"], "1e-11"),
        ([-5.0e7, np.nan], ["-5", "nan"], "1e7"),
    ],
)
def test_numbers_in_maps_have_as_many_digits_as_tell_them_apart(numbers, written, unit):
    spelling = Spelling.of(np.array(numbers))
    assert ([spelling(number) for number in numbers], spelling.unit) == (written, unit)


def test_of_many_pairs_the_first_eight_are_drawn_and_the_rest_counted(written, tmp_path):
    kernel = {"a.kernel": generator.normal(size=(5, 3, 9, 9))}
    plot_kernels(kernel, kernel, tmp_path / "kernels.png")
    assert written.count("a.kernel") == 8
    assert "[2, 1]  9x9, 7 more not drawn" in written


def test_kernels_that_are_not_finite_or_zero_can_be_drawn(tmp_path):
    teacher = {"a.kernel": np.zeros((1, 1, 2, 2)), "a.bias": np.array([np.inf])}
    plot_kernels({"a.kernel": np.full((1, 1, 2, 2), np.nan), "a.bias": [np.nan]}, teacher, tmp_path / "kernels.png")
    plot_kernels(teacher, teacher, tmp_path / "kernels.png")


def test_numbers_can_be_read_on_every_colour(tmp_path):
    figure = Figure()
    image = figure.add_subplot().imshow(np.zeros((2, 2)), cmap=DIVERGING, vmin=-1, vmax=1)
    for value in np.linspace(-1, 1, 201):
        text = to_rgb(readable(image, float(value)))
        light, dark = sorted(
            (np.dot([0.2126, 0.7152, 0.0722], np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))
             for c in (np.array(text), image.to_rgba(np.array([value]))[0, :3])),
            reverse=True,
        )  # fmt: skip
        assert (light + 0.05) / (dark + 0.05) > 3.7


def test_kernels_that_do_not_belong_together_are_refused(tmp_path):
    ones = np.ones((1, 1, 2, 3))
    with pytest.raises(mg.DataError, match=r"^'b.kernel' is found in 'teacher' only; expected it in teacher, learned$"):
        plot_kernels({"a.kernel": ones}, {"a.kernel": ones, "b.kernel": ones}, tmp_path / "k.png")
    with pytest.raises(mg.DataError, match=r"^'a.kernel': found shape 1x1x2x3 beside the teacher's; expected 2x3$"):
        plot_kernels({"a.kernel": ones}, {"a.kernel": ones[0, 0]}, tmp_path / "k.png")


# -- reconstructions -------------------------------------------------------------------------------


def test_a_reconstruction_tells_its_errors_and_what_of_it_is_drawn(written, tmp_path):
    target = np.full((2, 3, 4, 5), 2.0)
    answer = target.copy()
    answer[1, 2, 3, 4] = 4.0
    plot_reconstruction(target, answer, tmp_path / "r.png", "conv2")
    assert {"conv2", "max |difference| 2, relative error 0.0913"} <= set(written)
    assert "drawn: first of 3 channels, first of 2 samples" in written


@pytest.mark.parametrize("shape", [(1,), (7,), (1, 1), (300, 2), (2, 300), (1, 4, 5), (2, 1, 4, 5)], ids=str)
@pytest.mark.parametrize("values", [(0.0, 0.0), (1e200, -1e200), (1.0, np.nan), (np.inf, 1.0)], ids=str)
def test_a_reconstruction_of_any_kind_can_be_drawn(shape, values, tmp_path):
    plot_reconstruction(np.full(shape, values[0]), np.full(shape, values[1]), tmp_path / "r.png", "any")


def test_small_maps_show_their_numbers(written, tmp_path):
    plot_reconstruction([[1.0, 2.0], [3.0, -4.5]], [[1.0, 2.0], [3.0, -4.25]], tmp_path / "r.png", "conv2")
    assert {"-4.5", "-4.25", "0.25"} <= set(written)
    written.clear()
    plot_reconstruction(np.full((11, 11), 8.125), np.zeros((11, 11)), tmp_path / "r.png", "conv2")
    assert "8.12" not in written


def test_kernels_of_one_layer_are_drawn_before_and_after_training(written, tmp_path):
    plot_filters(np.ones((1, 1, 1, 2)), tmp_path / "k.png", "conv.kernel", np.full((1, 1, 1, 2), 0.25))
    assert [text for text in written if text in ("before training", "0.25", "after training", "1")] == [
        "before training", "0.25", "0.25", "after training", "1", "1", "1",
    ]  # fmt: skip  # the last is the scale's


def test_a_target_and_an_answer_of_two_shapes_are_refused(tmp_path):
    with pytest.raises(mg.DataError) as caught:
        plot_reconstruction(np.ones((3, 4)), np.ones((4, 3)), tmp_path / "r.png", "conv2")
    assert str(caught.value) == (
        "'conv2': found a target of shape 3x4 and an answer of 4x3; "
        "expected one shape: (H, W), (C, H, W), (N, C, H, W) or (F,)"
    )


# -- what a classifier and an image-to-image model answered -----------------------------------------


def test_the_confusion_matrix_counts_each_pair_of_classes():
    counts = confusion_matrix([0, 0, 2, 2, 2], [0, 1, 2, 2, 0], 3)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 2]]


def test_a_confusion_picture_tells_counts_recall_and_accuracy(written, tmp_path):
    plot_confusion([[5, 1, 0], [0, 7, 0], [0, 0, 0]], tmp_path / "c.png", "three")
    assert [text for text in written if text in ("5", "1", "7")].count("7") == 1
    assert {"12 of 13 right: 92.31%, 1 wrong", "83.3%", "100.0%", "-"} <= set(written)


def test_a_confusion_of_many_classes_is_drawn_without_numbers(written, tmp_path):
    plot_confusion(np.eye(40) * 3, tmp_path / "c.png", "many")
    assert written[:2] == ["many", "120 of 120 right: 100.00%, 0 wrong"]
    assert "3" not in written


def test_classes_are_called_by_their_names(written, tmp_path):
    plot_confusion([[5, 1], [0, 7]], tmp_path / "c.png", "two", ["cat", "a very long name of a dog"])
    assert written.count("cat") == 2
    assert written.count("a very long...") == 2
    written.clear()
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    plot_predictions(*CLASSIFIED, tmp_path / "p.png", "digits", names)
    drawn = [text for text in written[2:] if not text[:1].isdigit()]
    assert drawn[:4] == ["seven", drawn[1], "two", drawn[3]]
    assert [drawn[1].split(",")[0], drawn[3].split(",")[0]] == ["not four", "not one"]


def test_filters_are_numbered_and_many_are_cut(written, tmp_path):
    plot_filters(np.ones((100, 1, 3, 3)), tmp_path / "f.png", "conv1.kernel")
    assert "100 kernels of 1x3x3, the first 64 maps" in written
    assert "63" in written and "64" not in written


def test_wrong_predictions_come_first_the_surest_of_them_before_the_others(written, tmp_path):
    plot_predictions(*CLASSIFIED, tmp_path / "p.png", "digits")
    assert written[1] == "2 of 5 wrong, drawn first; then the least certain"
    drawn = [text for text in written[2:] if not text.endswith("%")]
    assert drawn[:5] == ["7, not 4", "2, not 1", "3", "2", "0"]


def test_images_tell_their_gain_in_decibels(written, tmp_path):
    target = np.full((2, 1, 4, 4), 0.5)
    plot_images(target + 0.1, target + 0.01, target, tmp_path / "i.png", "denoise")
    assert "mean PSNR of 2 samples: input 20.00 dB, answer 40.00 dB" in written
    assert written.count("20.00 dB") == written.count("40.00 dB") == 2


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda path: plot_confusion([[1, 2]], path, "x"), "counts: found shape 1x2; expected (classes, classes)"),
        (lambda path: plot_filters(np.ones((3, 3)), path, "x"), "kernel: found shape 3x3; expected (out, in, kh, kw)"),
        (
            lambda path: plot_predictions(np.ones((2, 1, 3, 3)), [1], [1], [1], path, "x"),
            "predictions: found images of shape 2x1x3x3 and 1 labels, 1 predictions, 1 confidences; "
            "expected (N, C, H, W) and N of each",
        ),
        (
            lambda path: plot_images(np.ones((2, 1, 3, 3)), np.ones((2, 1, 3, 3)), np.ones((1, 3, 3)), path, "x"),
            "images: found input of 2x1x3x3, answer of 2x1x3x3, target of 1x3x3; "
            "expected one shape (N, 1, H, W) or (N, 3, H, W) for all",
        ),
    ],
)
def test_samples_that_do_not_fit_are_told_and_nothing_is_written(draw, message, tmp_path):
    with pytest.raises(mg.DataError) as caught:
        draw(tmp_path / "p.png")
    assert str(caught.value) == message


# -- many starts -----------------------------------------------------------------------------------


def test_starts_are_counted_by_verdict(written, tmp_path):
    verdicts = ["recovered", "local minimum", "local minimum", "not converged"]
    curves = [[5.0, 1e-20], [5.0, 3.0], [6.0, 3.0], [7.0, np.inf, np.nan]]
    plot_starts(curves, verdicts, tmp_path / "starts.png", "four starts")
    assert {"four starts", "recovered (1)", "local minimum (2)", "not converged (1)", "evaluations"} <= set(written)
    written.clear()
    plot_ends([[1.0], [2.0], [2.0], [np.nan]], verdicts, tmp_path / "ends.png", "four ends")
    assert {"four ends", "local minimum (2)", "second direction (0%)"} <= set(written)
    assert "teacher" not in written


def test_an_end_that_ran_away_is_drawn_at_the_rim(written, tmp_path):
    ends = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1e12, 0.0]]
    plot_ends(ends, ["recovered"] * 3 + ["not converged"], tmp_path / "ends.png", "ends", [0.0, 1.0])
    assert "each dot is a start's end, after alignment; 1 further out" in written
    assert "teacher" in written


def test_one_start_is_a_picture_too(tmp_path):
    plot_starts([[0.0]], ["recovered"], tmp_path / "starts.png", "one")
    plot_ends([[1.0, 2.0]], ["recovered"], tmp_path / "ends.png", "one", [1.0, 2.0])


def test_no_start_is_no_picture(tmp_path):
    for plot in (plot_starts, plot_ends):
        with pytest.raises(mg.DataError, match=r"^starts: found none; expected at least one$"):
            plot([], [], tmp_path / "empty.png", "none")
    assert list(tmp_path.iterdir()) == []
