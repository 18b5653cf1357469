"""Every algorithm of the fast engine, forced in turn, with work cut in every way, against outside oracles."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from minigraph.convolution import ENGINES, Geometry, choice, gemm, layer, lists, patches, winograd
from minigraph.convolution.choice import ALGORITHMS, choose, plan_convolution
from minigraph.convolution.fourier import Fourier
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.layer import Layer, Planned
from minigraph.convolution.lists import RunLists
from minigraph.convolution.winograd import Winograd
from minigraph.ops import Conv
from minigraph.steps import steps, threads
from minigraph.steps.steps import batch_first, batch_last
from tests.convolution.drawing import Drawn, convolutions
from tests.helpers import Array, Case, assert_close, assert_exact, figure_cases

CUTS: dict[str, dict[Any, dict[str, Any]]] = {
    "as it is": {},
    "shared": {
        layer: {"FEW_PRODUCTS": -1},
        steps: {"FEW_PRODUCTS": -1, "FEW_NUMBERS": -1},
        lists: {"LANE_PRODUCTS": 300, "LANES_OF_A_THREAD": 1},
    },
    "in small tiles": {patches: {"TILE_BYTES": 700, "COLUMNS": (3, 9)}, winograd: {"TILE_BYTES": 900}},
    "in single entries": {
        layer: {"FEW_PRODUCTS": -1},
        patches: {"TILE_BYTES": 1, "COLUMNS": (1, 1)},
        winograd: {"TILE_BYTES": 1},
        lists: {"LANE_PRODUCTS": 1, "SUMS_BYTES": 1, "ROWS_AT_ONCE": 1},
    },
}
"""How work may be cut: constants of modules that are put over."""


@pytest.fixture(params=CUTS)
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for module, values in CUTS[request.param].items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    return str(request.param)


@pytest.fixture(params=ALGORITHMS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Planned]:
    """Each algorithm in turn, forced."""
    forced: type[Planned] = request.param
    monkeypatch.setattr(lists, "LEAST_PRODUCTS", 0)
    monkeypatch.setattr(choice, "choose", lambda sizes, compiled: forced)
    return forced


def planned(
    x: Array, kernel: Array, error: Array, geometry: Geometry, fixed: bool = False, runs: int = 2
) -> list[Array]:
    """The answer with a bias of 1, 2, ..., the gradients of kernel and bias, and the input's error."""
    bias = np.arange(1, len(kernel) + 1).astype(x.dtype)
    held, errors = (np.ascontiguousarray(batch_last(array)) for array in (x, error))
    answer, filled = np.full_like(errors, np.nan), np.full_like(held, np.nan)
    gradient, bias_gradient = np.full_like(kernel, np.nan), np.full_like(bias, np.nan)
    convolution = plan_convolution(held, kernel, bias, answer, geometry, fixed)
    work = [
        *convolution.forward(),
        *convolution.parameter_gradients(errors, gradient, bias_gradient),
        *convolution.input_error(errors, filled),
    ]
    for _ in range(runs):
        for step in work:
            step()
    return [batch_first(answer), gradient, bias_gradient, batch_first(filled)]


