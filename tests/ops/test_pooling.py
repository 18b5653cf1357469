"""The pools: sizes as PyTorch's formula gives them, values by their definition in plain loops, and what is refused."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigraph as mg
from minigraph.convolution.geometry import resolve_padding
from minigraph.declared.fields import pair
from minigraph.errors import ShapeError
from minigraph.ops.pooling import Pooling
from tests.helpers import Array, assert_close, assert_exact, context, raises
from tests.ops.planning import planned


class Axis:
    """The windows along one axis of a pool, from its attributes: by PyTorch's formula, then place by place."""

    def __init__(self, op: Pooling, size: tuple[int, int], axis: int) -> None:
        stride, dilation = pair(op.kernel_size if op.stride is None else op.stride), pair(op.dilation)
        sides = resolve_padding(op.padding, size, op.kernel, stride, dilation)
        length, kernel, step, gap = size[axis], op.kernel[axis], stride[axis], dilation[axis]
        self.before, self.after = sides[axis], sides[axis + 2]
        self.span = gap * (kernel - 1) + 1
        # pooling_output_shape_pad_lr of PyTorch's ATen/native/Pool.h
        extra = step - 1 if op.ceil_mode else 0
        self.count = (length + self.before + self.after - gap * (kernel - 1) - 1 + extra) // step + 1
        if op.ceil_mode and (self.count - 1) * step >= length + self.before:
            self.count -= 1
        taps = [[p * step - self.before + i * gap for i in range(kernel)] for p in range(self.count)]
        self.entries = [[place for place in row if 0 <= place < length] for row in taps]
        """For each window the places of the map that it reads."""
        self.counted = [sum(place < length + self.after for place in row) for row in taps]
        """For each window how many of its taps stand in the map or its padding."""

    @property
    def sound(self) -> bool:
        """Whether there are windows, and each has an entry of the map."""
        return self.count > 0 and max(self.before, self.after) < self.span and all(self.entries)


pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
attributes = st.fixed_dictionaries(
    {
        "kernel_size": pairs,
        "padding": st.one_of(st.sampled_from(["same", "valid"]), st.tuples(*[st.integers(0, 3)] * 4)),
        "dilation": pairs,
        "ceil_mode": st.booleans(),
    },
    optional={"stride": pairs},
)


@given(
    values=attributes, size=st.tuples(st.integers(1, 7), st.integers(1, 7)), include=st.booleans(), seed=st.integers(0)
)
def test_pools_answer_by_their_definition_or_refuse_windows_of_nothing_but_padding(
    values: dict[str, Any], size: tuple[int, int], include: bool, seed: int
) -> None:
    max_pool, avg_pool = mg.MaxPool(**values), mg.AvgPool(**values, count_include_pad=include)
    rows, columns = Axis(max_pool, size, 0), Axis(max_pool, size, 1)
    if not (rows.sound and columns.sound):
        for op in (max_pool, avg_pool):
            with pytest.raises(ShapeError):
                op.output_shape((1, *size))
        return
    x = np.random.default_rng(seed).normal(size=size)
    largest, mean = np.empty((rows.count, columns.count)), np.empty((rows.count, columns.count))
    for p, q in product(range(rows.count), range(columns.count)):
        entries = x[np.ix_(rows.entries[p], columns.entries[q])]
        largest[p, q] = entries.max()
        mean[p, q] = entries.sum() / (rows.counted[p] * columns.counted[q] if include else entries.size)
    for op, wanted in ((max_pool, largest), (avg_pool, mean)):
        assert op.output_shape((1, *size)) == (1, *wanted.shape)
        assert_close(op.forward((x[None, None],), context())[0, 0], wanted)
        assert_close(planned(op, (x[None, None],), np.ones((1, 1, *wanted.shape)))[0][0, 0], wanted)


def test_a_last_window_that_ceil_mode_adds_is_averaged_over_the_padded_map_only() -> None:
    # Rows of 6 with one column of padding on each side; windows of 3 every 4 columns begin at -1, 3, and 7 is dropped.
    # The one at 3 reads 4, 5, 6; of windows every 3 the last begins at 5: it reads 6, one padding, and one beyond.
    x = np.array([[[[1.0, 2, 3, 4, 5, 6]]]])
    shared: dict[str, Any] = {"kernel_size": (1, 3), "padding": (0, 1), "ceil_mode": True}
    every_three = mg.AvgPool(**shared, stride=(1, 3), count_include_pad=True)
    assert_exact(every_three.forward((x,), context()), [[[[3 / 3, 12 / 3, 6 / 2]]]])
    assert_exact(mg.AvgPool(**shared, stride=(1, 3)).forward((x,), context()), [[[[3 / 2, 12 / 3, 6 / 1]]]])
    assert_exact(mg.AvgPool(**shared, stride=(1, 4)).forward((x,), context()), [[[[3 / 2, 15 / 3]]]])


