"""Graphs: names, order, cycles, shapes, sharing, outputs, and the text of every error."""

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pytest

import minigraph as mg
from minigraph.errors import DefinitionError, ShapeError
from minigraph.graph.node import Node
from tests.helpers import diamond, raises

RELU = mg.ReLU()


def declared(nodes: dict[str, tuple[str, ...]], output: str) -> mg.Graph:
    """A graph of ReLU and Add nodes over ``x``, recorded without a look at what they read."""
    graph = mg.Graph("declared")
    graph.input("x", shape=(4, 5))
    for name, sources in nodes.items():
        graph.declare(name, Node(RELU if len(sources) == 1 else mg.Add(), sources))
    graph.output(output)
    return graph


def two_convs(**second: Any) -> mg.Graph:
    """x (2, 9, 8) -> first -> second, both 2x3 from two channels to two, with the second's node as asked."""
    graph = mg.Graph("shared")
    graph.input("x", shape=(2, 9, 8))
    op = second.pop("op", mg.Conv(kernel_size=(2, 3), out_channels=2))
    graph.add("first", mg.Conv(kernel_size=(2, 3), out_channels=2), "x")
    graph.declare("second", Node(op, ("first",), **second))
    graph.output("second")
    return graph


# Order and layers


def test_the_order_puts_each_node_after_what_it_reads() -> None:
    graph = declared({"c": ("b",), "a": ("x",), "b": ("a",)}, "c")
    assert graph.order == ["a", "b", "c"]


def test_of_several_orders_the_one_of_declaration_is_taken() -> None:
    names = ["zeta", "alpha", "mu", "beta", "omega"]
    graph = declared(dict.fromkeys(names, ("x",)), "mu")
    assert graph.order == names


def test_the_order_is_the_same_every_time() -> None:
    nodes = {"sum": ("d", "a"), "d": ("b",), "c": ("a",), "b": ("x",), "a": ("x",)}
    assert declared(nodes, "sum").order == declared(nodes, "sum").order == ["b", "d", "a", "sum", "c"]


def test_layers_are_the_generations_with_the_inputs_first() -> None:
    assert diamond().layers == [["image"], ["conv"], ["relu", "sigmoid"], ["sum"]]


def test_a_node_may_read_one_that_is_added_later() -> None:
    graph = mg.Graph("forward")
    graph.input("image", shape=(8, 9))
    graph.add("last", RELU, "first")
    graph.add("first", mg.Conv(kernel_size=3), "image")
    graph.output("last")
    assert graph.order == ["first", "last"]
    assert graph.shapes == {"image": (1, 8, 9), "first": (1, 6, 7), "last": (1, 6, 7)}


def test_the_order_of_a_thousand_nodes_is_found_quickly() -> None:
    nodes = {f"n{index}": (f"n{index + 1}",) for index in range(1000)}
    graph = declared({**nodes, "n1000": ("x",)}, "n0")
    assert graph.order == [f"n{index}" for index in range(1000, -1, -1)]


# Cycles and dangling names


@pytest.mark.parametrize(
    ("nodes", "path", "cycle"),
    [
        ({"a": ("b",), "b": ("a",)}, "nodes.a.inputs[0]", "a -> b -> a"),
        ({"a": ("a",)}, "nodes.a.inputs[0]", "a -> a"),
        ({"start": ("x",), "b": ("start", "d"), "c": ("b",), "d": ("c",)}, "nodes.b.inputs[1]", "b -> c -> d -> b"),
        ({"a": ("x", "b"), "b": ("a",), "after": ("b",)}, "nodes.a.inputs[1]", "a -> b -> a"),
    ],
)
def test_a_cycle_is_named_from_its_first_node_around(nodes: dict[str, tuple[str, ...]], path: str, cycle: str) -> None:
    graph = declared(nodes, next(iter(nodes)))
    with raises(DefinitionError, f"{path}: the nodes form a cycle: {cycle}; expected a graph without cycles"):
        _ = graph.order


