"""Graphs in the terminal, against drawings made by hand."""

import pytest

import minigraph as mg
from minigraph.errors import DefinitionError
from minigraph.views.rails import rails


def drawn(graph: mg.Graph) -> list[str]:
    """The drawing's rails and names; what follows a name is looked at elsewhere."""
    names = {*graph.inputs, *graph.nodes}
    lines = []
    for line in rails(graph).splitlines():
        words = line.split()
        named = next((word for word in words if word in names), None)
        lines.append(line[: line.index(f" {named} ")].rstrip() + f" {named}" if named else line)
    return lines


def started() -> tuple[mg.Graph, str]:
    graph = mg.Graph("graph")
    return graph, graph.input("x", (5, 6))


def test_a_chain_is_one_rail() -> None:
    graph, x = started()
    graph.add("relu", mg.ReLU(), x)
    graph.output(graph.add("conv", mg.Conv(kernel_size=3, out_channels=2), "relu"))
    assert rails(graph).splitlines() == [
        "○  x     Input                     1x5x6",
        "●  relu  ReLU                      1x5x6",
        "●  conv  Conv 3x3, out_channels 2  2x3x4  -> output",
    ]


def test_the_skip_of_a_residual_block_runs_beside_the_branch() -> None:
    graph, x = started()
    graph.add("a", mg.ReLU(), x)
    graph.add("b", mg.Tanh(), "a")
    graph.output(graph.add("sum", mg.Add(), x, "b"))
    assert drawn(graph) == [
        "○ x",
        "├─╮",
        "│ ● a",
        "│ ● b",
        "├─╯",
        "● sum",
    ]


def test_a_diamond_parts_and_joins() -> None:
    graph, x = started()
    graph.add("a", mg.ReLU(), x)
    graph.add("b", mg.Tanh(), x)
    graph.output(graph.add("sum", mg.Add(), "a", "b"))
    assert drawn(graph) == [
        "○ x",
        "├─╮",
        "│ ● a",
        "● │ b",  # the last reader of x goes on in its rail
        "├─╯",
        "● sum",
    ]


def test_two_inputs_stand_side_by_side() -> None:
    graph, x = started()
    y = graph.input("y", (5, 6))
    graph.add("a", mg.ReLU(), x)
    graph.add("b", mg.Tanh(), y)
    graph.output(graph.add("sum", mg.Add(), "a", "b"))
    assert drawn(graph) == [
        "○ x",
        "│ ○ y",
        "● │ a",
        "│ ● b",
        "├─╯",
        "● sum",
    ]


def test_a_node_that_reads_one_value_twice_stands_on_its_rail() -> None:
    graph, x = started()
    graph.output(graph.add("double", mg.Add(), x, x))
    assert drawn(graph) == ["○ x", "● double"]


def test_dead_nodes_and_unused_inputs_end_and_are_marked() -> None:
    graph, x = started()
    graph.input("spare", (2, 2))
    graph.add("a", mg.ReLU(), x)
    graph.add("dead", mg.Tanh(), "a")
    graph.output(graph.add("end", mg.Sigmoid(), "a"))
    assert rails(graph).splitlines() == [
        "○    x      Input    1x5x6",
        "│ ○  spare  Input    1x2x2  unused",
        "●    a      ReLU     1x5x6",
        "├─╮",
        "│ ●  dead   Tanh     1x5x6  unused",
        "●    end    Sigmoid  1x5x6  -> output",
    ]


def test_a_wide_concat_joins_all_its_rails_at_once() -> None:
    graph, x = started()
    names = [graph.add(f"b{index}", mg.ReLU(), x) for index in range(5)]
    graph.output(graph.add("all", mg.Concat(), *names))
    assert drawn(graph) == [
        "○ x",
        "├─╮",
        "│ ● b0",
        "├─│─╮",
        "│ │ ● b1",
        "├─│─│─╮",
        "│ │ │ ● b2",
        "├─│─│─│─╮",
        "│ │ │ │ ● b3",
        "● │ │ │ │ b4",
        "├─┴─┴─┴─╯",
        "● all",
    ]


def test_a_line_crosses_rails_that_it_does_not_join() -> None:
    graph, x = started()
    names = [graph.add(f"b{index}", mg.ReLU(), x) for index in range(4)]
    graph.add("outer", mg.Concat(), names[0], names[3])
    graph.add("inner", mg.Add(), names[1], names[2])
    graph.output(graph.add("all", mg.Concat(), "outer", "inner", x))
    assert drawn(graph)[8:] == [
        "│ │ │ │ ● b3",
        "│ ├─│─│─╯",  # over the rails of b1 and b2
        "│ ● │ │ outer",
        "│ │ ├─╯",
        "│ │ ● inner",
        "├─┴─╯",
        "● all",
    ]


def test_a_rail_that_is_read_and_goes_on_is_a_crossing() -> None:
    graph, x = started()
    graph.add("a", mg.ReLU(), x)
    graph.add("b", mg.ReLU(), x)
    graph.add("c", mg.Add(), x, "b")
    graph.add("d", mg.Add(), x, "c", "b")
    graph.output(graph.add("e", mg.Add(), "d", "a"))
    assert drawn(graph)[4:] == [
        "│ │ ● b",
        "├─│─┼─╮",  # c reads x and b, and both go on
        "│ │ │ ● c",
        "├─│─┴─╯",
        "● │ d",
        "├─╯",
        "● e",
    ]


def test_a_graph_that_is_not_sound_is_not_drawn() -> None:
    graph, _ = started()
    with pytest.raises(DefinitionError, match="the graph has no output"):
        rails(graph)
