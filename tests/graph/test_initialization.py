"""First values: every rule's distribution, every table, and the text of every error."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.errors import DefinitionError, ShapeError
from minigraph.graph.initialization import Explicit, Initializer, Normal, Scheme, Uniform, fit, initializer, to_plain
from minigraph.ops import Parameter
from tests.helpers import Array, assert_exact, raises

LARGE = Parameter((40, 50, 10, 5), "he_normal", fan_in=50, fan_out=200)


def drawn(value: Any, parameter: Parameter = LARGE) -> Array:
    return initializer(value).draw(parameter, np.random.default_rng(0))


# Distributions: 100,000 draws, so that a mean is off by 0.01 deviations once in a thousand runs.


@pytest.mark.parametrize(
    ("value", "mean", "deviation", "bound"),
    [
        ({"distribution": "normal"}, 0.0, 1.0, None),
        ({"distribution": "normal", "mean": 3.0, "std": 0.5}, 3.0, 0.5, None),
        ({"distribution": "uniform"}, 0.5, 1 / sqrt(12), 0.5),
        ({"distribution": "uniform", "low": -3.0, "high": 1}, -1.0, 4 / sqrt(12), 2.0),
        ({"scheme": "he_normal"}, 0.0, sqrt(2 / 50), None),
        ({"scheme": "he_uniform"}, 0.0, sqrt(2 / 50), sqrt(6 / 50)),
        ({"scheme": "glorot_normal"}, 0.0, sqrt(2 / 250), None),
        ({"scheme": "glorot_uniform"}, 0.0, sqrt(2 / 250), sqrt(6 / 250)),
        ({"scheme": "pytorch_uniform"}, 0.0, 1 / sqrt(3 * 50), 1 / sqrt(50)),
    ],
)
def test_every_rule_draws_from_its_distribution(
    value: dict[str, Any], mean: float, deviation: float, bound: float | None
) -> None:
    array = drawn(value)
    assert array.shape == LARGE.shape
    assert array.dtype == np.float64
    assert abs(array.mean() - mean) < 0.015 * deviation
    assert abs(array.std() / deviation - 1) < 0.015
    if bound is not None:
        assert np.abs(array - mean).max() <= bound
        assert np.abs(array - mean).max() > 0.999 * bound
    else:
        assert np.abs(array - mean).max() > 3.5 * deviation


def test_equal_bounds_and_no_deviation_give_one_value() -> None:
    small = Parameter((2, 3), 0.0)
    assert_exact(drawn({"distribution": "uniform", "low": 2, "high": 2}, small), np.full((2, 3), 2.0))
    assert_exact(drawn({"distribution": "normal", "mean": 2, "std": 0}, small), np.full((2, 3), 2.0))


def test_given_values_do_not_advance_the_generator() -> None:
    generator = np.random.default_rng(0)
    initializer(3.0).draw(LARGE, generator)
    assert generator.random() == np.random.default_rng(0).random()


# Given values


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int64(2), [[2, 2, 2]], [[[2.0, 2, 2]]], np.full((1, 1, 1, 3), 2.0)]
)
def test_a_number_or_an_array_fills_the_parameter(value: Any) -> None:
    assert_exact(drawn(value, Parameter((1, 1, 1, 3), 0.0)), np.full((1, 1, 1, 3), 2.0))


def test_what_was_given_can_be_changed_afterwards() -> None:
    given = np.ones((2, 3))
    initial = initializer(given)
    given[...] = 99.0
    array = initial.draw(Parameter((2, 3), 0.0), np.random.default_rng(0))
    assert_exact(array, np.ones((2, 3)))
    array[...] = 99.0
    assert_exact(initial.draw(Parameter((2, 3), 0.0), np.random.default_rng(0)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("values", "shape", "message"),
    [
        ((2, 2), (3, 3), "found an array of shape 2x2; expected 3x3"),
        ((2,), (3, 2), "found an array of shape 2; expected 3x2"),
        (
            (2, 2),
            (1, 1, 3, 3),
            "found an array of shape 2x2; expected 1x1x3x3 (leading axes of length 1 may be left out)",
        ),
        ((1, 1, 3), (1, 3), "found an array of shape 1x1x3; expected 1x3 (leading axes of length 1 may be left out)"),
    ],
)
def test_an_array_that_does_not_fit_is_told_with_both_shapes(
    values: tuple[int, ...], shape: tuple[int, ...], message: str
) -> None:
    with raises(ShapeError, message):
        fit(np.zeros(values), shape)


def test_only_leading_axes_of_length_1_may_be_left_out() -> None:
    assert fit(np.zeros((3, 4)), (1, 1, 3, 4)).shape == (1, 1, 3, 4)
    assert fit(np.zeros(4), (1, 4)).shape == (1, 4)
    with pytest.raises(ShapeError):
        fit(np.zeros((3, 4)), (3, 1, 1, 4))


# Tables


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"distribution": "normal", "mean": 1.0}, Normal(mean=1.0)),
        ({"distribution": "uniform", "low": -1, "high": 1}, Uniform(low=-1.0, high=1.0)),
        ({"scheme": "glorot_uniform"}, Scheme(scheme="glorot_uniform")),
        (3, Explicit(values=3)),
        ([1, [2][0]], Explicit(values=[1, 2])),
        (Normal(), Normal()),
    ],
)
def test_a_users_value_means_a_rule_and_is_written_back(value: Any, wanted: Initializer) -> None:
    assert initializer(value) == wanted
    assert initializer(to_plain(wanted)) == wanted


FORMS = "expected a number, an array of numbers, or a table with 'distribution' or 'scheme'"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("zero", f"found 'zero' (a string); {FORMS}"),
        (True, f"found true (a boolean); {FORMS}"),
        (None, f"found null; {FORMS}"),
        ([], f"found [] (an array); {FORMS}"),
        ([1, "a"], f"found [1, a] (an array); {FORMS}"),
        ([True, False], f"found [true, false] (an array); {FORMS}"),
        (10**30, f"found a huge integer; {FORMS}"),
        ({}, f"found an empty table; {FORMS}"),
        ({"mean": 1.0}, f"found a table with mean; {FORMS}"),
        ([[1, 2], [3]], "found an array with rows of different lengths; expected rows of one length"),
        (float("inf"), "found a number that is not finite; expected finite numbers"),
        ([1.0, float("nan")], "found a number that is not finite; expected finite numbers"),
        (
            {"distribution": "norml"},
            "distribution: found 'norml' (a string); expected one of normal, uniform; did you mean 'normal'?",
        ),
        ({"distribution": 3}, "distribution: found 3 (an integer); expected one of normal, uniform"),
        (
            {"scheme": "he"},
            "scheme: found 'he' (a string); expected one of he_normal, he_uniform, glorot_normal, glorot_uniform, "
            "pytorch_uniform",
        ),
        (
            {"distribution": "normal", "sdt": 1.0},
            "sdt: unknown key 'sdt'; expected one of distribution, mean, std; did you mean 'std'?",
        ),
        ({"distribution": "normal", "std": -1.0}, "std: found -1.0 (a number); expected a number of at least 0"),
        ({"distribution": "normal", "mean": float("nan")}, "mean: found nan (a number); expected a finite number"),
        (
            {"distribution": "normal", "scheme": "he_normal"},
            "scheme: unknown key 'scheme'; expected one of distribution, mean, std",
        ),
    ],
)
def test_what_is_no_initialiser_is_told(value: Any, message: str) -> None:
    with raises(DefinitionError, message):
        initializer(value)


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (0, -1), (-1e308, 1e308)])
def test_bounds_that_no_draw_can_lie_between_are_refused(low: float, high: float) -> None:
    with pytest.raises(DefinitionError):
        initializer({"distribution": "uniform", "low": low, "high": high})


def test_a_flag_among_numbers_is_refused() -> None:
    with pytest.raises(DefinitionError, match="found "):
        initializer([1.0, True])


# In a model


def test_each_parameter_is_drawn_in_topological_order_from_one_generator() -> None:
    model = mg.load("two_conv", seed=15)
    generator = np.random.default_rng(15)
    assert_exact(model.parameters["conv1.kernel"], generator.normal(0.0, 1.0, (1, 1, 3, 3)))
    assert_exact(model.parameters["conv2.kernel"], generator.normal(0.0, 1.0, (1, 1, 4, 4)))


def test_a_kernel_without_a_rule_is_drawn_by_he() -> None:
    graph = mg.Graph("defaults")
    graph.input("x", shape=(8, 9, 10))
    graph.output(graph.add("conv", mg.Conv(kernel_size=(4, 5), out_channels=600, groups=2), "x", init={"bias": 3}))
    parameter = graph.parameters["conv.kernel"]
    assert (parameter.fan_in, parameter.fan_out) == (4 * 4 * 5, 300 * 4 * 5)
    model = mg.Model(graph, seed=0)
    assert abs(model.parameters["conv.kernel"].std() / sqrt(2 / 80) - 1) < 0.02
    assert_exact(model.parameters["conv.bias"], np.full(600, 3.0))


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (mg.Conv(kernel_size=(4, 5), out_channels=600, groups=2), (8, 9, 10)),
        (mg.ConvTranspose(kernel_size=(4, 5), out_channels=600, groups=2), (8, 9, 10)),
        (mg.Dense(out_features=600), (80,)),
    ],
)
def test_a_scheme_draws_a_bias_by_the_fans_of_its_kernel(op: mg.Op, shape: tuple[int, ...]) -> None:
    bias = op.parameters(shape)["bias"]
    values = drawn({"scheme": "pytorch_uniform"}, bias)
    assert 0.98 / sqrt(80) < np.abs(values).max() <= 1 / sqrt(80)
