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
    def evaluate(self, answer: Array, target: Array) -> tuple[float, Array]:
        """The loss, and dLoss/danswer shaped like ``answer``."""


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

    def evaluate(self, answer: Array, target: Array) -> tuple[float, Array]:
        difference = answer - target
        return float(np.vdot(difference, difference)), 2 * difference


@register_loss("mse")
class MeanSquaredError(Loss):
    """The mean of squared differences over everything."""

    def evaluate(self, answer: Array, target: Array) -> tuple[float, Array]:
        difference = answer - target
        return float(np.vdot(difference, difference)) / difference.size, difference * (2 / difference.size)
