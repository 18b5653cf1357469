"""Each engine alone against outside oracles: hand-worked cases, the definition, scipy and PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.signal import convolve2d, correlate2d

from minigraph.convolution import ENGINES, Convolution, Geometry, find_engine
from minigraph.errors import DefinitionError
from minigraph.ops import Conv
from tests.convolution.drawing import Drawn, convolutions
from tests.helpers import Case, assert_close, assert_exact, central_difference, figure_cases, raises

# A 4x4 map and a 2x2 kernel: the answer at (p, q) is x[p,q] + 2 x[p,q+1] + 3 x[p+1,q] + 4 x[p+1,q+1].
#
#   1 2 3 0      kernel 1 2     at (0, 0): 1 + 2*2 + 3*0 + 4*1 =  9
#   0 1 2 3             3 4     at (0, 1): 2 + 2*3 + 3*1 + 4*2 = 19
#   3 0 1 2                     at (0, 2): 3 + 2*0 + 3*2 + 4*3 = 21
#   2 3 0 1                     at (1, 0): 0 + 2*1 + 3*3 + 4*0 = 11, and so on along the diagonals
X = np.array([[1.0, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])[None, None]
KERNEL = np.array([[1.0, 2], [3, 4]])[None, None]


def test_a_hand_worked_answer_at_stride_1(convolution: Convolution) -> None:
    answer = convolution.forward(X, KERNEL, Geometry())
    assert_exact(answer[0, 0], [[9, 19, 21], [11, 9, 19], [21, 11, 9]])


def test_a_hand_worked_answer_at_stride_2(convolution: Convolution) -> None:
    answer = convolution.forward(X, KERNEL, Geometry(stride=(2, 2)))
    assert_exact(answer[0, 0], [[9, 21], [21, 9]])


def test_a_hand_worked_backward_pass_at_stride_1(convolution: Convolution) -> None:
    error = np.array([[1.0, 0, 0], [0, 0, 2], [0, -1, 0]])[None, None]
    # The kernel laid once at (0, 0), twice at (1, 2) and minus once at (2, 1), where they overlap summed.
    found = convolution.input_error(error, KERNEL, Geometry(), (4, 4))
    assert_exact(found[0, 0], [[1, 2, 0, 0], [3, 4, 2, 4], [0, -1, 6 - 2, 8], [0, -3, -4, 0]])
    # The window at (0, 0), plus twice that at (1, 2), minus that at (2, 1):
    #   1 2  +  2 * 2 3  -  0 1
    #   0 1         1 2     3 0
    found = convolution.kernel_gradient(error, X, Geometry(), (2, 2))
    assert_exact(found[0, 0], [[5, 7], [-1, 5]])


def test_a_hand_worked_backward_pass_at_stride_2(convolution: Convolution) -> None:
    error = np.array([[1.0, -1], [2, 3]])[None, None]
    geometry = Geometry(stride=(2, 2))
    # The windows do not overlap: each quarter is the kernel times its error.
    found = convolution.input_error(error, KERNEL, geometry, (4, 4))
    assert_exact(found[0, 0], [[1, 2, -1, -2], [3, 4, -3, -4], [2, 4, 3, 6], [6, 8, 9, 12]])
    # Two kinds of windows: (1 + 3) times 1 2 / 0 1, and (-1 + 2) times 3 0 / 2 3.
    found = convolution.kernel_gradient(error, X, geometry, (2, 2))
    assert_exact(found[0, 0], [[7, 8], [2, 7]])


def test_the_row_and_column_that_a_stride_leaves_over_get_zero_error(convolution: Convolution) -> None:
    x = np.pad(X, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=9.0)
    error = np.array([[1.0, -1], [2, 3]])[None, None]
    geometry = Geometry(stride=(2, 2))
    assert_exact(convolution.forward(x, KERNEL, geometry)[0, 0], [[9, 21], [21, 9]])
    found = convolution.input_error(error, KERNEL, geometry, (5, 5))
    assert_exact(found[0, 0], [[1, 2, -1, -2, 0], [3, 4, -3, -4, 0], [2, 4, 3, 6, 0], [6, 8, 9, 12, 0], [0] * 5])
    assert_exact(convolution.kernel_gradient(error, x, geometry, (2, 2))[0, 0], [[7, 8], [2, 7]])


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride"),
    [((9, 11), (3, 4), (1, 1)), ((9, 11), (4, 3), (2, 3)), ((8, 7), (2, 2), (3, 3)), ((5, 6), (5, 6), (1, 1))],
)
def test_one_channel_is_what_scipy_answers(
    convolution: Convolution, size: tuple[int, int], kernel_size: tuple[int, int], stride: tuple[int, int]
) -> None:
    generator = np.random.default_rng(1)
    x, kernel = generator.normal(size=size), generator.normal(size=kernel_size)
    geometry = Geometry(stride=stride)
    wanted = correlate2d(x, kernel, mode="valid")[:: stride[0], :: stride[1]]
    answer = convolution.forward(x[None, None], kernel[None, None], geometry)
    assert_close(answer[0, 0], wanted)

    error = generator.normal(size=wanted.shape)
    inserted = np.zeros([(n - 1) * s + 1 for n, s in zip(error.shape, stride, strict=True)])
    inserted[:: stride[0], :: stride[1]] = error
    read = [n + k - 1 for n, k in zip(inserted.shape, kernel_size, strict=True)]
    wanted = np.zeros(size)
    wanted[: read[0], : read[1]] = convolve2d(inserted, kernel, mode="full")
    found = convolution.input_error(error[None, None], kernel[None, None], geometry, size)
    assert_close(found[0, 0], wanted)
    wanted = correlate2d(x[: read[0], : read[1]], inserted, mode="valid")
    found = convolution.kernel_gradient(error[None, None], x[None, None], geometry, kernel_size)
    assert_close(found[0, 0], wanted)


@pytest.mark.parametrize("case", figure_cases("conv"), ids=lambda case: case.name)
def test_all_passes_are_what_pytorch_answers(convolution: Convolution, case: Case) -> None:
    x, kernel = case.arrays["input0"], case.arrays["parameter/kernel"]
    size, kernel_size = x.shape[2:], kernel.shape[2:]
    geometry = Conv(**case.about["attributes"]).geometry(size)
    bias = case.arrays.get("parameter/bias", np.zeros(len(kernel))).reshape(-1, 1, 1)
    error = case.arrays["error"]
    assert_close(convolution.forward(x, kernel, geometry), case.arrays["output"] - bias)
    assert_close(convolution.input_error(error, kernel, geometry, size), case.arrays["input_error0"])
    assert_close(convolution.kernel_gradient(error, x, geometry, kernel_size), case.arrays["gradient/kernel"])


@pytest.mark.parametrize("name", list(ENGINES))
@settings(max_examples=60)
@given(drawn=convolutions())
def test_whole_numbers_give_exactly_the_sum_of_the_definition(name: str, drawn: Drawn) -> None:
    x, kernel, _ = drawn.arrays(integers=True)
    assert_exact(ENGINES[name].forward(x, kernel, drawn.geometry), drawn.answer(x, kernel))


@pytest.mark.parametrize("name", list(ENGINES))
@settings(max_examples=100)
@given(drawn=convolutions())
def test_both_backward_passes_are_adjoint_to_forward(name: str, drawn: Drawn) -> None:
    x, kernel, error = drawn.arrays(integers=True)
    engine, geometry = ENGINES[name], drawn.geometry
    # <forward(x, k), e> = <x, input_error(e)> = <k, kernel_gradient(e)>, exactly, for whole numbers.
    through_forward = (engine.forward(x, kernel, geometry) * error).sum()
    input_error = engine.input_error(error, kernel, geometry, drawn.size)
    gradient = engine.kernel_gradient(error, x, geometry, drawn.kernel_size)
    assert (input_error.shape, gradient.shape) == (x.shape, kernel.shape)
    assert (input_error * x).sum() == through_forward
    assert (gradient * kernel).sum() == through_forward


@pytest.mark.parametrize("name", list(ENGINES))
@settings(max_examples=60)
@given(drawn=convolutions())
def test_what_no_window_reads_gets_zero_error_and_the_rest_does_not(name: str, drawn: Drawn) -> None:
    _, kernel, error = drawn.arrays(integers=True)
    read = np.zeros(drawn.size, dtype=bool)
    rows, columns = ({place for window in drawn.reads(axis) for place in window} for axis in (0, 1))
    for row, column in np.ndindex(drawn.size):
        read[row, column] = row in rows and column in columns
    found = ENGINES[name].input_error(error, kernel, drawn.geometry, drawn.size)
    assert (found[:, :, ~read] == 0).all()
    assert (found[:, :, read] > 0).all()  # kernel and error are positive


@settings(max_examples=100)
@given(drawn=convolutions())
def test_the_engines_agree(drawn: Drawn) -> None:
    x, kernel, error = drawn.arrays(integers=False)
    reference, *others = ENGINES.values()
    for other in others:
        assert_close(other.forward(x, kernel, drawn.geometry), reference.forward(x, kernel, drawn.geometry), 1e-12)
        assert_close(
            other.input_error(error, kernel, drawn.geometry, drawn.size),
            reference.input_error(error, kernel, drawn.geometry, drawn.size),
        )
        assert_close(
            other.kernel_gradient(error, x, drawn.geometry, drawn.kernel_size),
            reference.kernel_gradient(error, x, drawn.geometry, drawn.kernel_size),
        )


EVERYTHING = Drawn(2, 4, (9, 10), 6, (2, 3), Geometry((3, 2), (1, 0, 2, 3), (2, 3), 2), seed=7)


def test_backward_is_the_central_difference_of_forward(convolution: Convolution) -> None:
    x, kernel, error = EVERYTHING.arrays(integers=True)

    def loss() -> float:
        return float((convolution.forward(x, kernel, EVERYTHING.geometry) * error).sum())

    # Forward is linear in each argument and the data are whole: the differences have no error at all.
    assert_exact(
        convolution.input_error(error, kernel, EVERYTHING.geometry, EVERYTHING.size), central_difference(loss, x, 0.5)
    )
    assert_exact(
        convolution.kernel_gradient(error, x, EVERYTHING.geometry, EVERYTHING.kernel_size),
        central_difference(loss, kernel, 0.5),
    )


def test_the_passes_write_into_no_argument_and_keep_float32(convolution: Convolution) -> None:
    arrays = [array.astype(np.float32) for array in EVERYTHING.arrays(integers=False)]
    for array in arrays:
        array.flags.writeable = False
    x, kernel, error = arrays
    answers = [
        convolution.forward(x, kernel, EVERYTHING.geometry),
        convolution.input_error(error, kernel, EVERYTHING.geometry, EVERYTHING.size),
        convolution.kernel_gradient(error, x, EVERYTHING.geometry, EVERYTHING.kernel_size),
    ]
    for answer in answers:
        assert answer.dtype == np.float32
        assert not any(np.shares_memory(answer, array) for array in arrays)


def test_arrays_in_any_memory_order_give_the_same(convolution: Convolution) -> None:
    x, kernel, error = EVERYTHING.arrays(integers=True)
    strange = np.asfortranarray(x), np.asfortranarray(kernel), np.asfortranarray(error)
    geometry, size, kernel_size = EVERYTHING.geometry, EVERYTHING.size, EVERYTHING.kernel_size
    assert_exact(convolution.forward(strange[0], strange[1], geometry), convolution.forward(x, kernel, geometry))
    assert_exact(
        convolution.input_error(strange[2], strange[1], geometry, size),
        convolution.input_error(error, kernel, geometry, size),
    )
    assert_exact(
        convolution.kernel_gradient(strange[2], strange[0], geometry, kernel_size),
        convolution.kernel_gradient(error, x, geometry, kernel_size),
    )


def test_an_unknown_engine_is_named_with_the_nearest_one() -> None:
    for name, engine in ENGINES.items():
        assert find_engine(name) is engine
    known = ", ".join(ENGINES)
    with raises(DefinitionError, f"engine: found 'naiv'; expected one of {known}; did you mean 'naive'?"):
        find_engine("naiv")
