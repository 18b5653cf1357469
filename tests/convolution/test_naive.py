"""The textbook's steps one by one, each against values worked out by hand."""

import numpy as np

from minigraph.convolution import Geometry
from minigraph.convolution.naive import convolve, full_padding, insert_zeros, pad, rotate_180
from tests.helpers import assert_exact

MAP = np.array([[1.0, 2, 3], [4, 5, 6]])


def test_zeros_are_inserted_between_neighbours_only() -> None:
    assert_exact(insert_zeros(MAP, (1, 2)), [[1, 0, 0, 2, 0, 0, 3], [0] * 7, [4, 0, 0, 5, 0, 0, 6]])


def test_no_gaps_leave_the_map_as_it_is() -> None:
    assert_exact(insert_zeros(MAP, (0, 0)), MAP)


def test_zeros_are_inserted_into_each_of_several_maps() -> None:
    maps = np.arange(1.0, 13.0).reshape(2, 1, 2, 3)
    found = insert_zeros(maps, (0, 1))
    assert found.shape == (2, 1, 2, 5)
    assert_exact(found[1, 0], [[7, 0, 8, 0, 9], [10, 0, 11, 0, 12]])


def test_padding_is_top_left_bottom_right() -> None:
    assert_exact(pad(MAP, (1, 2, 0, 1)), [[0] * 6, [0, 0, 1, 2, 3, 0], [0, 0, 4, 5, 6, 0]])
    assert_exact(pad(MAP, (0, 0, 2, 0)), [[1, 2, 3], [4, 5, 6], [0, 0, 0], [0, 0, 0]])


def test_half_a_turn_reverses_both_axes() -> None:
    assert_exact(rotate_180(MAP), [[6, 5, 4], [3, 2, 1]])
    assert_exact(rotate_180(MAP.reshape(1, 1, 2, 3))[0, 0], [[6, 5, 4], [3, 2, 1]])


def test_the_sliding_kernel_is_not_rotated() -> None:
    # Under the kernel 1 0 -1 each row becomes its first entry minus its third.
    assert_exact(convolve(np.array([[5.0, 1, 2, 7]]), np.array([[1.0, 0, -1]])), [[3, -6]])


def test_the_kernel_slides_by_the_stride_and_stops_where_it_no_longer_fits() -> None:
    x = np.arange(20.0).reshape(4, 5)
    # The sums of 2x2 windows at rows 0 and 2 and at columns 0 and 3.
    assert_exact(convolve(x, np.ones((2, 2)), (2, 3)), [[0 + 1 + 5 + 6, 3 + 4 + 8 + 9], [52, 64]])


def test_the_full_padding_is_span_minus_1_and_what_the_stride_left_over() -> None:
    # 7 rows + 1 + 2 of padding = 10, span 3: windows at 0, 4 (stride 4), ending at row 7; rows 7, 8, 9 unread.
    # 8 columns, no padding, span (2 - 1) * 3 + 1 = 4: windows at 0, 2, 4, ending at 8; none unread.
    geometry = Geometry(stride=(4, 2), padding=(1, 0, 2, 0), dilation=(1, 3))
    assert_exact(full_padding(geometry, (7, 8), (3, 2)), (2, 3, 2 + 3, 3))


def test_the_steps_together_are_the_backward_pass() -> None:
    # One axis, kernel 1 2 3 at stride 2 on 6 entries: windows at 0 and 2, entry 5 unread. Error 10 1:
    # the error spread out is 10 0 1, padded 0 0 10 0 1 0 0 0; under the turned kernel 3 2 1 that gives
    # 10, 20, 30 + 1, 2, 3, 0.
    geometry = Geometry(stride=(1, 2))
    spread = insert_zeros(np.array([[10.0, 1]]), (0, 1))
    padded = pad(spread, full_padding(geometry, (1, 6), (1, 3)))
    assert_exact(padded, [[0, 0, 10, 0, 1, 0, 0, 0]])
    assert_exact(convolve(padded, rotate_180(np.array([[1.0, 2, 3]]))), [[10, 20, 31, 2, 3, 0]])
