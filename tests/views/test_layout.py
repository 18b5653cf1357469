import random
import time

import numpy as np
import pytest

import minigraph as mg
from minigraph.views.layout import layout
from minigraph.views.plots.graph import curve_points


def chain(length=3):
    graph = mg.Graph("chain")
    name = graph.input("image", (8, 9))
    for index in range(length):
        name = graph.add(f"relu{index}", mg.ReLU(), name)
    graph.output(name)
    return graph


def residual(between=3):
    graph = mg.Graph("residual")
    first = name = graph.add("first", mg.ReLU(), graph.input("image", (8, 9)))
    for index in range(between):
        name = graph.add(f"inner{index}", mg.Sigmoid(), name)
    graph.output(graph.add("sum", mg.Add(), name, first))
    return graph


def diamond():
    graph = mg.Graph("diamond")
    image = graph.input("image", (8, 9))
    graph.output(graph.add("sum", mg.Add(), graph.add("a", mg.ReLU(), image), graph.add("b", mg.Sigmoid(), image)))
    return graph


def wide(branches=12):
    graph = mg.Graph("wide")
    image = graph.input("image", (8, 9))
    names = [graph.add(f"branch{i}", mg.ReLU(), image) for i in range(branches)]
    names[1] = graph.add("longer", mg.ReLU(), names[1])
    graph.output(graph.add("joined", mg.Concat(), *names))
    return graph


def twice():
    graph = mg.Graph("twice")
    image = graph.input("image", (8, 9))
    graph.output(graph.add("far", mg.Add(), graph.add("double", mg.Add(), image, image), image, image))
    return graph


def tangle(nodes, seed, near=12):
    generator = random.Random(seed)
    graph = mg.Graph("tangle")
    names = [graph.input("x", (8, 9)), graph.input("unread", (8, 9)), graph.input("y", (8, 9))]
    del names[1]
    for index in range(nodes):
        count = generator.choice([1, 1, 2, 2, 3])
        sources = [generator.choice(names[-near:] if generator.random() < 0.8 else names) for _ in range(count)]
        name = "a_rather_long_name" * (index % 7 == 0) + f"n{index}"
        names.append(graph.add(name, mg.ReLU() if count == 1 else mg.Add(), *sources))
    graph.output(names[-1])
    return graph


GRAPHS = {
    "chain": chain(),
    "residual": residual(),
    "diamond": diamond(),
    "wide": wide(),
    "twice": twice(),
    **{f"tangle{seed}": tangle(15 + 10 * seed, seed) for seed in range(6)},
    "tangle200": tangle(200, 7, 20),
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]


def corners(plan):
    return {
        name: (x - plan.sizes[name][0] / 2, y - plan.sizes[name][1] / 2, x + plan.sizes[name][0] / 2,
               y + plan.sizes[name][1] / 2)
        for name, (x, y) in plan.positions.items()
    }  # fmt: skip


def test_every_input_and_node_has_a_place_and_every_input_of_a_node_a_line(graph):
    plan = layout(graph)
    assert set(plan.positions) == set(plan.sizes) == {*graph.inputs, *graph.nodes}
    found = [(edge.source, edge.target, edge.index) for edge in plan.edges]
    assert found == [(s, name, i) for name in graph.order for i, s in enumerate(graph.nodes[name].inputs)]


def test_no_two_boxes_touch(graph):
    boxes = list(corners(layout(graph)).values())
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:number]:
            assert right + 5 < other[0] or other[2] + 5 < left or bottom + 5 < other[1] or other[3] + 5 < top


def test_every_line_goes_down_from_its_source_to_its_target(graph):
    plan = layout(graph)
    boxes = corners(plan)
    for edge in plan.edges:
        heights = [y for _, y in edge.points]
        assert heights == sorted(heights)
        (x0, y0), (x1, y1) = edge.points[0], edge.points[-1]
        left, _, right, bottom = boxes[edge.source]
        assert left < x0 < right
        assert y0 == pytest.approx(bottom)
        left, top, right, _ = boxes[edge.target]
        assert left < x1 < right
        assert y1 == pytest.approx(top)


