"""The table of how a training step is planned."""

import pytest

import minigraph as mg
from minigraph.convolution import choice, layer
from minigraph.steps import threads
from minigraph.views.plan_table import missed_text, plan_table


def wide() -> mg.Graph:
    graph = mg.Graph("wide", dtype="float32")
    first = graph.add("first", mg.Conv(kernel_size=3, out_channels=64), graph.input("x", (64, 32, 32)))
    relu = graph.add("relu", mg.ReLU(), first)
    graph.output(graph.add("second", mg.Conv(kernel_size=5, out_channels=2, stride=2), relu))
    return graph


@pytest.mark.parametrize(("compiled", "algorithms"), [(True, ["lists", "lists"]), (False, ["winograd", "gemm"])])
def test_each_convolution_has_its_algorithm_its_buffers_and_its_work(
    compiled: bool, algorithms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "has_numba", lambda: compiled)
    found = plan_table(wide(), batch=32)
    assert [row.node for row in found.rows] == ["first", "second"]
    assert [row.algorithm for row in found.rows] == algorithms
    assert all(row.shared for row in found.rows)
    assert [row.multiply_adds for row in found.rows] == [32 * 64 * 30 * 30 * 64 * 9, 32 * 2 * 13 * 13 * 64 * 25]
    assert all(row.multiply_adds > layer.FEW_PRODUCTS and row.bytes > 0 for row in found.rows)
    assert (found.workspace > 0) == (not compiled)
    assert found.missed == ([] if compiled else ["first", "second"])


def test_what_the_extra_would_bring_names_nodes_and_the_command_or_what_forbids_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MINIGRAPH_COMPILED", raising=False)
    assert missed_text(["first", "second"]) == (
        "the convolutions of first, second would be compiled with the extra `compiled`: "
        "pip install 'minigraph[compiled]'"
    )
    monkeypatch.setenv("MINIGRAPH_COMPILED", "0")
    assert missed_text(["first"]) == "the convolution of first is not compiled: MINIGRAPH_COMPILED=0 forbids it"


def test_small_convolutions_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "has_numba", lambda: False)
    assert plan_table(mg.Graph.load("two_conv"), batch=16).missed == []


def test_the_table_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_chosen", 2)
    lines = str(plan_table(mg.Graph.load("two_conv"))).splitlines()
    assert lines[0] == "a training step of 1 sample"
    assert lines[1].split() == ["node", "algorithm", "buffers", "multiply-adds", "shared"]
    assert [line.split()[:2] for line in lines[3:5]] == [["conv1", "gemm"], ["conv2", "gemm"]]
    assert lines[-1].endswith("of workspace for each of 2 threads")


def test_it_says_what_spectra_cost() -> None:
    graph = mg.Graph("large", dtype="float32")
    graph.output(graph.add("large", mg.Conv(kernel_size=31), graph.input("x", (256, 256))))
    table = plan_table(graph)
    assert [row.algorithm for row in table.rows] == ["fft"]
    assert str(table).splitlines()[-1] == (
        "fft: rounding there spreads over a map; one that is 1,000 times brighter than some window of the kernel's "
        "size, or not finite, is summed directly"
    )
