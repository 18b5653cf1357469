"""Conv: cross-correlation of a map with learned kernels, zero padded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import ClassVar

from minigraph.arrays import Array, Shape
from minigraph.convolution import Geometry, resolve_padding
from minigraph.declared.fields import Count, IntegerPair, Padding, pair
from minigraph.errors import ShapeError
from minigraph.explaining import Step as ExplainedStep
from minigraph.ops import spellings
from minigraph.ops.base import (
    Context,
    Errors,
    Op,
    Parameter,
    PlanBackward,
    Slot,
    attribute,
    register_op,
    require_map,
    required,
)
from minigraph.ops.convolving import Telling, add_bias, bias_gradient
from minigraph.steps.steps import Step, batch_last


@register_op
class Conv(Op):
    """(C, H, W) to (out_channels, P, Q), with P = floor((H + padding - span) / stride) + 1.

    y[n, o, p, q] = bias[o] + sum over c, i, j of kernel[o, c, i, j] * x[n, c, p*stride + i*dilation, ...].
    Parameters: kernel (out_channels, C / groups, kh, kw) and bias (out_channels,).
    Source: ONNX Conv, operator set 22; PyTorch conv2d.
    """

    family: ClassVar[str] = "convolution"
    pictured: ClassVar[str | None] = "kernel"
    reads_output: ClassVar[bool] = False

    kernel_size: IntegerPair = required(
        "the kernel's size, an integer or [vertical, horizontal]", foreign=spellings.KERNEL_SIZE
    )
    out_channels: Count = attribute(1, "channels of the answer", foreign=spellings.CHANNELS)
    stride: IntegerPair = attribute(1, "rows and columns from one window to the next", foreign=spellings.STRIDE)
    padding: Padding = attribute(
        0,
        "zeros around the map: an integer, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'",
        foreign=spellings.PADDING,
    )
    dilation: IntegerPair = attribute(1, "distance between neighbouring taps of the kernel", foreign=spellings.DILATION)
    groups: Count = attribute(1, "groups of channels that do not see each other", foreign=spellings.GROUPS)
    bias: bool = attribute(True, "whether a learned number is added to each channel", foreign=spellings.BIAS)

    def geometry(self, size: tuple[int, int]) -> Geometry:
        """Where the kernel's windows stand on a map of (height, width)."""
        stride, dilation = pair(self.stride), pair(self.dilation)
        sides = resolve_padding(self.padding, size, pair(self.kernel_size), stride, dilation)
        return Geometry(stride, sides, dilation, self.groups)

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, height, width = require_map(inputs[0], "Conv")
        if channels % self.groups:
            raise ShapeError(
                f"groups = {self.groups} does not divide the {channels} channels of the input",
                attribute="groups",
            )
        if self.out_channels % self.groups:
            raise ShapeError(
                f"groups = {self.groups} does not divide out_channels = {self.out_channels}",
                attribute="groups",
            )
        size = height, width
        return (self.out_channels, *self.geometry(size).output_size(size, pair(self.kernel_size)))

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        channels = inputs[0][0]
        kernel = (self.out_channels, channels // self.groups, *pair(self.kernel_size))
        fan_in = prod(kernel[1:])
        fan_out = self.out_channels // self.groups * prod(kernel[2:])
        parameters = {"kernel": Parameter(kernel, "he_normal", fan_in, fan_out)}
        if self.bias:
            parameters["bias"] = Parameter((self.out_channels,), 0.0, fan_in, fan_out)
        return parameters

    @property
    def mixes_channels(self) -> bool:
        return self.groups == 1

    def pads(self, *inputs: Shape) -> bool:
        return any(self.geometry((inputs[0][1], inputs[0][2])).padding)

    def unread(self, *inputs: Shape) -> tuple[int, int]:
        _, height, width = inputs[0]
        return self.geometry((height, width)).unread((height, width), pair(self.kernel_size))

    def multiply_adds(self, *inputs: Shape) -> int:
        return prod(self.output_shape(*inputs)) * inputs[0][0] // self.groups * prod(pair(self.kernel_size))

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        answer = context.convolution.forward(x, context.parameters["kernel"], self.geometry(x.shape[2:]))
        if self.bias:
            answer += context.parameters["bias"].reshape(-1, 1, 1)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        convolution, kernel, size = context.convolution, context.parameters["kernel"], x.shape[2:]
        geometry = self.geometry(size)
        gradients = {"kernel": convolution.kernel_gradient(error, x, geometry, kernel.shape[2:])}
        if self.bias:
            gradients["bias"] = error.sum(axis=(0, 2, 3))
        return Errors((convolution.input_error(error, kernel, geometry, size),), gradients)

    def sample_gradients(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> Mapping[str, Array]:
        (x,), kernel = inputs, context.parameters["kernel"]
        geometry, count = self.geometry(x.shape[2:]), len(x)
        # Samples that lie side by side as groups of channels keep their gradients apart.
        beside = replace(geometry, groups=geometry.groups * count)
        errors, maps = (array.reshape(1, -1, *array.shape[2:]) for array in (error, x))
        gradient = context.convolution.kernel_gradient(errors, maps, beside, kernel.shape[2:])
        gradients = {"kernel": gradient.reshape(count, *kernel.shape)}
        return {**gradients, "bias": error.sum(axis=(2, 3))} if self.bias else gradients

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,), kernel = inputs, context.parameters["kernel"]
        told = self._told(x, context)
        padded = told.pad(x)
        correlated = context.convolution.forward(x, kernel, told.geometry)
        correlate = told.correlate(padded.made, "correlated", correlated)
        return [padded, correlate, add_bias(correlate, context.parameters.get("bias"), output)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        told, gradients = self._told(x, context), self.backward(error, inputs, output, context).parameters
        steps = [*told.back(error, "input_error"), told.kernel_gradient(told.pad(x).made, error, gradients["kernel"])]
        return [*steps, bias_gradient(error, gradients["bias"])] if self.bias else steps

    def _told(self, x: Array, context: Context) -> Telling:
        size = (x.shape[2], x.shape[3])
        return Telling(self.geometry(size), context.parameters["kernel"], size, context.convolution, "error", "x")

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        if slot.context.convolution.name != "fast":
            return super().plan(slot)
        (x,), parameters = slot.inputs, slot.context.parameters
        kernel, bias = parameters["kernel"], parameters.get("bias")
        planned = slot.convolution(x, kernel, bias, slot.output, self.geometry(x.shape[2:]), slot.fixed[0])

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            upstream = batch_last(error)
            steps = planned.parameter_gradients(upstream, gradients.get("kernel"), gradients.get("bias"))
            return steps if inputs[0] is None else [*steps, *planned.input_error(upstream, batch_last(inputs[0]))]

        return planned.forward(), backward
