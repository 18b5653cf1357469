"""Losses: one number for how far an answer is from its target, and the error it sends back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minigraph.declared import Declared
from minigraph.registry import Registry

Array = NDArray[Any]


class Loss(Declared, ABC):
    """A loss of an answer against a target of the same shape."""

    @abstractmethod
    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        """The loss; dLoss/danswer is written into ``error``. All three arrays have one shape."""


LOSSES: Registry[Loss] = Registry("loss")

LossClass = TypeVar("LossClass", bound=type[Loss])


def register_loss(name: str) -> Callable[[LossClass], LossClass]:
    """Class decorator: make a :class:`Loss` known by ``name`` in definitions and in :func:`minigraph.train`."""

    def register(loss: LossClass) -> LossClass:
        LOSSES.register(name, loss)
        return loss

    return register


@register_loss("sse")
class SumSquaredError(Loss):
    """The sum of squared differences over everything: samples, channels, rows, columns."""

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.vdot(error, error))
        np.multiply(error, 2, out=error)
        return loss


@register_loss("mse")
class MeanSquaredError(Loss):
    """The mean of squared differences over everything."""

    def evaluate(self, answer: Array, target: Array, error: Array) -> float:
        np.subtract(answer, target, out=error)
        loss = float(np.vdot(error, error)) / error.size
        np.multiply(error, 2 / error.size, out=error)
        return loss
