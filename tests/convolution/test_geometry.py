"""Sizes: the floor formula, its error text, what the floor leaves over, and "same" padding."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigraph.convolution import Geometry, resolve_padding
from minigraph.errors import ShapeError
from tests.helpers import raises


@pytest.mark.parametrize(
    ("geometry", "size", "kernel", "output", "unread"),
    [
        (Geometry(), (20, 20), (3, 3), (18, 18), (0, 0)),
        (Geometry(stride=(2, 2)), (18, 18), (4, 4), (8, 8), (0, 0)),
        (Geometry(stride=(2, 3)), (8, 10), (3, 2), (3, 3), (1, 2)),
        (Geometry(padding=(1, 2, 3, 4)), (5, 6), (4, 3), (6, 10), (0, 0)),
        (Geometry(dilation=(2, 3)), (9, 9), (3, 3), (5, 3), (0, 0)),
        (Geometry(stride=(5, 4)), (7, 9), (2, 1), (2, 3), (0, 0)),
        (Geometry(stride=(5, 5)), (6, 6), (2, 2), (1, 1), (4, 4)),
    ],
)
def test_the_output_size_is_floored(
    geometry: Geometry, size: tuple[int, int], kernel: tuple[int, int], output: tuple[int, int], unread: tuple[int, int]
) -> None:
    assert geometry.output_size(size, kernel) == output
    assert geometry.unread(size, kernel) == unread


@pytest.mark.parametrize(
    ("geometry", "size", "kernel", "padding"),
    [
        (Geometry(stride=(2, 2)), (7, 8), (3, 3), (0, 0, 0, 1)),  # nothing is left over of the rows
        (Geometry(stride=(3, 4), padding=(1, 0, 2, 1)), (7, 9), (2, 3), (1, 0, 2, 2)),  # rows begin at -1, 2, 5, not 8
        (Geometry(stride=(2, 1), dilation=(2, 3)), (4, 7), (3, 3), (0, 0, 1, 0)),
        (Geometry(stride=(5, 5)), (2, 3), (6, 7), (0, 0, 4, 4)),
    ],
)
def test_a_completed_geometry_has_room_for_a_last_window_that_begins_before_the_padding(
    geometry: Geometry, size: tuple[int, int], kernel: tuple[int, int], padding: tuple[int, int, int, int]
) -> None:
    assert geometry.completed(size, kernel).padding == padding


def test_a_kernel_that_is_too_high_is_told_with_every_number() -> None:
    with raises(
        ShapeError,
        "kernel 4x2 does not fit into its input 5x9: output height = floor((5 + padding 1 + 0 - kernel span 10) "
        "/ stride 2) + 1 = -1; expected a kernel span of at most 6, or more padding",
    ) as caught:
        Geometry((2, 1), (1, 2, 0, 3), (3, 1)).output_size((5, 9), (4, 2))
    assert caught.value.attribute == "kernel_size"


def test_a_kernel_that_is_too_wide_is_told_with_every_number() -> None:
    with raises(
        ShapeError,
        "kernel 3x3 does not fit into its input 20x2: output width = floor((2 + padding 0 + 0 - kernel span 3) "
        "/ stride 1) + 1 = 0; expected a kernel span of at most 2, or more padding",
    ):
        Geometry().output_size((20, 2), (3, 3))


pairs = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(size=st.tuples(st.integers(1, 20), st.integers(1, 20)), kernel=pairs, stride=pairs, dilation=pairs)
def test_same_padding_gives_the_input_over_the_stride_rounded_up(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    top, left, bottom, right = sides = resolve_padding("same", size, kernel, stride, dilation)
    output = Geometry(stride, sides, dilation).output_size(size, kernel)
    assert output == (ceil(size[0] / stride[0]), ceil(size[1] / stride[1]))
    assert 0 <= bottom - top <= 1
    assert 0 <= right - left <= 1


def test_same_padding_puts_the_odd_zero_at_the_bottom_and_right() -> None:
    assert resolve_padding("same", (5, 6), (4, 2), (1, 1)) == (1, 0, 2, 1)
