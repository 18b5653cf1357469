"""ConvTranspose: what "same" promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigraph as mg
from minigraph.errors import ShapeError

pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(size=pairs, kernel=pairs, stride=pairs, dilation=pairs)
def test_same_padding_answers_with_the_input_times_the_stride(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    op = mg.ConvTranspose(kernel_size=kernel, stride=stride, dilation=dilation, padding="same")
    assert op.output_shape((1, *size)) == (1, size[0] * stride[0], size[1] * stride[1])


@pytest.mark.parametrize("added", [1, (1, 0), (0, 1)])
def test_same_padding_is_refused_beside_an_output_padding(added: int | tuple[int, int]) -> None:
    op = mg.ConvTranspose(kernel_size=3, stride=2, padding="same", output_padding=added)
    with pytest.raises(ShapeError, match="beside padding 'same'") as caught:
        op.output_shape((1, 5, 5))
    assert caught.value.attribute == "output_padding"