def test_cycles_apart_from_each_other_are_all_named() -> None:
    graph = declared({"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",)}, "a")
    with pytest.raises(DefinitionError, match="a -> b -> a") as caught:
        _ = graph.order
    assert "c -> d -> c" in str(caught.value)


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    graph = declared({"conv": ("x",), "last": ("cnov",)}, "last")
    with raises(
        DefinitionError,
        "nodes.last.inputs[0]: unknown input or node 'cnov'; expected one of x, conv, last; did you mean 'conv'?",
    ):
        _ = graph.shapes


def test_every_problem_is_told_at_once() -> None:
    graph = mg.Graph("many")
    graph.input("x", shape=(4, 5))
    graph.declare("a", Node(RELU, ("gone",)))
    graph.declare("b", Node(mg.Add(), ("x",)))
    graph.declare("c", Node(RELU, ("x",), share="nobody"))
    with pytest.raises(DefinitionError) as caught:
        _ = graph.order
    assert [problem.path for problem in caught.value.problems] == [
        ("outputs",),
        ("nodes", "a", "inputs", 0),
        ("nodes", "c", "share"),
        ("nodes", "b", "inputs"),
    ]


def test_a_graph_without_input_or_output_is_not_sound() -> None:
    with raises(
        DefinitionError,
        "inputs: the graph has no input; expected at least one\n"
        "outputs: the graph has no output; expected at least one node",
    ):
        _ = mg.Graph("empty").order


# Names


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", "é", "a" * 65, "a\n", 3, None])
def test_a_malformed_name_is_refused_everywhere(name: Any) -> None:
    expected = r"expected a name of 1 to 64 letters, digits and underscores that does not begin with a digit"
    graph = mg.Graph("names")
    graph.input("x", shape=(4, 5))
    for attempt in (
        lambda: mg.Graph(name),
        lambda: graph.input(name, shape=(4, 5)),
        lambda: graph.add(name, RELU, "x"),
        lambda: graph.declare(name, Node(RELU, ("x",))),
    ):
        with pytest.raises(DefinitionError, match=expected):
            attempt()


@pytest.mark.parametrize("name", ["a", "_", "A9", "a" * 64])
def test_a_good_name_is_returned(name: str) -> None:
    graph = mg.Graph(name)
    assert graph.input(name, shape=(4, 5)) == name
    assert graph.add("other", RELU, name) == "other"


def test_inputs_and_nodes_share_one_name_space() -> None:
    graph = mg.Graph("names")
    graph.input("x", shape=(4, 5))
    graph.add("node", RELU, "x")
    with raises(DefinitionError, "nodes.x: 'x' is already an input; expected a new name"):
        graph.add("x", RELU, "node")
    with raises(DefinitionError, "inputs.node: 'node' is already a node; expected a new name"):
        graph.input("node", shape=(4, 5))
    assert list(graph.nodes) == ["node"]


@pytest.mark.parametrize("shape", [(4,), (1, 2, 3, 4), (0, 5), (4, -5), (4.0, 5), "ab", None, 4, (True, 5)])
def test_an_input_needs_two_or_three_positive_integers(shape: Any) -> None:
    with pytest.raises(
        DefinitionError, match=r"^inputs\.x\.shape: found .*; expected \[H, W\] or \[C, H, W\], each at least 1$"
    ):
        mg.Graph("shapes").input("x", shape=shape)


def test_an_input_shape_may_be_of_numpy_integers() -> None:
    graph = mg.Graph("shapes")
    graph.input("x", shape=(np.int64(4), np.int32(5)))
    assert graph.inputs == {"x": (1, 4, 5)}


def test_a_wrong_dtype_is_refused() -> None:
    with raises(DefinitionError, "dtype: found 'float16' (a string); expected one of float64, float32"):
        mg.Graph("wrong", dtype="float16")


# Shapes


