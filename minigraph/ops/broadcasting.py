"""What the ops that combine their inputs entry by entry share: one shape out of several. This file has no op of its
own."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import ShapeError
from minigraph.explaining import Index, Rule, formula, number, over, sum_of
from minigraph.ops.base import Op
from minigraph.steps.steps import Step, batch_last, copying


class Broadcasting(Op):
    """Two inputs or more, all maps or all vectors: along each axis of one length, or of length 1, which is repeated.

    The batch is never repeated. Source: ONNX multidirectional broadcasting; NumPy.
    """

    family: ClassVar[str] = "arithmetic"
    reads_output: ClassVar[bool] = False

    min_inputs: ClassVar[int] = 2
    max_inputs: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        name, shapes = type(self).__name__, ", ".join(map(spell_shape, inputs))
        if len({len(shape) for shape in inputs}) > 1:
            raise ShapeError(f"{name} needs maps alone or vectors alone; found {shapes}", attribute="inputs")
        lengths = [set(along) - {1} for along in zip(*inputs, strict=True)]
        if any(len(along) > 1 for along in lengths):
            raise ShapeError(
                f"{name} needs inputs of one shape, or of length 1 where they differ; found {shapes}",
                attribute="inputs",
            )
        return tuple(along.pop() if along else 1 for along in lengths)

    @staticmethod
    def told_repeats(inputs: tuple[Array, ...], output: Array) -> str:
        """What is said beside the forward where an input is repeated."""
        repeated = any(x.shape != output.shape for x in inputs)
        return " An input of length 1 along an axis is repeated there." if repeated else ""

    @staticmethod
    def told_sum(made: Array, error: Array) -> str:
        """How a sentence about an input's error ends."""
        return "." if made.shape == error.shape else ", summed over all places where the input was repeated."

    @staticmethod
    def summed_text(made: Array, error: Array, product: str = "error") -> str:
        """The right side of the formula of an input's error."""
        return product if made.shape == error.shape else f"the sum of {product} over the repetitions"

    @staticmethod
    def summed_rule(made: Array, passed: Array) -> Rule:
        """How a number of an input's error came about from what passed in each of its repetitions."""
        axes = repeated_axes(made.shape, passed.shape)
        indices = over(passed.shape, axes)

        def text(index: Index) -> str:
            kept = tuple(place for axis, place in enumerate(index) if axis not in axes)
            return sum_of(number(passed[place]) for place in indices(kept))

        return formula(text, made)


def repeated_axes(shape: Shape, whole: Shape) -> tuple[int, ...]:
    """The axes of an input (N, ...) that are repeated to make it as large as the whole."""
    return tuple(axis for axis, (length, full) in enumerate(zip(shape, whole, strict=True)) if length != full)


def summed_to(error: Array, shape: Shape) -> Array:
    """The error of an input (N, ...) from that of each of its repetitions; ``error`` itself if it has none."""
    axes = repeated_axes(shape, error.shape)
    total: Array = error.sum(axis=axes, keepdims=True) if axes else error
    return total


def summing(target: Array, error: Array) -> list[Step]:
    """The steps of :func:`summed_to` that fill ``target``, a copy where nothing is repeated."""
    axes = repeated_axes(target.shape, error.shape)
    if not axes:
        return copying(batch_last(target), batch_last(error))
    return [partial(np.add.reduce, error, axis=axes, keepdims=True, out=target)]
