"""Losses: one number for how far an answer is from its target, and the error it sends back.

The formulas and their means are PyTorch's (torch.nn.functional).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import e, log
from typing import ClassVar

import numpy as np
from pydantic import Field

from minigraph.arrays import Array, Shape
from minigraph.declared.base import Declared
from minigraph.declared.fields import Number
from minigraph.declared.registry import Registry
from minigraph.errors import DataError
from minigraph.explaining import Step, formula, number
from minigraph.ops import Op, Sigmoid, Softmax

LEAST_PRODUCT = 1e-36
"""Of p*(1-p) in bce: its inverse is a float32, with room for a weight."""


class Loss(Declared, ABC):
    """A loss of an answer against a target of the same shape."""

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ()}
    sums: ClassVar[bool] = False
    """Whether it sums over samples, so that the losses of two batches add; otherwise it is a mean."""
    takes_classes: ClassVar[bool] = False
    """Whether the target may be class numbers: integers in the answer's shape without its channels."""

    def squares(self, entries: int) -> float | None:
        """c where the loss of so many entries is c times the sum of their squared differences; None elsewhere."""
        return None

    def judged(self, answer: Array) -> Array:
        """What metrics and pictures compare with a target: of an answer that is logits, their probabilities."""
        return answer

    def doubt(self, op: Op, shape: Shape) -> str | None:
        """What is hardly meant where the answer, of this shape, is that of ``op``."""
        return None

    def advice(self, op: Op) -> str | None:
        """What would do better where the answer is that of ``op``."""
        return None

    @abstractmethod
    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        """The loss; dLoss/danswer is written into ``error``. All three arrays have one shape.

        Where ``takes_classes``, the target may also be integers, (N,) for answers (N, F), (N, H, W) for (N, C, H, W).
        """

    def explain(self, answer: Array, target: Array, output: str, weight: float = 1.0) -> list[Step]:
        """The steps that lead to the ``loss`` of an output, times its weight, and to its ``error``."""
        error = np.empty_like(answer)
        loss = np.array(weight * self.evaluate(answer, target, error))
        error *= weight
        about = " ".join((type(self).__doc__ or "").split("\n\n")[0].split())
        times = "" if weight == 1 else f" It counts {weight:g} times."
        given = {"answer": answer, "target": target}
        return [
            *self._towards(answer, target),
            Step(
                "loss",
                f"The loss of '{output}'",
                about + times,
                f"loss = {type(self).__name__}(answer, target)",
                "loss",
                {**given, "loss": loss},
                formula(lambda index: f"{type(self).__name__} of '{output}'", loss),
            ),
            Step(
                "error",
                f"The error of '{output}'",
                "How the loss changes with each number of the answer: with this the backward pass begins.",
                "error = dloss / danswer",
                "error",
                {**given, "error": error},
                formula(lambda index: f"dloss / danswer at {list(index)}", error),
            ),
        ]

    def _towards(self, answer: Array, target: Array) -> list[Step]:
        """The steps before the loss, if there are any."""
        return []


class DifferenceLoss(Loss, ABC):
    """A loss that looks at the difference of answer and target alone."""

    def _towards(self, answer: Array, target: Array) -> list[Step]:
        difference = answer - target
        return [
            Step(
                "difference",
                "The difference from the target",
                "What the answer is too large by, or, below 0, too small.",
                "difference = answer - target",
                "difference",
                {"answer": answer, "target": target, "difference": difference},
                formula(lambda index: f"{number(answer[index])} - {number(target[index])}", difference),
            )
        ]


LOSSES: Registry[Loss] = Registry("loss")


@LOSSES.register("sse")
class SumSquaredError(DifferenceLoss):
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
class MeanSquaredError(DifferenceLoss):
    """The mean of squared differences over everything."""

    def squares(self, entries: int) -> float:
        return 1 / entries

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.vdot(error, error)) / error.size
        np.multiply(error, 2 / error.size, out=error)
        return loss


@LOSSES.register("mae")
class MeanAbsoluteError(DifferenceLoss):
    """The mean of absolute differences over everything; the derivative at a difference of 0 is 0."""

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.abs(error).mean())
        np.sign(error, out=error)
        error /= error.size
        return loss


@LOSSES.register("huber")
class Huber(DifferenceLoss):
    """The mean over everything of d*d/2 for differences d up to delta, and of delta*(|d| - delta/2) beyond."""

    delta: Number = Field(1.0, gt=0, description="the difference from which on the loss grows linearly")

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

    As in PyTorch, no logarithm is below -100, so that 0 and 1 are no infinities. In the derivative (p-t) / (p*(1-p)) no
    product p*(1-p) is below 1e-36 (PyTorch: 1e-12), so that after a Sigmoid the gradient is right down to a logit of
    -80. Where the Sigmoid is rounded to 1, from a logit of 17 on in float32 and of 37 in float64, nothing is left of
    1-p, and the gradient of the logit is 0 whatever the target: "bce_logits" has no such end.
    """

    def advice(self, op: Op) -> str | None:
        if not isinstance(op, Sigmoid):
            return None
        return (
            "'bce' has no gradient left where the Sigmoid is rounded to 1 (from a logit of 17 on in float32, of 37 in "
            "float64); 'bce_logits' of what the Sigmoid reads is exact at any logit"
        )

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
        error /= np.maximum(answer * (1 - answer), LEAST_PRODUCT) * error.size
        return loss


@LOSSES.register("bce_logits")
class BinaryCrossEntropyOfLogits(Loss):
    """The mean over everything of -t*log(p) - (1-t)*log(1-p), with p = 1 / (1 + exp(-x)), for logits x and targets t.

    With s = 1 / (1 + exp(|x|)) and w = 1-t where x is at least 0, else t, it is w*|x| + log(1 + exp(-|x|)), and its
    derivative w - s or s - w: exact to rounding at any x. Source: torch.nn.BCEWithLogitsLoss.
    """

    def judged(self, answer: Array) -> Array:
        probabilities: Array = np.exp(-np.logaddexp(0, -answer))
        return probabilities

    def doubt(self, op: Op, shape: Shape) -> str | None:
        return _not_logits("bce_logits", op, "at targets 1 and 0 it cannot fall below 0.313 and 0.693")

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        size, positive = np.abs(answer), answer >= 0
        weight = np.where(positive, 1 - target, target)
        decayed = np.exp(-size)
        loss = float((weight * size + np.log1p(decayed)).mean())
        np.subtract(weight, decayed / (1 + decayed), out=error)
        np.negative(error, out=error, where=~positive)
        error /= error.size
        return loss


@LOSSES.register("cross_entropy")
class CrossEntropy(Loss):
    """The mean over samples and positions of -sum(t * log(softmax(logits))), over channels.

    The target t is each position's probabilities (one-hot or any), or its class as an integer. The answer is logits: no
    Softmax stands before it.
    """

    takes_classes: ClassVar[bool] = True

    def doubt(self, op: Op, shape: Shape) -> str | None:
        least = f"with {shape[0]} classes it cannot fall below {log(1 + (shape[0] - 1) / e):.4g}"
        return _not_logits("cross_entropy", op, least)

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


def _not_logits(loss: str, op: Op, least: str) -> str | None:
    """What is said where a loss of logits is given what lies between 0 and 1."""
    if not isinstance(op, Softmax | Sigmoid):
        return None
    name = type(op).__name__
    return f"'{loss}' takes logits, and finds a {name}, whose answers lie between 0 and 1: {least}; expected no {name}"
