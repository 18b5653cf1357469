"""The axis of Softmax and Concat: which values it takes, and that vectors have one axis only."""

from typing import Any

import numpy as np
import pytest

import minigraph as mg
from minigraph.errors import DefinitionError, ShapeError
from minigraph.ops import Op
from tests.helpers import assert_exact, context, raises


@pytest.mark.parametrize("kind", [mg.Softmax, mg.Concat])
@pytest.mark.parametrize("value", [0, 4, -1, True, 1.0, "1", None, [1]])
def test_an_axis_is_1_2_or_3(kind: Any, value: object) -> None:
    with pytest.raises(DefinitionError, match=r"expected 1 \(channels\), 2 \(rows\) or 3 \(columns\)"):
        kind(axis=value)


def test_an_axis_may_be_a_numpy_integer() -> None:
    assert mg.Concat(axis=np.int64(2)) == mg.Concat(axis=2)


@pytest.mark.parametrize(("op", "count"), [(mg.Softmax(axis=2), 1), (mg.Concat(axis=3), 2)])
def test_a_vector_has_no_rows_and_columns(op: Op, count: int) -> None:
    kind = type(op).__name__
    axis = op.written()["axis"]
    with raises(
        ShapeError, f"{kind} along axis {axis} needs a map (C, H, W); found a vector of 5; expected axis 1"
    ) as caught:
        op.output_shape(*[(5,)] * count)
    assert caught.value.attribute == "axis"


def test_a_map_beside_a_vector_is_told_as_such_along_any_axis() -> None:
    with raises(ShapeError, "Concat needs inputs of one number of channels and height along axis 3; found 5, 1x2x5"):
        mg.Concat(axis=3).output_shape((5,), (1, 2, 5))


def test_shares_add_up_to_one_along_their_axis() -> None:
    x = np.log(np.array([[[[1.0, 3], [4, 2]]]]))
    assert_exact(np.round(mg.Softmax(axis=2).forward((x,), context()), 12), [[[[0.2, 0.6], [0.8, 0.4]]]])
    assert_exact(
        np.round(mg.Softmax(axis=3).forward((x,), context()), 12), np.round([[[[1 / 4, 3 / 4], [2 / 3, 1 / 3]]]], 12)
    )


def test_maps_are_lined_up_along_their_rows_or_columns() -> None:
    left, right = np.array([[[[1.0, 2]]]]), np.array([[[[3.0, 4]]]])
    assert_exact(mg.Concat(axis=2).forward((left, right), context()), [[[[1, 2], [3, 4]]]])
    assert_exact(mg.Concat(axis=3).forward((left, right), context()), [[[[1, 2, 3, 4]]]])
