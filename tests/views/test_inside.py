"""A training step taken apart, as text and as a picture: what is shown, at any width, and what is left out."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import minigraph as mg
from minigraph.views.inside import Choice, laid_out, markdown, printed
from minigraph.views.plots.inside import plot_inside
from tests.helpers import Array


@pytest.fixture(scope="module")
def inside() -> mg.Explanation:
    graph = mg.Graph("by_hand")
    graph.input("x", shape=(4, 4))
    graph.add("conv", mg.Conv(kernel_size=2, stride=2), "x", init={"kernel": [[1, 2], [3, 4]], "bias": 5})
    graph.output(graph.add("relu", mg.ReLU(), "conv"))
    return mg.explain(mg.Model(graph, 0), np.arange(16.0).reshape(4, 4), np.zeros((2, 2)), learning_rate=0.001)


def text(inside: mg.Explanation, choice: Choice, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(printed(inside, choice))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_every_step_is_told_with_its_numbers_in_the_order_of_the_passes(inside: mg.Explanation) -> None:
    lines = [line.rstrip() for line in text(inside, Choice()).splitlines()]
    order = ["x  Input 1x4x4", "conv  Conv 2x2, stride 2, reads x", "  1 Pad with zeros", "    padded = x"]
    order += ["      39  59", "  7 Update the parameters", "relu  ReLU, reads conv"]
    places = [next(at for at, line in enumerate(lines) if wanted in line) for wanted in order]
    assert places == sorted(places)
    spread = lines.index("    spread[0][0] of 1x1x3x3")
    assert [line.split() for line in lines[spread + 1 : spread + 4]] == [
        ["78", ".", "118"],
        [".", ".", "."],
        ["238", ".", "278"],
    ]


def test_one_node_and_one_number_are_followed_through_its_steps(inside: mg.Explanation) -> None:
    shown = text(inside, Choice(["conv"], cell=(1, 0)), width=200)
    assert "answer[0, 0, 1, 0]: 8 * 1 + 9 * 2 + 12 * 3 + 13 * 4 + 5 = 119" in shown
    assert "without the zeros: 78 * 3 = 234" in shown
    assert "relu  ReLU" not in shown


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal_and_what_is_cut_is_told(width: int) -> None:
    graph = mg.Graph("wide")
    graph.input("x", shape=(30, 30))
    graph.output(graph.add("tanh", mg.Tanh(), "x"))
    x = np.random.default_rng(0).normal(size=(30, 30))
    shown = text(explained(graph, x), Choice(["x"]), width)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    assert "of 30 rows" in " ".join(shown.split())


def explained(graph: mg.Graph, x: Array) -> mg.Explanation:
    return mg.explain(mg.Model(graph, 0), x, x, learning_rate=0.1)


def test_rows_are_laid_out_in_columns_of_one_width_with_dots_for_zeros() -> None:
    rows, note = laid_out(np.array([[0.0, -1.5], [12345.678, np.nan]]), 80)
    assert ["".join(part for part, _ in row) for row in rows] == ["         .      -1.5", " 1.235e+04       nan"]
    assert note == ""


def test_markdown_has_a_section_a_node_and_a_block_a_matrix(inside: mg.Explanation) -> None:
    shown = markdown(inside, Choice(["conv"]))
    assert shown.startswith("# by_hand: one training step\n\nLoss ")
    assert "## conv  Conv 2x2, stride 2, reads x" in shown
    assert shown.count("```") % 2 == 0
    assert "3. **Rotate the kernel by 180 degrees.**" in shown


def test_the_picture_is_drawn_for_every_node_and_is_the_same_twice(inside: mg.Explanation, tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        plot_inside(inside, Choice(), tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