def test_no_line_passes_through_a_box(graph):
    plan = layout(graph)
    boxes = corners(plan)
    for edge in plan.edges:
        points = curve_points(edge, steps=25)
        for name, (left, top, right, bottom) in boxes.items():
            spare = -1e-6 if name in (edge.source, edge.target) else 4.0
            inside = (points > [left - spare, top - spare]) & (points < [right + spare, bottom + spare])
            assert not inside.all(axis=1).any(), (edge.source, edge.target, name)


def test_lines_into_one_box_end_apart(graph):
    ends = {}
    for edge in layout(graph).edges:
        ends.setdefault(edge.target, []).append(edge.points[-1][0])
    for places in ends.values():
        assert (np.diff(sorted(places)) > 2.9).all()


def test_everything_stands_within_the_extent(graph):
    plan = layout(graph)
    points = np.array([point for edge in plan.edges for point in edge.points])
    boxes = np.array(list(corners(plan).values()))
    assert min(points.min(), boxes.min()) == pytest.approx(0)
    assert max(points[:, 0].max(), boxes[:, 2].max()) == pytest.approx(plan.width)
    assert boxes[:, 3].max() == pytest.approx(plan.height)


def test_the_same_graph_has_the_same_layout(graph):
    assert layout(graph) == layout(graph)


@pytest.mark.parametrize("graph", [chain(3), chain(30), residual(1), residual(3)], ids=repr)
def test_a_chain_is_straight_even_where_a_line_passes_it(graph):
    across = [x for x, _ in layout(graph).positions.values()]
    assert across == pytest.approx([across[0]] * len(across))


def test_a_diamond_is_symmetrical():
    x = {name: place[0] for name, place in layout(diamond()).positions.items()}
    assert x["image"] == pytest.approx(x["sum"])
    assert x["a"] + x["b"] == pytest.approx(2 * x["sum"])


def test_two_lines_from_one_box_to_the_next_run_side_by_side():
    first, second = (edge.points for edge in layout(twice()).edges[:2])
    assert first[0][0] == pytest.approx(first[-1][0])
    assert second[-1][0] - first[-1][0] == pytest.approx(second[0][0] - first[0][0])


def test_crossings_that_need_not_be_are_avoided():
    graph = mg.Graph("ladder")
    names = [graph.input(f"in{i}", (4, 5)) for i in range(5)]
    names = [graph.add(f"a{i}", mg.ReLU(), names[i]) for i in (3, 1, 4, 0, 2)]
    graph.output(*[graph.add(f"b{name}", mg.ReLU(), name) for name in sorted(names)])
    assert all(edge.points[0][0] == pytest.approx(edge.points[-1][0]) for edge in layout(graph).edges)


def test_what_no_output_needs_moves_nothing_else():
    graph = residual()
    before = layout(graph).positions
    graph.input("unread", (4, 5))
    graph.add("dead_end", mg.ReLU(), graph.add("dead", mg.ReLU(), "first"))
    after = layout(graph).positions
    across = [after[name][0] for name in before]
    assert across == pytest.approx([across[0]] * len(across), abs=0.01)
    assert abs(after["unread"][0] - after["image"][0]) < 100


def test_given_sizes_are_kept():
    sizes = {"image": (50.0, 20.0), "a": (200.0, 30.0), "b": (70.0, 90.0), "sum": (60.0, 40.0)}
    plan = layout(diamond(), sizes)
    assert plan.sizes == sizes
    assert plan.positions["b"][0] - plan.positions["a"][0] >= 135


def test_two_hundred_nodes_take_less_than_two_seconds():
    graph = tangle(200, 3, 20)
    graph.resolve()
    started = time.perf_counter()
    layout(graph)
    assert time.perf_counter() - started < 2


def test_a_long_chain_meets_no_limit_of_recursion():
    graph = chain(2000)
    assert len(layout(graph).positions) == 2001


def test_a_graph_without_output_is_refused():
    graph = mg.Graph("open")
    graph.input("image", (4, 5))
    with pytest.raises(mg.DefinitionError, match="the graph has no output"):
        layout(graph)
