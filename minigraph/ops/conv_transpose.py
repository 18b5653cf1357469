"""ConvTranspose: a convolution run backwards, which makes maps larger."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.convolution import Geometry, resolve_padding, split_padding
from minigraph.declared.fields import Count, IntegerPair, IntegerPairFromZero, Padding, pair
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
from minigraph.steps.steps import Step, applying, batch_last, empty_batch_last


@register_op
class ConvTranspose(Op):
    """(C, H, W) to (out_channels, P, Q), with P = (H - 1) * stride + span + output_padding - padding.

    Its forward is Conv's error of the input, and its backward Conv's forward. ``padding`` crops the answer; "same"
    makes it H * stride large, and is refused beside an ``output_padding``.
    Parameters: kernel (C, out_channels / groups, kh, kw) and bias (out_channels,).
    Source: ONNX ConvTranspose, operator set 22; PyTorch conv_transpose2d; Dumoulin and Visin 2016, chapter 4.
    """

    family: ClassVar[str] = "transposed convolution"
    foreign_names: ClassVar[tuple[str, ...]] = ("Deconvolution",)
    reads_output: ClassVar[bool] = False

    kernel_size: IntegerPair = required(
        "the kernel's size, an integer or [vertical, horizontal]", foreign=spellings.KERNEL_SIZE
    )
    out_channels: Count = attribute(1, "channels of the answer", foreign=spellings.CHANNELS)
    stride: IntegerPair = attribute(
        1, "rows and columns of the answer from one window to the next", foreign=spellings.STRIDE
    )
    padding: Padding = attribute(
        0,
        "cropped off the answer: an integer, [vertical, horizontal], [top, left, bottom, right], 'valid' or 'same'",
        foreign=spellings.PADDING,
    )
    dilation: IntegerPair = attribute(1, "distance between neighbouring taps of the kernel", foreign=spellings.DILATION)
    groups: Count = attribute(1, "groups of channels that do not see each other", foreign=spellings.GROUPS)
    bias: bool = attribute(True, "whether a learned number is added to each channel", foreign=spellings.BIAS)
    output_padding: IntegerPairFromZero = attribute(
        0, "rows and columns added at the bottom and right, below the stride"
    )

    def geometry(self) -> Geometry:
        """Where the kernel's windows stand on the answer."""
        stride, dilation, kernel = pair(self.stride), pair(self.dilation), pair(self.kernel_size)
        if self.padding == "same":
            spans = Geometry(dilation=dilation).span(kernel)
            sides = split_padding(max(0, spans[0] - stride[0]), max(0, spans[1] - stride[1]))
        else:
            sides = resolve_padding(self.padding, (1, 1), kernel, stride)
        return Geometry(stride, sides, dilation, self.groups)

    def answer_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the answer to a map of (height, width)."""
        geometry = self.geometry()
        spans, added = geometry.span(pair(self.kernel_size)), pair(self.output_padding)
        full = [(size[axis] - 1) * geometry.stride[axis] + spans[axis] + added[axis] for axis in (0, 1)]
        if self.padding == "same":
            # A span below the stride leaves rows that no window reaches: they belong to the answer all the same.
            full = [max(full[axis], size[axis] * geometry.stride[axis]) for axis in (0, 1)]
        return (
            full[0] - geometry.padding[0] - geometry.padding[2],
            full[1] - geometry.padding[1] - geometry.padding[3],
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        channels, height, width = require_map(inputs[0], "ConvTranspose")
        for what, count in (("the channels of the input", channels), ("out_channels", self.out_channels)):
            if count % self.groups:
                raise ShapeError(f"groups = {self.groups} does not divide {what}, {count}", attribute="groups")
        stride, added = pair(self.stride), pair(self.output_padding)
        if self.padding == "same" and any(added):
            raise ShapeError(
                f"output_padding {added[0]}x{added[1]} beside padding 'same', which makes the answer input times "
                f"stride, {height * stride[0]}x{width * stride[1]}; expected one of the two",
                attribute="output_padding",
            )
        if added[0] >= stride[0] or added[1] >= stride[1]:
            raise ShapeError(
                f"output_padding {added[0]}x{added[1]} is not below the stride {stride[0]}x{stride[1]}",
                attribute="output_padding",
            )
        rows, columns = self.answer_size((height, width))
        if rows < 1 or columns < 1:
            sides = self.geometry().padding
            raise ShapeError(
                f"padding {list(sides)} crops the whole answer to {height}x{width}: {rows}x{columns} would be left; "
                "expected less padding",
                attribute="padding",
            )
        return self.out_channels, rows, columns

    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        channels = inputs[0][0]
        kernel = (channels, self.out_channels // self.groups, *pair(self.kernel_size))
        fan_out = prod(kernel[1:])
        fan_in = channels // self.groups * prod(kernel[2:])
        parameters = {"kernel": Parameter(kernel, "he_normal", fan_in, fan_out)}
        if self.bias:
            parameters["bias"] = Parameter((self.out_channels,), 0.0, fan_in, fan_out)
        return parameters

    def multiply_adds(self, *inputs: Shape) -> int:
        return prod(inputs[0]) * self.out_channels // self.groups * prod(pair(self.kernel_size))

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        size = self.answer_size(x.shape[2:])
        answer = context.convolution.input_error(x, context.parameters["kernel"], self.geometry(), size)
        return answer + context.parameters["bias"].reshape(-1, 1, 1) if self.bias else answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        convolution, kernel, geometry = context.convolution, context.parameters["kernel"], self.geometry()
        gradients = {"kernel": convolution.kernel_gradient(x, error, geometry, kernel.shape[2:])}
        if self.bias:
            gradients["bias"] = error.sum(axis=(0, 2, 3))
        return Errors((convolution.forward(error, kernel, geometry),), gradients)

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        steps = self._told(inputs[0], context).back(inputs[0], "convolved")
        return [*steps, add_bias(steps[-1], context.parameters.get("bias"), output)]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,), errors = inputs, self.backward(error, inputs, output, context)
        told = self._told(x, context)
        padded = told.pad(error)
        correlate = told.correlate(padded.made, "input_error", errors.inputs[0])
        steps = [padded, correlate, told.kernel_gradient(padded.made, x, errors.parameters["kernel"])]
        return [*steps, bias_gradient(error, errors.parameters["bias"])] if self.bias else steps

    def _told(self, x: Array, context: Context) -> Telling:
        size = self.answer_size((x.shape[2], x.shape[3]))
        return Telling(self.geometry(), context.parameters["kernel"], size, context.convolution, "x", "error")

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        if slot.context.convolution.name != "fast":
            return super().plan(slot)
        (x,), parameters, geometry = slot.inputs, slot.context.parameters, self.geometry()
        kernel = parameters["kernel"]
        planned = slot.convolution(slot.output, kernel, None, x, geometry, False)
        forward = planned.input_error(batch_last(x), batch_last(slot.output))
        if self.bias:
            forward += applying(np.add, slot.output, slot.output, parameters["bias"].reshape(1, -1, 1, 1))

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            # The gradient's patches are those of the forward, which runs even where nobody needs its answer.
            target = empty_batch_last(x.shape, x.dtype) if inputs[0] is None else inputs[0]
            back = slot.convolution(error, kernel, None, target, geometry, False)
            steps = back.forward()
            if "kernel" in gradients:
                steps += back.parameter_gradients(batch_last(x), gradients["kernel"], None)
            if "bias" in gradients:
                steps.append(partial(np.add.reduce, error, axis=(0, 2, 3), out=gradients["bias"]))
            return steps

        return forward, backward
