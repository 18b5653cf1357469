"""Add and Multiply: which shapes go together, and where an error goes that comes to repeated entries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigraph as mg
from minigraph.errors import ShapeError
from minigraph.ops.broadcasting import Broadcasting
from tests.helpers import assert_exact, context, raises
from tests.ops.planning import planned

KINDS = [mg.Add, mg.Multiply]
lengths = st.sampled_from([1, 1, 2, 3])
shapes = st.one_of(st.tuples(lengths, lengths, lengths), st.tuples(lengths))


@given(shapes=st.lists(shapes, min_size=2, max_size=4))
def test_shapes_go_together_as_in_numpy_where_they_have_as_many_axes(shapes: list[tuple[int, ...]]) -> None:
    try:
        wanted = np.broadcast_shapes(*shapes) if len({*map(len, shapes)}) == 1 else None
    except ValueError:
        wanted = None
    for kind in KINDS:
        if wanted is None:
            with pytest.raises(ShapeError) as caught:
                kind().output_shape(*shapes)
            assert caught.value.attribute == "inputs"
        else:
            assert kind().output_shape(*shapes) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_and_a_vector_do_not_go_together(kind: type[Broadcasting]) -> None:
    with raises(ShapeError, f"{kind.__name__} needs maps alone or vectors alone; found 3x1x1, 3"):
        kind().output_shape((3, 1, 1), (3,))


def test_a_gate_scales_each_channel_and_gets_the_sum_of_what_its_channel_gives() -> None:
    gate, x = np.array([[[[2.0]], [[0.0]]]]), np.array([[[[1.0, 2]], [[3, 4]]]])
    error = np.array([[[[1.0, 10]], [[100, 1000]]]])
    wanted = [[[[21]], [[4300]]]], [[[[2, 20]], [[0, 0]]]]
    found = mg.Multiply().backward(error, (gate, x), gate * x, context()).inputs
    output, errors, _ = planned(mg.Multiply(), (gate, x), error)
    assert_exact(output, [[[[2, 4]], [[0, 0]]]])
    for index in (0, 1):
        assert_exact(found[index], wanted[index])
        assert_exact(errors[index], wanted[index])


def test_what_is_added_to_itself_gets_its_error_twice_also_where_it_is_repeated() -> None:
    graph = mg.Graph("twice")
    x, z = graph.input("x", (2, 1, 1)), graph.input("z", (1, 1, 3))
    graph.output(graph.add("sum", mg.Add(), x, z, x))
    model = mg.Model(graph)
    given_x, given_z = np.array([[[1.0]], [[10]]]), np.array([[[1.0, 2, 3]]])
    assert_exact(model.forward({"x": given_x, "z": given_z}), [[[3, 4, 5]], [[21, 22, 23]]])
    gradients = model.backward(np.array([[[1.0, 2, 4]], [[8, 16, 32]]]))
    assert_exact(gradients.inputs["x"], [[[14]], [[112]]])
    assert_exact(gradients.inputs["z"], [[[9, 18, 36]]])
