import json

import numpy as np
import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from tests.recovery.cases import BINOMIAL, SOBEL, cascade, random_map, teacher


def test_the_bundled_problem_has_rank_25_of_27() -> None:
    definition = mg.Definition.load("two_conv")
    data = load_data(definition, "float64", 0)
    known = mg.identify(definition.graph, data.inputs, data.teacher)
    assert (known.equations, known.unknowns) == (64, 27)
    assert known.rank_at_random == [25, 25, 25]
    assert (known.rank_at_teacher, known.rank_of_graph) == (25, 25)
    assert known.null_directions == ["scale between conv1 and conv2", "bias line conv1.bias / conv2.bias"]
    assert (known.composite_unknowns, known.composite_rank) == (37, 37)
    assert known.composite_condition == pytest.approx(56.7, abs=0.1)
    assert known.warnings == []
    assert str(known).splitlines() == [
        "64 equations, 27 unknowns",
        "Jacobian rank 25 25 25 at random points, 25 at the teacher; 25 on any number of inputs",
        "free whatever the data: scale between conv1 and conv2",
        "free whatever the data: bias line conv1.bias / conv2.bias",
        "composite: 37 unknowns, rank 37, condition 56.7",
    ]


def test_relu_leaves_a_scale_for_each_channel() -> None:
    known = mg.identify(cascade(hidden=2, between=mg.ReLU()), np.stack([random_map(seed=i) for i in range(4)])[:, None])
    assert known.null_directions == [
        "scale between conv1 and conv2, channel 0",
        "scale between conv1 and conv2, channel 1",
    ]
    assert known.rank_of_graph == known.unknowns - 2
    assert known.not_linear == "'between' is ReLU"
    assert "no composite: 'between' is ReLU" in str(known)


def test_directions_that_are_no_symmetry_of_channels_are_named_by_what_they_change() -> None:
    graph = mg.Graph("sum")
    image = graph.input("image", shape=(8, 8))
    a = graph.add("a", mg.Conv(kernel_size=2, bias=False), image)
    b = graph.add("b", mg.Conv(kernel_size=2, bias=False), image)
    graph.output(graph.add("sum", mg.Add(), a, b))
    known = mg.identify(graph, random_map(8))
    assert known.null_directions == ["a direction of a.kernel, b.kernel"] * 4
    assert known.rank_of_graph == 4


def test_too_few_samples_are_warned_of() -> None:
    known = mg.identify(cascade(size=12), random_map(12))
    assert known.rank_at_random == [16, 16, 16]
    assert known.warnings == [
        "the data tell 16 of the 25 combinations of parameters that the answers depend on: there are too few samples "
        "or too large strides"
    ]
    assert json.loads(json.dumps(known.plain()))["composite_condition"] is None


def test_a_constant_input_is_warned_of() -> None:
    known = mg.identify(cascade(), np.ones((20, 20)))
    assert known.warnings == [
        "the data tell 1 of the 25 combinations of parameters that the answers depend on: the inputs are too alike"
    ]


def test_a_separable_teacher_is_warned_of() -> None:
    graph = cascade()
    known = mg.identify(graph, random_map(), teacher(graph, conv1=SOBEL, conv2=BINOMIAL).parameters)
    assert known.rank_at_teacher is not None
    assert known.rank_at_teacher < 25
    assert known.warnings == [
        f"the Jacobian has rank {known.rank_at_teacher} at the teacher and 25 elsewhere: a singular point, as of "
        "kernels with a common factor or of channels that never act; it is found slowly and not to full precision",
        "conv1.kernel and conv2.kernel are separable (of rank 1): their composite is a product of polynomials in one "
        "variable, whose factors can be dealt out otherwise; zero loss need not mean these kernels",
    ]
    assert mg.identify(graph, random_map(), teacher(graph, conv1=SOBEL).parameters).warnings == []
