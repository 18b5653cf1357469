"""Whatever a map holds somewhere, its convolution is as good elsewhere: light, infinities and zeros stay in place."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

import minigraph as mg
from minigraph.convolution import Geometry, choice, lists
from minigraph.convolution.choice import ALGORITHMS, plan_convolution
from minigraph.convolution.fourier import RANGE, Fourier
from minigraph.convolution.layer import Planned
from tests.helpers import Array, assert_exact

DTYPES = {np.float32: 1e-5, np.float64: 1e-12}
"""How near an answer is beside what its own window holds."""
ROWS, COLUMNS = 7, 3
"""Of the kernel; three columns suit every algorithm."""


@pytest.fixture(params=ALGORITHMS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Planned]:
    """Each algorithm in turn, forced where it is not asked for as another's way out."""
    forced: type[Planned] = request.param
    monkeypatch.setattr(lists, "LEAST_PRODUCTS", 0)
    monkeypatch.setattr(choice, "choose", lambda sizes, compiled: forced)
    return forced


def passes(x: Array, kernel: Array, error: Array, fixed: bool = False) -> tuple[Array, Array, Array]:
    """The answer, the kernel's gradient and the input's error, of maps (H, W)."""
    held, errors = (np.ascontiguousarray(array[None, ..., None]) for array in (x, error))
    answer, gradient, filled = np.empty_like(errors), np.empty_like(kernel[None, None]), np.empty_like(held)
    convolution = plan_convolution(held, kernel[None, None], None, answer, Geometry(), fixed)
    work = [*convolution.forward(), *convolution.parameter_gradients(errors, gradient, None)]
    with np.errstate(invalid="ignore"):
        for step in [*work, *convolution.input_error(errors, filled)]:
            step()
    return answer[0, ..., 0], gradient[0, 0], filled[0, ..., 0]


def largest(array: Array) -> Array:
    """The largest value of each window that reaches into a map, as far as it does."""
    grown = np.pad(np.abs(array), ((ROWS - 1, ROWS - 1), (COLUMNS - 1, COLUMNS - 1)))
    return np.lib.stride_tricks.sliding_window_view(grown, (ROWS, COLUMNS)).max(axis=(2, 3))


def drawn(dtype: type, size: int = 60) -> tuple[Array, Array, Array]:
    generator = np.random.default_rng(0)
    shapes = ((size, size), (ROWS, COLUMNS), (size - ROWS + 1, size - COLUMNS + 1))
    x, kernel, error = (generator.normal(size=shape).astype(dtype) for shape in shapes)
    return x, kernel / ROWS, error


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("bright", [1.0, RANGE / 2, 65535.0, 1e12])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bright_pixel_changes_nothing_far_away(kind: type[Planned], dtype: type, bright: float, fixed: bool) -> None:
    x, kernel, error = drawn(dtype)
    x[30, 20] = error[11, 9] = bright
    answer, gradient, filled = passes(x, kernel, error, fixed)
    inner = slice(ROWS - 1, 1 - ROWS), slice(COLUMNS - 1, 1 - COLUMNS)
    exact = [array.astype(np.longdouble) for array in (x, kernel, error)]
    wanted = correlate2d(exact[0], exact[1], mode="valid")
    assert (np.abs(answer - wanted) <= DTYPES[dtype] * largest(x)[inner] * np.abs(kernel).sum()).all()
    wanted = convolve2d(exact[2], exact[1])
    assert (np.abs(filled - wanted)[inner] <= DTYPES[dtype] * largest(error)[inner] * np.abs(kernel).sum()).all()
    wanted = correlate2d(exact[0], exact[2], mode="valid")
    assert np.abs(gradient - wanted).max() <= DTYPES[dtype] * np.abs(wanted).max()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", ["x", "error"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_not_finite_stays_where_it_is_read(kind: type[Planned], dtype: type, where: str, value: float) -> None:
    x, kernel, error = drawn(dtype)
    clean = passes(x, kernel, error)
    (x if where == "x" else error)[30, 20] = value
    answer, gradient, filled = passes(x, kernel, error)
    reached, untouched, passed = (answer, filled, clean[0]) if where == "x" else (filled, answer, clean[2])
    window = np.zeros(reached.shape, bool)
    row, column = (31 - ROWS, 21 - COLUMNS) if where == "x" else (30, 20)
    window[row : row + ROWS, column : column + COLUMNS] = True
    assert_exact(~np.isfinite(reached), window)
    np.testing.assert_allclose(reached[~window], passed[~window], atol=1e-5 if dtype is np.float32 else 1e-12)
    assert np.isfinite(untouched).all()
    assert not np.isfinite(gradient).any()


def test_windows_that_hold_nothing_answer_exactly_nothing() -> None:
    """Also beside much light, with padding and at the map's rim."""
    x, kernel, error = np.zeros((60, 60)), np.ones((7, 7)), np.zeros((62, 62))
    x[20:40, 25:45] = error[0:30, 40:62] = 1e9
    for wide in (False, True):
        geometry = Geometry(padding=(4, 4, 4, 4))
        held, errors = x[None, ..., None].copy(), error[None, ..., None].copy()
        if wide:
            held[0, 0, 0] = errors[0, 61, 0] = 1.0
        answer, filled = np.empty_like(errors), np.empty_like(held)
        layer = choice.Layer(1, 1, (60, 60), 1, kernel.shape, (62, 62), geometry, 8)
        buffers = choice.Buffers(held, kernel[None, None], None, answer, False, choice.Workspace())
        convolution = Fourier(layer, buffers)
        for step in (*convolution.forward(), *convolution.input_error(errors, filled)):
            step()
        padded = np.pad(held[0, ..., 0], 4)
        for found, wanted in (
            (answer, correlate2d(padded, kernel, mode="valid")),
            (filled, convolve2d(errors[0, ..., 0], kernel)[4:-4, 4:-4]),
        ):
            assert_exact(found[0, ..., 0] == 0, wanted == 0)


def test_a_map_that_spectra_would_overflow_is_summed_directly(kind: type[Planned]) -> None:
    x, kernel, error = (np.ones_like(array) for array in drawn(np.float32))
    answer, _, _ = passes(x * 1e30, kernel * 1e3, error)
    assert np.abs(answer / (ROWS * COLUMNS * 1e33) - 1).max() < 1e-5


def test_a_model_is_asked_for_infinities_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for forced in ALGORITHMS:
        monkeypatch.setattr(choice, "choose", lambda sizes, compiled, forced=forced: forced)
        graph = mg.Graph("infinite")
        graph.input("x", shape=(30, 30))
        graph.output(graph.add("y", mg.Conv(kernel_size=3), "x"))
        model, x = mg.Model(graph, seed=0), np.ones((30, 30))
        x[4, 5] = np.inf
        answer = model.forward(x)
        model.backward(answer)
        assert (~np.isfinite(answer)).sum() == 9