def test_shapes_are_known_for_every_input_and_node() -> None:
    assert diamond().shapes == {
        "image": (3, 6, 7),
        "conv": (4, 3, 5),
        "relu": (4, 3, 5),
        "sigmoid": (4, 3, 5),
        "sum": (4, 3, 5),
    }


WRONG_SHAPES: list[tuple[mg.Op, tuple[str, ...], str, str | None]] = [
    (
        mg.Conv(kernel_size=(8, 2), padding=(1, 0, 0, 2)),
        ("wide",),
        "node 'node' (Conv) reads 'wide' 3x6x7: kernel 8x2 does not fit into its input 6x7: output height = "
        "floor((6 + padding 1 + 0 - kernel span 8) / stride 1) + 1 = 0; expected a kernel span of at most 7, or more "
        "padding",
        "kernel_size",
    ),
    (
        mg.Conv(kernel_size=2, groups=2, out_channels=4),
        ("wide",),
        "node 'node' (Conv) reads 'wide' 3x6x7: groups = 2 does not divide the 3 channels of the input",
        "groups",
    ),
    (
        mg.Conv(kernel_size=2, groups=3, out_channels=4),
        ("wide",),
        "node 'node' (Conv) reads 'wide' 3x6x7: groups = 3 does not divide out_channels = 4",
        "groups",
    ),
    (
        mg.Add(),
        ("wide", "narrow"),
        "node 'node' (Add) reads 'wide' 3x6x7, 'narrow' 2x6x5: Add needs inputs of one shape, or of "
        "length 1 where they differ; found 3x6x7, 2x6x5",
        "inputs",
    ),
    (
        mg.Concat(),
        ("wide", "narrow"),
        "node 'node' (Concat) reads 'wide' 3x6x7, 'narrow' 2x6x5: Concat needs inputs of one height and width; found "
        "3x6x7, 2x6x5",
        "inputs",
    ),
]


@pytest.mark.parametrize(("op", "inputs", "message", "attribute"), WRONG_SHAPES)
def test_what_an_op_cannot_take_is_told_with_every_number(
    op: mg.Op, inputs: tuple[str, ...], message: str, attribute: str | None
) -> None:
    def with_inputs() -> mg.Graph:
        graph = mg.Graph("wrong")
        graph.input("wide", shape=(3, 6, 7))
        graph.input("narrow", shape=(2, 6, 5))
        return graph

    graph = with_inputs()
    with raises(ShapeError, message) as caught:
        graph.add("node", op, *inputs)
    assert caught.value.attribute == attribute
    assert graph.nodes == {}

    graph = with_inputs()
    graph.declare("node", Node(op, inputs))
    graph.output("node")
    with raises(DefinitionError, f"nodes.node.{attribute}: {message}"):
        _ = graph.shapes


@pytest.mark.parametrize(
    ("op", "inputs", "message"),
    [
        (RELU, (), "nodes.node.inputs: found 0 inputs; expected 1 for ReLU"),
        (RELU, ("x", "x"), "nodes.node.inputs: found 2 inputs; expected 1 for ReLU"),
        (mg.Add(), ("x",), "nodes.node.inputs: found 1 input; expected 2 or more for Add"),
    ],
)
def test_a_wrong_count_of_inputs_is_told(op: mg.Op, inputs: tuple[str, ...], message: str) -> None:
    graph = mg.Graph("counts")
    graph.input("x", shape=(4, 5))
    with raises(DefinitionError, message):
        graph.add("node", op, *inputs)


def test_a_class_in_place_of_an_op_is_refused() -> None:
    graph = mg.Graph("wrong")
    graph.input("x", shape=(4, 5))
    with pytest.raises(DefinitionError, match=r"nodes\.node\.op: found .*; expected an op such as mg\.ReLU\(\)"):
        graph.add("node", mg.ReLU, "x")  # type: ignore[arg-type]


def test_a_list_in_place_of_a_name_is_refused() -> None:
    graph = mg.Graph("wrong")
    graph.input("x", shape=(4, 5))
    with pytest.raises(DefinitionError):
        graph.add("node", RELU, ["x"])  # type: ignore[arg-type]


