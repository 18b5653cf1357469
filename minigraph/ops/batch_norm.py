"""BatchNorm: each channel brought to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.declared.fields import Number
from minigraph.explaining import Index, formula, number, over, products, sum_of
from minigraph.explaining import Step as ExplainedStep
from minigraph.ops.base import Context, Elementwise, Errors, Parameter, attribute, register_op
from minigraph.ops.convolving import bias_gradient


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

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,), scale, bias = inputs, context.parameters["scale"], context.parameters["bias"]
        axes, _ = _layout(x)
        mean, variance = self._statistics(x, context)
        normalized, _ = self._normalized(x, context)
        count, whose = x.size // x.shape[1], "the batch's own" if context.training else "the running"
        taken = {"x": x} if context.training else {}
        at = "[n, c, i, j]" if x.ndim == 4 else "[n, c]"
        by_channel, own = over(x.shape, axes), number

        def of_mean(index: Index) -> str:
            return f"({sum_of(own(x[place]) for place in by_channel(index))}) / {count}"

        def of_variance(index: Index) -> str:
            centre = own(mean[index])
            return f"({sum_of(f'({own(x[place])} - {centre})^2' for place in by_channel(index))}) / {count}"

        return [
            ExplainedStep(
                "mean",
                "The mean of each channel",
                f"Taken off below is {whose} mean: in training over all {count} numbers of the channel, samples "
                "included.",
                "mean[c] = sum of x in channel c / their count",
                "mean",
                {**taken, "mean": mean},
                formula(of_mean if context.training else lambda index: "running mean", mean),
            ),
            ExplainedStep(
                "variance",
                "The variance of each channel",
                "How far a channel's numbers lie from their mean: the mean of the squared distances.",
                "variance[c] = sum of (x - mean[c])^2 in channel c / their count",
                "variance",
                {**taken, "mean": mean, "variance": variance},
                formula(of_variance if context.training else lambda index: "running variance", variance),
            ),
            ExplainedStep(
                "normalized",
                "Bring to mean 0 and variance 1",
                "The mean is taken off and the rest divided by the root of the variance; epsilon keeps that above 0.",
                f"normalized{at} = (x{at} - mean[c]) / sqrt(variance[c] + {self.epsilon:g})",
                "normalized",
                {"x": x, "mean": mean, "variance": variance, "normalized": normalized},
                formula(
                    lambda at: f"({own(x[at])} - {own(mean[at[1]])}) / sqrt({own(variance[at[1]])} + {self.epsilon:g})",
                    normalized,
                ),
            ),
            ExplainedStep(
                "answer",
                "Scale and shift",
                "Each channel is stretched by a learned scale and moved by a learned bias.",
                f"answer{at} = normalized{at} * scale[c] + bias[c]",
                "answer",
                {"normalized": normalized, "scale": scale, "bias": bias, "answer": output},
                products(
                    output,
                    (("normalized", normalized), ("scale", scale)),
                    lambda index: [(index, (index[1],))],
                    lambda index: float(bias[index[1]]),
                ),
            ),
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,), scale = inputs, context.parameters["scale"]
        axes, column = _layout(x)
        normalized, deviation = self._normalized(x, context)
        inner = error * scale.reshape(column)
        direct = inner / deviation
        through_mean, through_variance = np.zeros_like(direct), np.zeros_like(direct)
        if context.training:
            through_mean -= direct.mean(axis=axes, keepdims=True)
            through_variance -= normalized * (direct * normalized).mean(axis=axes, keepdims=True)
        errors = self.backward(error, inputs, output, context)
        made, gradients, own = errors.inputs[0], errors.parameters, number
        at = "[n, c, i, j]" if x.ndim == 4 else "[n, c]"
        root, count = deviation.reshape(-1), x.size // x.shape[1]
        shared = {"error": error, "scale": scale}
        fixed = "" if context.training else " Here the running statistics are used, which no input changes: 0."
        pairs = over(x.shape, axes)
        paths = {"direct": direct, "through_mean": through_mean, "through_variance": through_variance}
        return [
            ExplainedStep(
                "direct",
                "Straight through",
                "If mean and variance stood still, the error would pass times the scale, divided by the root of the "
                "variance.",
                f"direct{at} = error{at} * scale[c] / sqrt(variance[c] + {self.epsilon:g})",
                "direct",
                {**shared, "direct": direct},
                formula(lambda at: f"{own(error[at])} * {own(scale[at[1]])} / {own(root[at[1]])}", direct),
            ),
            ExplainedStep(
                "through_mean",
                "Through the mean",
                "A number that grows moves the mean, which is taken off all numbers of the channel: the channel's mean "
                "error comes off again." + fixed,
                f"through_mean{at} = -(sum of direct in channel c) / {count}",
                "through_mean",
                {"direct": direct, "through_mean": through_mean},
                formula(
                    lambda at: f"-({sum_of(own(direct[place]) for place in pairs((at[1],)))}) / {count}",
                    through_mean,
                ),
            ),
            ExplainedStep(
                "through_variance",
                "Through the variance",
                "A number further out stretches the variance, by which all are divided: what lies along the normalized "
                "numbers comes off as well." + fixed,
                f"through_variance{at} = -normalized{at} * (sum of direct * normalized in channel c) / {count}",
                "through_variance",
                {"direct": direct, "normalized": normalized, "through_variance": through_variance},
                formula(
                    lambda at: (
                        f"-{own(normalized[at])} * ("
                        + sum_of(f"{own(direct[place])} * {own(normalized[place])}" for place in pairs((at[1],)))
                        + f") / {count}"
                    ),
                    through_variance,
                ),
            ),
            ExplainedStep(
                "input_error",
                "The three paths together",
                "A number of the input acts on the answer in three ways, and its error is the sum of all three.",
                "input_error = direct + through_mean + through_variance",
                "input_error",
                {**paths, "input_error": made},
                formula(lambda at: sum_of(own(path[at]) for path in paths.values()), made),
            ),
            ExplainedStep(
                "scale_gradient",
                "The scale's gradient",
                "The scale met every normalized number of its channel: its gradient is their sum, each times its "
                "error.",
                f"scale_gradient[c] = sum in channel c of error{at} * normalized{at}",
                "scale_gradient",
                {"error": error, "normalized": normalized, "scale_gradient": gradients["scale"]},
                products(
                    gradients["scale"],
                    (("error", error), ("normalized", normalized)),
                    lambda index: [(place, place) for place in pairs(index)],
                ),
            ),
            bias_gradient(error, gradients["bias"]),
        ]

    def _statistics(self, x: Array, context: Context) -> tuple[Array, Array]:
        """Mean and variance of each channel, (C,): the batch's in training, else the running ones."""
        if context.training:
            axes, _ = _layout(x)
            return x.mean(axis=axes), x.var(axis=axes)
        return context.state["mean"], context.state["variance"]

    def _normalized(self, x: Array, context: Context) -> tuple[Array, Array]:
        """(x - mean) / sqrt(variance + epsilon), and that root in a shape that broadcasts."""
        _, column = _layout(x)
        mean, variance = self._statistics(x, context)
        deviation: Array = np.sqrt(variance + self.epsilon).reshape(column).astype(x.dtype)
        return (x - mean.reshape(column)) / deviation, deviation


def _layout(x: Array) -> tuple[Any, tuple[int, ...]]:
    """The axes that statistics are taken over, and the shape in which a channel's number broadcasts."""
    return ((0, 2, 3), (-1, 1, 1)) if x.ndim == 4 else ((0,), (-1,))
