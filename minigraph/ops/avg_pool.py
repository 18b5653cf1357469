"""AvgPool: the mean under each window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.convolution.windows import gather, windows
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import formula, number, sum_of
from minigraph.ops.base import Commutes, Context, Errors, PlanBackward, Slot, attribute, register_op
from minigraph.ops.pooling import Pooling, bordered, inner, reached
from minigraph.steps.steps import Step, applying, batch_last, copying, empty_batch_last, setter


@register_op
class AvgPool(Pooling):
    """(C, H, W) to (C, P, Q), with P = floor((H + padding - span) / stride) + 1.

    ``ceil_mode`` rounds up instead. The divisor counts the entries of the map under the window; with
    ``count_include_pad`` its padding too, but never what ``ceil_mode`` reads beyond the padded map, as in PyTorch.
    Source: ONNX AveragePool, operator set 22; PyTorch avg_pool2d.
    """

    commutes: ClassVar[Commutes | None] = "linear"
    reads_output: ClassVar[bool] = False

    count_include_pad: bool = attribute(False, "whether padding counts in the divisor")

    def pads(self, *inputs: Shape) -> bool:
        return self.count_include_pad and any(self.geometry((inputs[0][1], inputs[0][2])).padding)

    def multiply_adds(self, *inputs: Shape) -> int:
        return self.taps(*inputs)

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        (x,) = inputs
        answer: Array = self.windows(x, 0).sum(axis=(2, 3)) / self._counts(x)
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        share = error / self._counts(x)
        shares = np.broadcast_to(share[:, :, None, None], (*x.shape[:2], *self.kernel, *error.shape[2:]))
        return Errors((gather(shares, self.geometry(x.shape[2:]), x.shape[2:]),))

    def _counts(self, x: Array) -> Array:
        """How many entries each window's sum is divided by: (P, Q)."""
        size = x.shape[2:]
        geometry = self.geometry(size)
        counted = np.zeros((1, 1, *geometry.padded(size)), x.dtype)
        if self.count_include_pad:
            rows, columns = self.declared_geometry(size).padded(size)
            counted[:, :, :rows, :columns] = 1
        else:
            inner(counted, geometry, size)[...] = 1
        view = windows(counted, self.kernel, geometry, geometry.output_size(size, self.kernel))
        counts: Array = view.sum(axis=(2, 3))[0, 0]
        return counts

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,) = inputs
        counts = np.broadcast_to(self._counts(x), output.shape).copy()
        view, padding = self.windows(x, 0), "counts too" if self.count_include_pad else "does not count"
        return [
            ExplainedStep(
                "count",
                "Count what each window holds",
                f"A window has {self.kernel[0]} x {self.kernel[1]} places; padding {padding}.",
                "count[n, c, p, q] = places of the window that count",
                "count",
                {"count": counts},
                formula(lambda at: "places that count", counts),
            ),
            ExplainedStep(
                "answer",
                "The mean of each window",
                "The numbers in a window are added up and divided by their count.",
                "answer[n, c, p, q] = sum over the window of x / count[n, c, p, q]",
                "answer",
                {"x": x, "count": counts, "answer": output},
                formula(
                    lambda at: f"({sum_of(map(number, self.window(view, at).flat))}) / {counts[at]:g}",
                    output,
                ),
            ),
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        counts = np.broadcast_to(self._counts(x), output.shape).copy()
        input_error = self.backward(error, inputs, output, context).inputs[0]
        return [
            ExplainedStep(
                "input_error",
                "Share each error out",
                "Each number of a window made an equal part of its mean and gets that part of its error; from "
                "windows that "
                "overlap it gets the sum.",
                "input_error[n, c, i, j] = sum over the windows that hold it of error / count",
                "input_error",
                {"error": error, "count": counts, "input_error": input_error},
                formula(
                    lambda at: sum_of(
                        f"{number(error[window])} / {counts[window]:g}" for window in self.holding(at, x)
                    ),
                    input_error,
                ),
            )
        ]

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        geometry, size = self.geometry(x.shape[2:]), output.shape[2:]
        counts = np.broadcast_to(self._counts(x), output.shape)
        padded, forward = bordered(x, geometry, 0)
        taps = list(np.ndindex(*self.kernel))
        forward += copying(batch_last(output), batch_last(reached(padded, taps[0], geometry, size)))
        for tap in taps[1:]:
            forward += applying(np.add, output, output, reached(padded, tap, geometry, size))
        forward += applying(np.divide, output, output, counts)

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            if inputs[0] is None:
                return []
            target, _ = bordered(inputs[0], geometry, 0)
            share = empty_batch_last(error.shape, error.dtype)
            steps = [setter(target, 0), *applying(np.divide, share, error, counts)]
            for tap in taps:
                place = reached(target, tap, geometry, size)
                steps += applying(np.add, place, place, share)
            if target is not inputs[0]:
                steps += copying(batch_last(inputs[0]), batch_last(inner(target, geometry, x.shape[2:])))
            return steps

        return forward, backward
