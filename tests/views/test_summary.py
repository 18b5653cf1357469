"""The table of a graph: figures worked out by hand, and graphs that fail in the middle."""

import pytest

import minigraph as mg
from minigraph.errors import DefinitionError
from minigraph.views.summary import summary


def several() -> mg.Graph:
    graph = mg.Graph("several", description="of many kinds")
    graph.input("x", (2, 5, 6))
    graph.add("conv", mg.Conv(kernel_size=[2, 3], out_channels=4, groups=2), "x")
    graph.add("up", mg.ConvTranspose(kernel_size=2, stride=2, bias=False), "conv")
    graph.add("flat", mg.Flatten(), "up")
    graph.add("dense", mg.Dense(out_features=3), "flat", trainable=False)
    graph.output(graph.add("norm", mg.BatchNorm(), "dense"))
    return graph


def test_parameters_multiply_adds_and_memory_are_counted() -> None:
    table = summary(several())
    assert [(row.name, row.shape, row.parameters, row.multiply_adds, row.memory) for row in table.rows] == [
        # 4 kernels over 1 of 2 channels, 2x3 taps, 4 biases; 4x4x4 sums of 6 products
        ("conv", (4, 4, 4), 4 * 6 + 4, 64 * 6, 8 * (64 + 28)),
        # 4 kernels of 2x2; each of 4x4x4 entries is spread by 4 products
        ("up", (1, 8, 8), 16, 64 * 4, 8 * (64 + 16)),
        ("flat", (64,), 0, 0, 8 * 64),
        ("dense", (3,), 64 * 3 + 3, 64 * 3, 8 * (3 + 195)),
        ("norm", (3,), 6, 3, 8 * (3 + 6)),
    ]
    assert [(row.name, row.shape, row.memory) for row in table.inputs] == [("x", (2, 5, 6), 8 * 60)]
    assert (table.parameters, table.multiply_adds, table.memory) == (245, 835, 4024)
    assert table.failing == ()


def test_the_table_reads_as_a_person_would_write_it() -> None:
    lines = str(summary(several())).splitlines()
    assert lines[0] == "several: of many kinds"
    assert lines[1].split() == ["node", "op", "reads", "shape", "parameters", "multiply-adds", "memory"]
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "x Input 2x5x6 480 B",
        "conv Conv 2x3, out_channels 4, groups 2 x 4x4x4 28 384 736 B",
        "up ConvTranspose 2x2, stride 2, bias false conv 1x8x8 16 256 640 B",
        "flat Flatten up 64 0 0 512 B",
        "dense Dense out_features 3, frozen flat 3 195 192 1,584 B",
        "norm BatchNorm dense 3 6 3 72 B",
        "5 nodes, 245 parameters, 835 multiply-adds and 4,024 B for a sample's forward",
    ]


def test_shared_parameters_count_once_and_float32_takes_half() -> None:
    graph = mg.Graph("shared", dtype="float32")
    graph.input("x", (5, 6))
    graph.add("a", mg.Conv(kernel_size=3, padding=1), "x")
    graph.output(graph.add("b", mg.Conv(kernel_size=3), "a", share="a"))
    first, second = summary(graph).rows
    assert (first.parameters, first.multiply_adds, first.memory) == (10, 30 * 9, 4 * (30 + 10))
    assert (second.parameters, second.multiply_adds, second.memory) == (0, 12 * 9, 4 * 12)
    assert second.op == "Conv 3x3, shares a"


def test_the_table_of_a_failing_graph_goes_up_to_the_marked_row() -> None:
    graph = mg.Graph("failing")
    graph.input("x", (5, 6))
    graph.add("last", mg.ReLU(), "wrong")
    graph.add("wrong", mg.Conv(kernel_size=9), "first")
    graph.add("first", mg.Conv(kernel_size=3), "x")
    graph.output("last")
    table = summary(graph)
    assert table.failing == ("wrong",)
    assert [(row.name, row.shape, row.parameters) for row in table.rows] == [
        ("first", (1, 3, 4), 10),
        ("wrong", None, 0),
        ("last", None, 0),
    ]
    drawn = [" ".join(line.split()) for line in str(table).splitlines()[4:]]
    assert drawn[:3] == [
        "first Conv 3x3 x 1x3x4 10 108 176 B",
        "wrong <- here Conv 9x9 first ? 0 0 0 B",
        "last ReLU wrong ? 0 0 0 B",
    ]


def test_all_of_a_graph_is_shown_beside_a_cycle() -> None:
    graph = mg.Graph("cycle")
    graph.input("x", (5, 6))
    graph.add("a", mg.ReLU(), "b")
    graph.add("b", mg.ReLU(), "a")
    graph.output(graph.add("c", mg.ReLU(), "x"))
    table = summary(graph)
    assert table.failing == ("a",)
    assert {row.name: row.shape for row in table.rows} == {"a": None, "b": None, "c": (1, 5, 6)}
    with pytest.raises(DefinitionError, match="the nodes form a cycle: a -> b -> a"):
        _ = graph.order


def test_a_summary_is_of_letters_that_every_terminal_has() -> None:
    assert str(mg.summary(mg.Graph.load("residual"))).isascii()