def test_an_average_with_dilation_counts_what_its_taps_read() -> None:
    x = np.array([[[[1.0, 2, 4, 8, 16]]]])
    op = mg.AvgPool(kernel_size=(1, 3), stride=(1, 1), dilation=(1, 2), padding=(0, 2))
    # Taps at p - 2, p, p + 2.
    assert_exact(op.forward((x,), context()), [[[[5 / 2, 10 / 2, 21 / 3, 10 / 2, 20 / 2]]]])
    included = mg.AvgPool(kernel_size=(1, 3), stride=(1, 1), dilation=(1, 2), padding="same", count_include_pad=True)
    assert_exact(included.forward((x,), context()), [[[[5 / 3, 10 / 3, 21 / 3, 10 / 3, 20 / 3]]]])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_first_nan_of_a_window_is_its_largest_and_minus_infinity_is_larger_than_padding(dtype: str) -> None:
    nan, inf = np.nan, np.inf
    x: Array = np.array([[[[1, nan, nan], [-inf, -inf, -inf], [3, -inf, 5]]]], dtype)
    error: Array = np.array([[[[1, 2], [3, 4]]]], dtype)
    op = mg.MaxPool(kernel_size=2, padding=(0, 1), stride=2, ceil_mode=True)
    # Windows of rows 0 and 1, of row 2; of column 0 with padding before it, of columns 1 and 2.
    answer, wanted = [[[[1, nan], [3, 5]]]], [[[[1, 2, 0], [0, 0, 0], [3, 0, 4]]]]
    lowest = mg.MaxPool(kernel_size=(1, 2), padding=(0, 1), stride=2, ceil_mode=True)
    lowest_x, lowest_error = x[:, :, 1:2], error[:, :, :1]
    for pool, image, upstream, output, errors in [
        (op, x, error, answer, wanted),
        (lowest, lowest_x, lowest_error, [[[[-inf, -inf]]]], [[[[1, 2, 0]]]]),
    ]:
        found = pool.forward((image,), context())
        assert_exact(found, output)
        assert_exact(pool.backward(upstream, (image,), found, context()).inputs[0], errors)
        plan_output, plan_errors, _ = planned(pool, (image,), upstream)
        assert_exact(plan_output, output)
        assert_exact(plan_errors[0], errors)
        assert plan_output.dtype == plan_errors[0].dtype == np.dtype(dtype)


@pytest.mark.parametrize("kind", [mg.MaxPool, mg.AvgPool])
def test_what_would_read_nothing_but_padding_is_told(kind: type[Pooling]) -> None:
    with raises(
        ShapeError,
        "padding 5 at the left makes windows of nothing but padding; expected less than the kernel's span, 5",
    ) as caught:
        kind(kernel_size=3, dilation=2, padding=(0, 5)).output_shape((1, 9, 9))
    assert caught.value.attribute == "padding"
    with raises(
        ShapeError,
        "dilation 10 makes windows of nothing but padding, whose taps stand on both sides of the input's 3 rows; "
        "expected at most 3, or less padding",
    ) as caught:
        kind(kernel_size=(2, 1), dilation=(10, 1), stride=1, padding=(5, 0)).output_shape((1, 3, 3))
    assert caught.value.attribute == "dilation"


def test_a_window_over_padding_on_both_sides_of_the_map_is_refused_where_a_stride_makes_one_only() -> None:
    # The taps of a window that begins 6 before the map stand at -6, -2 and 2: of 3 columns the last. The next begins
    # at -4 (-4, 0, 4), and with a stride of 1 there is one at -5 (-5, -1, 3).
    shared: dict[str, Any] = {"kernel_size": (1, 3), "dilation": (1, 4), "padding": (0, 6)}
    assert mg.MaxPool(**shared, stride=2).output_shape((1, 1, 3)) == (1, 1, 4)
    with pytest.raises(ShapeError, match=r"^dilation 4 makes windows of nothing but padding"):
        mg.MaxPool(**shared, stride=1).output_shape((1, 1, 3))
    # One window only, whose taps stand right before and right behind the map.
    with pytest.raises(ShapeError, match=r"^dilation 4 makes windows of nothing but padding"):
        mg.MaxPool(kernel_size=(1, 2), dilation=(1, 4), padding=(0, 1)).output_shape((1, 1, 3))


def test_an_absurd_dilation_and_padding_are_refused_at_once() -> None:
    most = 1_000_000_000
    with pytest.raises(ShapeError, match="nothing but padding"):
        mg.MaxPool(kernel_size=2, dilation=most, stride=1, padding=most - 1).output_shape((1, 9, 9))


def test_a_kernel_that_even_ceil_mode_cannot_fit_is_told_with_every_number() -> None:
    assert mg.MaxPool(kernel_size=4, stride=2, ceil_mode=True).output_shape((1, 3, 3)) == (1, 1, 1)
    with raises(
        ShapeError,
        "kernel 4x5 does not fit into its input 3x3: output width = ceil((3 + padding 0 + 0 - kernel span 5) / "
        "stride 2) + 1 = 0; expected a kernel span of at most 4, or more padding",
    ) as caught:
        mg.MaxPool(kernel_size=(4, 5), stride=2, ceil_mode=True).output_shape((1, 3, 3))
    assert caught.value.attribute == "kernel_size"


def test_nothing_is_left_unread_where_ceil_mode_reads_beyond_the_map() -> None:
    assert mg.MaxPool(kernel_size=3, stride=2).unread((1, 6, 8)) == (1, 1)
    assert mg.MaxPool(kernel_size=3, stride=2, ceil_mode=True).unread((1, 6, 8)) == (0, 0)
    # A window that would begin in the padding is not added: one row of it stays unread.
    assert mg.MaxPool(kernel_size=2, stride=2, padding=1, ceil_mode=True).unread((1, 3, 3)) == (1, 1)