def applies(kind: type[Planned], x: Array, kernel: Array, error: Array, geometry: Geometry) -> bool:
    sizes = Layer(len(x), x.shape[1], x.shape[2:], len(kernel), kernel.shape[2:], error.shape[2:], geometry, x.itemsize)
    return kind.cost(sizes) is not None


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in figure_cases("conv")])
def test_all_passes_are_pytorchs(kind: type[Planned], cut: str, fixed: bool, case: Case) -> None:
    x, kernel, error = case.arrays["input0"], case.arrays["parameter/kernel"], case.arrays["error"]
    geometry = Conv(**case.about["attributes"]).geometry(x.shape[2:])
    if not applies(kind, x, kernel, error, geometry):
        return
    bias = case.arrays.get("parameter/bias", np.zeros(len(kernel)))
    answer, gradient, _, input_error = planned(x, kernel, error, geometry, fixed)
    own = np.arange(1, len(kernel) + 1)
    assert_close(answer + (bias - own).reshape(-1, 1, 1), case.arrays["output"])
    assert_close(gradient, case.arrays["gradient/kernel"])
    assert_close(input_error, case.arrays["input_error0"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whole_numbers_give_exactly_the_sums_of_the_definition(
    kind: type[Planned], cut: str, data: st.DataObject
) -> None:
    drawn = data.draw(convolutions(plain=kind not in (Gemm, RunLists)))
    x, kernel, error = drawn.arrays(integers=True)
    assert applies(kind, x, kernel, error, drawn.geometry)
    answer, gradient, bias_gradient, input_error = planned(x, kernel, error, drawn.geometry, runs=1)
    compare = assert_close if kind is Fourier else assert_exact
    wanted = drawn.answer(x, kernel)
    compare(answer, wanted + np.arange(1, len(kernel) + 1).reshape(-1, 1, 1))
    compare(bias_gradient, error.sum(axis=(0, 2, 3)))
    # <forward(x, k), e> = <x, input_error(e)> = <k, kernel_gradient(e)>
    through_forward = (wanted * error).sum()
    compare((input_error * x).sum(), through_forward)
    compare((gradient * kernel).sum(), through_forward)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_gradient_of_each_tap_is_what_scipy_correlates(kind: type[Planned], data: st.DataObject) -> None:
    drawn = data.draw(convolutions(plain=kind not in (Gemm, RunLists)))
    x, kernel, error = drawn.arrays(integers=False)
    assert applies(kind, x, kernel, error, drawn.geometry)
    _, gradient, _, _ = planned(x, kernel, error, drawn.geometry, runs=1)
    top, left, bottom, right = drawn.geometry.padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (down, across), (tap_down, tap_across) = drawn.geometry.stride, drawn.geometry.dilation
    in_group, out_group = kernel.shape[1], len(kernel) // drawn.geometry.groups
    inserted = np.zeros((*error.shape[:2], (error.shape[2] - 1) * down + 1, (error.shape[3] - 1) * across + 1))
    inserted[:, :, ::down, ::across] = error
    wanted = np.zeros_like(kernel)
    for o, c in np.ndindex(*kernel.shape[:2]):
        for n in range(len(x)):
            every = correlate2d(padded[n, o // out_group * in_group + c], inserted[n, o], mode="valid")
            reached = every[::tap_down, ::tap_across]
            wanted[o, c] += reached[: kernel.shape[2], : kernel.shape[3]]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-12 * np.abs(padded).max() * np.abs(error).sum())


LARGE = Drawn(5, 3, (21, 26), 4, (5, 3), Geometry(padding=(1, 0, 2, 2)), seed=3)


def test_results_have_the_same_bits_on_any_number_of_threads(
    kind: type[Planned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "FEW_PRODUCTS", -1)
    monkeypatch.setattr(lists, "LANE_PRODUCTS", 1000)
    monkeypatch.setattr(lists, "LANES_OF_A_THREAD", 1)
    x, kernel, error = LARGE.arrays(integers=False)
    found = []
    for count in (1, 2, 3, 16, 2):
        monkeypatch.setattr(threads, "_chosen", count)
        threads._forget_pool()
        found.append(planned(x, kernel, error, LARGE.geometry))
    for others in found[1:]:
        for array, other in zip(found[0], others, strict=True):
            assert_exact(array, other)


def test_float32_stays_float32_and_near_float64(kind: type[Planned], cut: str) -> None:
    x, kernel, error = (array.astype(np.float32) for array in LARGE.arrays(integers=False))
    single = planned(x, kernel, error, LARGE.geometry)
    double = planned(x.astype(float), kernel.astype(float), error.astype(float), LARGE.geometry)
    for found, wanted in zip(single, double, strict=True):
        assert found.dtype == np.float32
        assert_close(found.astype(float), wanted, 1e-5)


def test_an_input_that_changes_is_read_anew(kind: type[Planned], cut: str) -> None:
    x, kernel, answer = np.ones((1, 7, 5, 2)), np.ones((1, 1, 3, 3)), np.empty((1, 5, 3, 2))
    work = plan_convolution(x, kernel, None, answer, Geometry()).forward()
    for value in (1, 2):
        x[...] = value
        for step in work:
            step()
        assert_close(answer, np.full((1, 5, 3, 2), 9.0 * value))


def test_the_patches_of_an_input_that_does_not_change_are_kept() -> None:
    x, kernel, answer = np.ones((1, 7, 5, 2)), np.ones((1, 1, 3, 3)), np.empty((1, 5, 3, 2))
    work = plan_convolution(x, kernel, None, answer, Geometry(), fixed=True).forward()
    x[...] = np.nan  # nobody reads it again
    for step in work:
        step()
    assert_close(answer, np.full((1, 5, 3, 2), 9.0))


LAYERS = {
    "small": Layer(1, 1, (20, 20), 1, (3, 3), (18, 18), Geometry(), 8),
    "deep": Layer(32, 64, (32, 32), 64, (3, 3), (30, 30), Geometry(), 4),
    "strided": Layer(32, 64, (32, 32), 64, (3, 3), (15, 15), Geometry((2, 2)), 4),
    "huge kernel": Layer(1, 1, (512, 512), 1, (31, 31), (482, 482), Geometry(), 4),
    "one channel": Layer(1, 1, (512, 512), 1, (3, 3), (510, 510), Geometry(), 4),
    "depthwise": Layer(32, 32, (28, 28), 32, (3, 3), (26, 26), Geometry(groups=32), 4),
}


@pytest.mark.parametrize("batch", [gemm.SHORT_RUN, gemm.SHORT_RUN + 1])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 1)])
def test_the_errors_of_all_phases_come_to_their_places_for_any_number_of_samples(
    batch: int, padding: tuple[int, int, int, int]
) -> None:
    geometry, generator = Geometry(stride=(2, 3), padding=padding), np.random.default_rng(5)
    x, kernel = (generator.integers(-9, 9, shape).astype(float) for shape in ((batch, 2, 8, 9), (3, 2, 4, 5)))
    error = generator.integers(-9, 9, (batch, 3, *geometry.output_size((8, 9), (4, 5)))).astype(float)
    held, errors = (np.ascontiguousarray(batch_last(array)) for array in (x, error))
    filled = np.full_like(held, np.nan)
    convolution = plan_convolution(held, kernel, None, np.empty_like(errors), geometry)
    assert isinstance(convolution, Gemm)
    for step in convolution.convolved(errors, filled):
        step()
    assert_exact(batch_first(filled), ENGINES["naive"].input_error(error, kernel, geometry, (8, 9)))


@pytest.mark.parametrize(
    ("name", "plain", "compiled"),
    [
        ("small", Gemm, Gemm),
        ("deep", Winograd, RunLists),
        ("strided", Gemm, RunLists),
        ("huge kernel", Fourier, Fourier),
        ("one channel", Gemm, RunLists),
        ("depthwise", Gemm, RunLists),
    ],
)
def test_the_choice_follows_from_the_sizes_and_from_what_is_installed(
    name: str, plain: type[Planned], compiled: type[Planned]
) -> None:
    assert choose(LAYERS[name], compiled=True) is compiled
    assert choose(LAYERS[name], compiled=False) is plain


@pytest.mark.parametrize("batch", [1, 2, 5, 7, 15, 16, 17, 32, 33])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 3), (2, 2)])
def test_run_lists_take_any_number_of_samples(
    batch: int, stride: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "choose", lambda sizes, compiled: RunLists)
    drawn = Drawn(batch, 4, (9, 11), 11, (3, 2), Geometry(stride, (1, 2, 0, 1), (2, 1), 1), seed=batch)
    x, kernel, error = drawn.arrays(integers=True)
    for dtype in (np.float64, np.float32):
        single = [array.astype(dtype) for array in (x, kernel, error)]
        answer, gradient, bias_gradient, input_error = planned(*single, drawn.geometry)
        wanted = drawn.answer(x, kernel)
        assert_exact(answer, wanted + np.arange(1, 12).reshape(-1, 1, 1))
        assert_exact(bias_gradient, error.sum(axis=(0, 2, 3)))
        assert (input_error * x).sum(dtype=float) == (gradient * kernel).sum(dtype=float) == (wanted * error).sum()
