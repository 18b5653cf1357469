"""Losses: one number for how far an answer is from its target, and the error it sends back.

The formulas and their means are PyTorch's (torch.nn.functional).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from minigraph.arrays import Array
from minigraph.declared.base import NAMED, Declared
from minigraph.declared.fields import Number
from minigraph.declared.registry import Registry
from minigraph.errors import DataError


class Loss(Declared, ABC):
    """A loss of an answer against a target of the same shape."""

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ()}
    code_hints: ClassVar[Mapping[str, str]] = NAMED
    sums: ClassVar[bool] = False
    """Whether it sums over samples, so that the losses of two batches add; otherwise it is a mean."""
    takes_classes: ClassVar[bool] = False
    """Whether the target may be class numbers: integers in the answer's shape without its channels."""

    def squares(self, entries: int) -> float | None:
        """c where the loss of so many entries is c times the sum of their squared differences; None elsewhere."""
        return None

    @abstractmethod
    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        """The loss; dLoss/danswer is written into ``error``. All three arrays have one shape.

        Where ``takes_classes``, the target may also be integers, (N,) for answers (N, F), (N, H, W) for (N, C, H, W).
        """


LOSSES: Registry[Loss] = Registry("loss")


@LOSSES.register("sse")
class SumSquaredError(Loss):
    """The sum of squared differences over everything: samples, channels, rows, columns."""

    sums: ClassVar[bool] = True

    def squares(self, entries: int) -> float:
        return 1.0

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.vdot(error, error))
        np.add(error, error, out=error)
        return loss


@LOSSES.register("mse")
class MeanSquaredError(Loss):
    """The mean of squared differences over everything."""

    def squares(self, entries: int) -> float:
        return 1 / entries

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.vdot(error, error)) / error.size
        np.multiply(error, 2 / error.size, out=error)
        return loss


@LOSSES.register("mae")
class MeanAbsoluteError(Loss):
    """The mean of absolute differences over everything; the derivative at a difference of 0 is 0."""

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.abs(error).mean())
        np.sign(error, out=error)
        error /= error.size
        return loss


@LOSSES.register("huber")
class Huber(Loss):
    """The mean over everything of d*d/2 for differences d up to delta, and of delta*(|d| - delta/2) beyond."""

    delta: Number = Field(default=1.0, gt=0, description="the difference from which on the loss grows linearly")

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        difference = answer - target
        np.clip(difference, -self.delta, self.delta, out=error)
        # With c the clipped difference, both branches are c (d - c/2).
        loss = float((error * (difference - error / 2)).mean())
        error /= error.size
        return loss


@LOSSES.register("bce")
class BinaryCrossEntropy(Loss):
    """The mean over everything of -t*log(p) - (1-t)*log(1-p), for probabilities p and targets t from 0 to 1.

    As in PyTorch, no logarithm is below -100 and no p*(1-p) below 1e-12, so that 0 and 1 are no infinities.
    """

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        if answer.min() < 0 or answer.max() > 1:
            wrong = answer.min() if answer.min() < 0 else answer.max()
            raise DataError(
                f"bce: found an answer of {wrong:.6g}; expected probabilities from 0 to 1, such as a Sigmoid's"
            )
        with np.errstate(divide="ignore"):
            inside, outside = np.maximum(np.log(answer), -100), np.maximum(np.log1p(-answer), -100)
        loss = float(((target - 1) * outside - target * inside).mean())
        np.subtract(answer, target, out=error)
        error /= np.maximum(answer * (1 - answer), 1e-12) * error.size
        return loss


@LOSSES.register("cross_entropy")
class CrossEntropy(Loss):
    """The mean over samples and positions of -sum(t * log(softmax(logits))), over channels.

    The target t is each position's probabilities (one-hot or any), or its class as an integer.
    """

    takes_classes: ClassVar[bool] = True

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        positions = int(answer.size // answer.shape[1])
        shifted = answer - answer.max(axis=1, keepdims=True)
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        np.exp(log_probability, out=error)
        if target.ndim < answer.ndim:
            classes = target[:, None]  # (N, 1, H, W)
            total = float(np.take_along_axis(log_probability, classes, 1).sum())
            np.put_along_axis(error, classes, np.take_along_axis(error, classes, 1) - 1, 1)
        else:
            total = float((target * log_probability).sum())
            error *= target.sum(axis=1, keepdims=True)
            error -= target
        error /= positions
        return -total / positions
