"""MaxPool: the largest value under each window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.windows import gather
from minigraph.explaining import Index, formula, number, sum_of
from minigraph.explaining import Step as ExplainedStep
from minigraph.ops.base import Commutes, Context, Errors, PlanBackward, Slot, register_op
from minigraph.ops.pooling import Pooling, bordered, inner, reached
from minigraph.steps.steps import Step, applying, batch_last, copying, empty_batch_last, setter


@register_op
class MaxPool(Pooling):
    """(C, H, W) to (C, P, Q), with P = floor((H + padding - span) / stride) + 1; padding never wins.

    ``ceil_mode`` rounds up instead. Where several entries of a window are the largest, the first one in rows from left
    to right, top to bottom, gets the whole error, as in PyTorch; a window with NaN answers NaN, and the first NaN gets
    it. Source: ONNX MaxPool, operator set 22; PyTorch max_pool2d.
    """

    commutes: ClassVar[Commutes | None] = "homogeneous"

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        answer: Array = self.windows(inputs[0], -np.inf).max(axis=(2, 3))
        return answer

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,), (height, width), size = inputs, self.kernel, error.shape[2:]
        spread = np.zeros((*error.shape[:2], height * width, *size), error.dtype)
        np.put_along_axis(spread, self._winner(x, output)[:, :, None], error[:, :, None], axis=2)
        held = spread.reshape(*error.shape[:2], height, width, *size)
        return Errors((gather(held, self.geometry(x.shape[2:]), x.shape[2:]),))

    def _winner(self, x: Array, output: Array) -> Array:
        """Which tap of each window holds its first largest entry, counted row after row: (N, C, P, Q)."""
        view = self.windows(x, -np.inf)
        largest = (view == output[:, :, None, None]) | np.isnan(view)
        if np.isneginf(output).any():  # padding never wins, not even against -inf
            largest &= self.windows(np.ones((1, 1, *x.shape[2:]), bool), False)
        # (N, C, kh, kw, P, Q) -> (N, C, kh*kw, P, Q)
        winner: Array = largest.reshape(*view.shape[:2], -1, *view.shape[4:]).argmax(axis=2)
        return winner

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        (x,) = inputs
        view, winner = self.windows(x, -np.inf), self._winner(x, output)
        return [
            ExplainedStep(
                "winner",
                "Find the largest of each window",
                f"A window has {self.kernel[0]} x {self.kernel[1]} places, numbered row after row from 0: the "
                "first that "
                "holds the largest number wins. Padding never does.",
                "winner[n, c, p, q] = place of the largest number in the window",
                "winner",
                {"x": x, "winner": winner},
                formula(lambda at: "place of the largest number", winner),
            ),
            ExplainedStep(
                "answer",
                "Keep the largest",
                "Each window answers its largest number; all others are left out.",
                "answer[n, c, p, q] = largest x in the window",
                "answer",
                {"x": x, "winner": winner, "answer": output},
                formula(
                    lambda at: f"max({', '.join(f'{value:.6g}' for value in self.window(view, at).flat)})",
                    output,
                ),
            ),
        ]

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        (x,) = inputs
        winner, input_error = self._winner(x, output), self.backward(error, inputs, output, context).inputs[0]

        def won(index: Index) -> list[Index]:
            taps = self.holding(index, x).items()
            return [window for window, tap in taps if winner[window] == tap[0] * self.kernel[1] + tap[1]]

        return [
            ExplainedStep(
                "input_error",
                "The winner takes the error",
                "Only the number that won was in the answer, and it gets the window's whole error; one that won "
                "in several "
                "windows gets the sum, one that never won gets 0.",
                "input_error[n, c, i, j] = sum of error over the windows that it won",
                "input_error",
                {"error": error, "winner": winner, "input_error": input_error},
                formula(lambda at: sum_of(number(error[window]) for window in won(at)), input_error),
            )
        ]

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        (x,), output = slot.inputs, slot.output
        geometry, size = self.geometry(x.shape[2:]), output.shape[2:]
        padded, forward = bordered(x, geometry, -np.inf)
        taps = [reached(padded, tap, geometry, size) for tap in np.ndindex(*self.kernel)]
        forward += copying(batch_last(output), batch_last(taps[0]))
        for tap in taps[1:]:
            forward += applying(np.maximum, output, output, tap)
        winner, free = (empty_batch_last(output.shape, bool) for _ in range(2))

        def backward(error: Array, inputs: tuple[Array | None, ...], gradients: Mapping[str, Array]) -> list[Step]:
            goal = inputs[0]
            if goal is None:
                return []
            target, _ = bordered(goal, geometry, 0)
            share = empty_batch_last(error.shape, error.dtype)
            steps: list[Step] = [setter(target, 0), setter(free, True)]
            for tap, index in zip(taps, np.ndindex(*self.kernel), strict=True):
                place = reached(target, index, geometry, size)
                steps += applying(np.equal, winner, tap, output)
                steps += applying(np.logical_and, winner, winner, free)
                steps += applying(np.logical_xor, free, free, winner)
                steps += applying(np.multiply, share, error, winner)
                steps += applying(np.add, place, place, share)
            if target is not goal:
                steps += copying(batch_last(goal), batch_last(inner(target, geometry, x.shape[2:])))

            def mend() -> None:
                # NaN is equal to nothing, and -inf to the padding.
                if not np.isfinite(output.min()):
                    goal[...] = self.backward(error, slot.inputs, output, slot.context).inputs[0]

            return [*steps, mend]

        return forward, backward