def test_add_of_a_node_with_itself_keeps_both_readings() -> None:
    graph = mg.Graph("twice")
    graph.input("x", shape=(4, 5))
    graph.output(graph.add("double", mg.Add(), "x", "x"))
    assert graph.nodes["double"].inputs == ("x", "x")
    assert graph.shapes["double"] == (1, 4, 5)
    assert list(graph.to_networkx().edges) == [("x", "double")]


# Outputs


def test_outputs_keep_the_order_in_which_they_were_declared() -> None:
    graph = diamond()
    graph.output("conv", "relu")
    assert graph.outputs == ["sum", "conv", "relu"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("sum",), "outputs[1]: 'sum' is an output already; expected each output once"),
        (("conv", "conv"), "outputs[2]: 'conv' is an output already; expected each output once"),
        (("sun",), "outputs[1]: unknown node 'sun'; expected one of conv, relu, sigmoid, sum; did you mean 'sum'?"),
        (
            ("image",),
            "outputs[1]: 'image' is an input, only a node can be an output; expected one of conv, relu, sigmoid, sum",
        ),
    ],
)
def test_a_wrong_output_is_refused_and_none_is_taken(names: tuple[str, ...], message: str) -> None:
    graph = diamond()
    with raises(DefinitionError, message):
        graph.output(*names)
    assert graph.outputs == ["sum"]


def test_what_no_output_depends_on_is_not_needed() -> None:
    graph = diamond()
    graph.input("unused", shape=(4, 5))
    graph.add("dead", RELU, "conv")
    graph.add("deader", mg.Add(), "dead", "sum")
    assert graph.needed() == {"image", "conv", "relu", "sigmoid", "sum"}


# Parameters, initialisers and sharing


def test_parameters_have_full_names_and_shapes() -> None:
    found = {name: parameter.shape for name, parameter in two_convs().parameters.items()}
    assert found == {
        "first.kernel": (2, 2, 2, 3),
        "first.bias": (2,),
        "second.kernel": (2, 2, 2, 3),
        "second.bias": (2,),
    }


def test_a_shared_parameter_exists_once_under_its_owners_name() -> None:
    graph = two_convs(share="first")
    assert list(graph.parameters) == ["first.kernel", "first.bias"]
    assert graph.owner("second") == graph.owner("first") == "first"


def test_the_owner_is_at_the_end_of_a_chain_of_shares() -> None:
    graph = two_convs(share="first")
    graph.declare("third", Node(mg.Conv(kernel_size=(2, 3), out_channels=2), ("second",), share="second"))
    graph.output("third")
    assert graph.owner("third") == "first"
    assert list(graph.parameters) == ["first.kernel", "first.bias"]


def test_sharing_can_be_built_with_add() -> None:
    graph = mg.Graph("shared")
    graph.input("x", shape=(9, 8))
    graph.add("first", mg.Conv(kernel_size=(2, 3)), "x")
    graph.add("second", mg.Conv(kernel_size=(2, 3)), "first", share="first")
    graph.output("second")
    assert graph.owner("second") == "first"
    assert list(graph.parameters) == ["first.kernel", "first.bias"]


def test_add_refuses_to_share_what_does_not_fit() -> None:
    graph = mg.Graph("shared")
    graph.input("x", shape=(9, 8))
    graph.add("first", mg.Conv(kernel_size=(2, 3)), "x")
    with raises(
        DefinitionError,
        "nodes.second.share: 'second' (Conv: kernel 1x1x3x3, bias 1) cannot use the parameters of 'first' (Conv: "
        "kernel 1x1x2x3, bias 1); expected the same op and the same parameter shapes",
    ):
        graph.add("second", mg.Conv(kernel_size=3), "first", share="first")


def test_a_share_may_differ_in_what_does_not_shape_its_parameters() -> None:
    graph = two_convs(share="first", op=mg.Conv(kernel_size=(2, 3), out_channels=2, stride=2, padding=1))
    assert graph.shapes["second"] == (2, 5, 3)


