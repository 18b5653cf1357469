"""BatchNorm: each channel brought to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.declared.fields import Number
from minigraph.ops.base import Context, Elementwise, Errors, Parameter, attribute, register_op


@register_op
class BatchNorm(Elementwise):
    """scale * (x - mean) / sqrt(variance + epsilon) + bias, for each channel, or for each entry of a vector.

    In training, mean and variance are the batch's own (over samples, rows and columns), and the running ones move
    towards them: running = (1 - momentum) * running + momentum * batch, with the unbiased variance. In inference
    they are the running ones, which is what a forward outside of training uses.
    Source: Ioffe and Szegedy 2015; PyTorch BatchNorm2d.
    """

    family: ClassVar[str] = "normalization"
    reads_output: ClassVar[bool] = False

    epsilon: Number = attribute(1e-5, "added to the variance", gt=0, foreign=("eps",))
    momentum: Number = attribute(0.1, "how far the running statistics move in a step", ge=0, le=1)

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        channels = inputs[0][:1]
        return {"scale": Parameter(channels, 1.0), "bias": Parameter(channels, 0.0)}

    def state(self, *inputs: Shape) -> dict[str, Parameter]:
        channels = inputs[0][:1]
        return {"mean": Parameter(channels, 0.0), "variance": Parameter(channels, 1.0)}

    def next_state(self, inputs: tuple[Array, ...], context: Context) -> dict[str, Array]:
        (x,) = inputs
        axes, _ = _layout(x)
        count = x.size // x.shape[1]
        unbiased = x.var(axis=axes) * (count / max(count - 1, 1))
        kept, moved = 1 - self.momentum, self.momentum
        return {
            "mean": kept * context.state["mean"] + moved * x.mean(axis=axes),
            "variance": kept * context.state["variance"] + moved * unbiased,
        }

    def multiply_adds(self, *inputs: Shape) -> int:
        return int(np.prod(inputs[0]))

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        _, column = _layout(x)
        normal, _ = self._normalized(x, context)
        return normal * context.parameters["scale"].reshape(column) + context.parameters["bias"].reshape(column)

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        axes, column = _layout(x)
        normal, deviation = self._normalized(x, context)
        gradients = {"scale": (error * normal).sum(axis=axes), "bias": error.sum(axis=axes)}
        inner = error * context.parameters["scale"].reshape(column)
        if context.training:
            # Mean and variance depend on x too: what lies along them does not change the answer.
            inner = inner - inner.mean(axis=axes, keepdims=True)
            inner -= normal * (inner * normal).mean(axis=axes, keepdims=True)
        return Errors((inner / deviation,), gradients)

    def _normalized(self, x: Array, context: Context) -> tuple[Array, Array]:
        """(x - mean) / sqrt(variance + epsilon), and that root in a shape that broadcasts."""
        axes, column = _layout(x)
        if context.training:
            mean, variance = x.mean(axis=axes), x.var(axis=axes)
        else:
            mean, variance = context.state["mean"], context.state["variance"]
        deviation: Array = np.sqrt(variance + self.epsilon).reshape(column).astype(x.dtype)
        return (x - mean.reshape(column)) / deviation, deviation


def _layout(x: Array) -> tuple[Any, tuple[int, ...]]:
    """The axes that statistics are taken over, and the shape in which a channel's number broadcasts."""
    return ((0, 2, 3), (-1, 1, 1)) if x.ndim == 4 else ((0,), (-1,))
