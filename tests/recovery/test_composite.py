import numpy as np
import pytest
from scipy.signal import convolve2d

import minigraph as mg
from minigraph.recovery.composite import Composite, why_not_linear
from minigraph.recovery.equations import GraphEquations
from tests.helpers import Array, assert_close
from tests.recovery.cases import cascade, random_map, teacher


def test_the_composite_of_two_kernels_is_their_full_convolution() -> None:
    """Two cross-correlations in a row are one with the convolution of both kernels."""
    graph = cascade(stride=1)
    model = teacher(graph, 3)
    entries = Composite(model).kernel_of(model.parameters.trainable)
    first, second = (model.parameters[f"{node}.kernel"][0, 0] for node in ("conv1", "conv2"))
    assert_close(entries[:-1, 0].reshape(6, 6), convolve2d(first, second))
    constant = model.parameters["conv1.bias"][0] * second.sum() + model.parameters["conv2.bias"][0]
    assert entries[-1, 0] == pytest.approx(constant)


def test_least_squares_finds_the_composite_of_the_bundled_problem() -> None:
    definition = mg.Definition.load("two_conv")
    from minigraph.data.loading import load_data

    data = load_data(definition, "float64", 0)
    model = mg.Model(definition.graph, 0)
    fit = Composite(model).fit({"image": data.inputs["image"][None, None]}, data.targets["conv2"][None, None])
    assert (fit.unknowns, fit.rank) == (37, 37)
    first, second = (data.teacher[f"{node}.kernel"][0, 0] for node in ("conv1", "conv2"))
    assert_close(fit.kernel[0, 0], convolve2d(first, second), 1e-13)
    assert fit.loss < 1e-24


def strided() -> mg.Graph:
    """Three convolutions with strides, dilation, padding at the start, channels and gaps in the composite."""
    graph = mg.Graph("strided")
    value = graph.input("image", shape=(2, 19, 21))
    value = graph.add("a", mg.Conv(kernel_size=[1, 2], out_channels=3, stride=2, padding=[1, 0, 2, 1]), value)
    value = graph.add("b", mg.Conv(kernel_size=2, out_channels=2, dilation=[1, 2]), value)
    graph.output(graph.add("c", mg.Conv(kernel_size=2, out_channels=2, groups=2), value))
    return graph


@pytest.mark.parametrize("graph", [cascade(hidden=2, out_channels=2), strided()], ids=["two", "three"])
def test_the_compressed_equations_are_the_least_squares_problem_itself(graph: mg.Graph) -> None:
    model, output = mg.Model(graph, 1), graph.outputs[0]
    generator = np.random.default_rng(5)
    inputs = {"image": generator.normal(size=(3, *graph.inputs["image"]))}
    target: Array = generator.normal(size=(3, *graph.shapes[output]))
    composite = Composite(model)
    fit = composite.fit(inputs, target)
    full, short = GraphEquations(model, inputs, {output: target}), composite.equations(fit)
    assert len(short.residual(model.parameters.trainable)) < target.size
    for _ in range(3):
        p = generator.normal(size=model.parameters.trainable.size)
        (loss, gradient), (less, same) = full.loss_and_gradient(p), short.loss_and_gradient(p)
        assert loss == pytest.approx(less + fit.outside, rel=1e-11)
        assert_close(same, gradient, 1e-11)
        assert loss >= fit.loss
    best = fit.kernel.reshape(len(fit.kernel), -1)
    used = composite.used[:-1]
    outside = np.setdiff1d(np.arange(best.shape[1]), used)
    assert not best[:, outside].any()


def test_the_composite_is_fitted_to_what_is_kept() -> None:
    graph = cascade()
    model = teacher(graph)
    x, wanted = random_map(), teacher(graph).forward(random_map())
    spoiled = wanted.copy()
    spoiled[0, :3] += 100
    kept = np.arange(3, 64)
    fit = Composite(model).fit({"image": x[None, None]}, spoiled[None, None], kept)
    assert fit.loss < 1e-20 * np.sum(wanted**2)


def test_too_few_samples_leave_the_composite_open() -> None:
    graph = cascade(size=12)
    fit = Composite(mg.Model(graph, 0)).fit({"image": random_map(12)[None, None]}, np.ones((1, 1, 4, 4)))
    assert (fit.rank, fit.unknowns, fit.condition) == (16, 37, float("inf"))


def test_what_is_no_linear_cascade_is_told() -> None:
    assert why_not_linear(cascade()) == ""
    assert why_not_linear(strided()) == ""
    assert why_not_linear(cascade(between=mg.ReLU())) == "'between' is ReLU"
    assert why_not_linear(cascade(padding=1)) == "'conv2' pads its input"
    assert why_not_linear(mg.Graph.load("residual")) == "it has 1 inputs and 2 outputs"
    single = mg.Graph("single")
    single.output(single.add("conv", mg.Conv(kernel_size=3), single.input("image", shape=(5, 5))))
    assert why_not_linear(single) == ""
    beside = mg.Graph("beside")
    image = beside.input("image", shape=(5, 5))
    beside.add("a", mg.Conv(kernel_size=3), image)
    beside.output(beside.add("b", mg.Conv(kernel_size=3), image))
    assert why_not_linear(beside) == "'b' does not read 'a'"
    early = cascade()
    early._outputs[:] = ["conv1"]
    assert why_not_linear(early) == "'conv2' is not the output"