WRONG_SHARES: list[tuple[dict[str, Any], str]] = [
    (
        {"share": "frist"},
        "nodes.second.share: unknown node 'frist'; expected one of first, second; did you mean 'first'?",
    ),
    (
        {"share": "first", "op": mg.Conv(kernel_size=2, out_channels=2)},
        "nodes.second.share: 'second' (Conv: kernel 2x2x2x2, bias 2) cannot use the parameters of 'first' (Conv: "
        "kernel 2x2x2x3, bias 2); expected the same op and the same parameter shapes",
    ),
    (
        {"share": "first", "op": RELU},
        "nodes.second.share: 'second' (ReLU: no parameters) cannot use the parameters of 'first' (Conv: kernel "
        "2x2x2x3, bias 2); expected the same op and the same parameter shapes",
    ),
    ({"share": "second"}, "nodes.second.share: 'share' goes in a circle: second -> second"),
    (
        {"share": "first", "trainable": False},
        "nodes.second.trainable: 'second' uses the parameters of 'first'; expected trainable there",
    ),
    (
        {"share": "first", "init": {"bias": 0.0}},
        "nodes.second.init.bias: 'second' uses the parameters of 'first'; expected init there",
    ),
]


@pytest.mark.parametrize(("second", "message"), WRONG_SHARES)
def test_a_share_that_cannot_be_is_told(second: dict[str, Any], message: str) -> None:
    with raises(DefinitionError, message):
        _ = two_convs(**second).parameters


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (
            {"kernal": 1.0},
            "nodes.node.init.kernal: unknown parameter 'kernal'; expected one of kernel, bias; did you mean 'kernel'?",
        ),
        (
            {"kernel": [[1, 2], [3, 4]]},
            "nodes.node.init.kernel: found an array of shape 2x2; expected 1x1x2x3 (leading axes of length 1 may be "
            "left out)",
        ),
        (
            {"bias": {"distribution": "norml"}},
            "nodes.node.init.bias.distribution: found 'norml' (a string); expected one of normal, uniform; did you "
            "mean 'normal'?",
        ),
    ],
)
def test_a_wrong_initialiser_is_told(init: dict[str, Any], message: str) -> None:
    graph = mg.Graph("initial")
    graph.input("x", shape=(9, 8))
    with raises(DefinitionError, message):
        graph.add("node", mg.Conv(kernel_size=(2, 3)), "x", init=init)


def test_an_op_without_parameters_takes_no_initialiser() -> None:
    graph = mg.Graph("initial")
    graph.input("x", shape=(9, 8))
    with raises(DefinitionError, "nodes.node.init.bias: unknown parameter 'bias'; ReLU has none"):
        graph.add("node", RELU, "x", init={"bias": 0.0})


# Comparing and showing


def test_equal_graphs_are_equal_whatever_the_order_of_declaration() -> None:
    first = declared({"a": ("x",), "b": ("x",), "c": ("a", "b")}, "c")
    second = declared({"c": ("a", "b"), "b": ("x",), "a": ("x",)}, "c")
    assert first == second


def change_name(graph: mg.Graph) -> None:
    graph.name = "another"


def change_description(graph: mg.Graph) -> None:
    graph.description = "another"


def change_dtype(graph: mg.Graph) -> None:
    graph.dtype = "float32"


def add_input(graph: mg.Graph) -> None:
    graph.input("more", shape=(4, 5))


def add_node(graph: mg.Graph) -> None:
    graph.add("more", RELU, "sum")


def add_output(graph: mg.Graph) -> None:
    graph.output("conv")


@pytest.mark.parametrize("change", [change_name, change_description, change_dtype, add_input, add_node, add_output])
def test_graphs_that_differ_in_anything_are_not_equal(change: Callable[[mg.Graph], None]) -> None:
    changed = diamond()
    assert changed == diamond()
    change(changed)
    assert changed != diamond()


