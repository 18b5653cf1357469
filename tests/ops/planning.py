"""What an op's plan computes, for tests that hold it against something else."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigraph.ops import Context, Op
from minigraph.ops.base import Slot
from minigraph.steps.steps import empty_batch_last
from tests.helpers import Array, context


def filled_batch_last(shape: tuple[int, ...], values: Any, dtype: Any = np.float64) -> Array:
    """An array of this shape whose memory is as in a plan."""
    array = empty_batch_last(shape, dtype)
    array[...] = values
    return array


def planned(
    op: Op, inputs: tuple[Array, ...], error: Array, lent: Context | None = None, unwanted: int | None = None
) -> tuple[Array, tuple[Array, ...], Mapping[str, Array]]:
    """The answer, input errors and gradients of the op's plan, run twice over buffers full of rubbish.

    The error of the input with the number ``unwanted`` is not asked for, and stays rubbish.
    """
    lent, dtype = lent or context(), error.dtype
    output, upstream = filled_batch_last(error.shape, np.nan, dtype), filled_batch_last(error.shape, error, dtype)
    places = tuple(filled_batch_last(x.shape, x, dtype) for x in inputs)
    forward, backward = op.plan(Slot("trial", places, (False,) * len(inputs), output, lent))
    errors = tuple(filled_batch_last(x.shape, np.nan, dtype) for x in inputs)
    gradients = {name: np.full_like(array, np.nan) for name, array in lent.parameters.items()}
    targets = tuple(None if index == unwanted else target for index, target in enumerate(errors))
    steps = [*forward, *backward(upstream, targets, gradients)]
    for _ in range(2):
        for step in steps:
            step()
    return output, errors, gradients
