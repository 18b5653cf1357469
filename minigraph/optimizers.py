"""Optimizers: what a step does with a gradient. Each works on all trainable parameters as one vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from numpy.typing import NDArray
from pydantic import Field

from minigraph.declared import Declared, Number
from minigraph.registry import Registry

Array = NDArray[Any]


class Optimizer(Declared, ABC):
    """A rule for one step; it holds settings only."""

    common_keys: ClassVar[tuple[str, ...]] = ("name",)

    learning_rate: Number = Field(gt=0, description="the step's length for a gradient of length 1")

    @abstractmethod
    def update(self, parameters: Array, gradient: Array) -> None:
        """Change ``parameters`` (P,) in place by one step against ``gradient`` (P,), which may be overwritten."""


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")

OptimizerClass = TypeVar("OptimizerClass", bound=type[Optimizer])


def register_optimizer(name: str) -> Callable[[OptimizerClass], OptimizerClass]:
    """Class decorator: make an :class:`Optimizer` known by ``name`` in definitions."""

    def register(optimizer: OptimizerClass) -> OptimizerClass:
        OPTIMIZERS.register(name, optimizer)
        return optimizer

    return register


@register_optimizer("sgd")
class SGD(Optimizer):
    """Plain gradient descent: parameters -= learning_rate * gradient."""

    def update(self, parameters: Array, gradient: Array) -> None:
        gradient *= self.learning_rate
        parameters -= gradient