@pytest.mark.parametrize(
    "second", [{"trainable": False}, {"share": "first"}, {"init": {"bias": 1.0}}, {"op": mg.Conv(kernel_size=2)}]
)
def test_graphs_whose_nodes_differ_are_not_equal(second: dict[str, Any]) -> None:
    assert two_convs(**second) != two_convs()


def test_spellings_of_one_attribute_are_equal() -> None:
    assert mg.Conv(kernel_size=3) == mg.Conv(kernel_size=[3, 3])
    assert mg.Conv(kernel_size=3, padding=2) == mg.Conv(kernel_size=3, padding=(2, 2, 2, 2))
    assert mg.Conv(kernel_size=3, padding=(1, 2)) == mg.Conv(kernel_size=3, padding=[1, 2, 1, 2])
    assert mg.Conv(kernel_size=np.int64(3)) == mg.Conv(kernel_size=3)


def test_a_graph_is_no_key_and_no_other_thing() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(diamond())
    assert diamond() != "diamond"


def test_the_networkx_graph_has_every_name_edge_op_and_shape() -> None:
    digraph = diamond().to_networkx()
    assert nx.is_directed_acyclic_graph(digraph)
    assert list(digraph) == ["image", "conv", "relu", "sigmoid", "sum"]
    assert set(digraph.edges) == {
        ("image", "conv"),
        ("conv", "relu"),
        ("conv", "sigmoid"),
        ("relu", "sum"),
        ("sigmoid", "sum"),
    }
    assert digraph.nodes["image"] == {"op": "Input", "inputs": (), "shape": (3, 6, 7)}
    assert digraph.nodes["sum"] == {"op": "Add", "inputs": ("relu", "sigmoid"), "shape": (4, 3, 5)}


def test_the_networkx_graph_has_the_shape_of_nodes_that_were_added_before_what_they_read() -> None:
    graph = mg.Graph("forward")
    graph.input("x", shape=(4, 5))
    graph.add("last", RELU, "first")
    graph.add("first", RELU, "x")
    graph.output("last")
    assert graph.layers == [["x"], ["first"], ["last"]]
    assert graph.to_networkx().nodes["last"]["shape"] == (1, 4, 5)


def test_a_graph_shows_its_size() -> None:
    assert repr(diamond()) == "<Graph diamond: 1 input, 4 nodes, outputs ['sum']>"


def test_what_a_graph_shows_cannot_change_it() -> None:
    graph = diamond()
    graph.inputs.clear()
    graph.nodes.clear()
    graph.outputs.clear()
    graph.order.clear()
    graph.shapes.clear()
    graph.parameters.clear()
    assert graph == diamond()
    assert graph.order == diamond().order
    assert graph.shapes == diamond().shapes


def test_what_was_found_is_found_again_after_a_change() -> None:
    graph = diamond()
    assert graph.order[-1] == "sum"
    graph.add("last", RELU, "sum")
    graph.output("last")
    assert graph.order[-1] == "last"
    assert graph.shapes["last"] == (4, 3, 5)


def test_a_shape_that_no_memory_holds_is_refused() -> None:
    graph = mg.Graph("large")
    graph.input("x", shape=(10**7, 10**7))
    with pytest.raises(ShapeError, match="1x10000000x10000000 has more numbers than the 1,000,000,000,000 that are"):
        graph.add("relu", mg.ReLU(), "x")


@pytest.mark.parametrize("wrong", ["no", None, 1, 0.0])
def test_trainable_is_true_or_false(wrong: Any) -> None:
    graph = mg.Graph("wrong")
    graph.input("x", shape=(4, 5))
    with pytest.raises(DefinitionError, match=r"nodes\.conv\.trainable: found .*; expected true or false"):
        graph.add("conv", mg.Conv(kernel_size=3), "x", trainable=wrong)


def test_a_stride_beyond_counting_is_refused() -> None:
    with pytest.raises(DefinitionError, match="expected integers of at most 1,000,000,000"):
        mg.Conv(kernel_size=3, stride=10**20)
