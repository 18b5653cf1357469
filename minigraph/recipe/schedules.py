"""Schedules: how the learning rate changes in the course of a run.

Time is counted in what the run's length is told in, steps or epochs; within an epoch it is a fraction. A schedule
answers with a factor of the optimizer's own rate, by PyTorch's formulas (torch.optim.lr_scheduler) in closed form.
Only :class:`Plateau` remembers anything, in a small table that a checkpoint stores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import cos, floor, inf, pi
from typing import Any, ClassVar

from pydantic import Field

from minigraph.declared.base import Declared
from minigraph.declared.fields import Count, Number
from minigraph.declared.kind import required
from minigraph.declared.registry import Registry


class Schedule(Declared, ABC):
    """How the rate changes, after a warm-up if there is one."""

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ()}
    watches: ClassVar[bool] = False
    """Whether it is told how the run goes, by :meth:`watch`."""

    warmup: int = Field(0, ge=0, description="how many steps, or epochs, the rate takes to rise to the optimizer's own")
    warmup_start: Number = Field(0.1, gt=0, le=1, description="the factor of the rate at which the warm-up begins")

    def scale(self, time: float, length: float, memory: dict[str, Any]) -> float:
        """The factor of the optimizer's rate.

        Args:
            time: steps, or epochs, that are done; length: how many the run has.
            memory: what :meth:`watch` has kept; empty at first.
        """
        if time < self.warmup:
            return self.warmup_start + (1 - self.warmup_start) * time / self.warmup
        return self.after(time - self.warmup, max(length - self.warmup, 1), memory)

    @abstractmethod
    def after(self, time: float, length: float, memory: dict[str, Any]) -> float:
        """:meth:`scale` after the warm-up, from whose end ``time`` and ``length`` are counted."""

    def watch(self, value: float, memory: dict[str, Any]) -> None:
        """Be told a loss that should fall, and keep in ``memory`` what follows from it."""


SCHEDULES: Registry[Schedule] = Registry("schedule")


@SCHEDULES.register("constant")
class Constant(Schedule):
    """The optimizer's own rate throughout."""

    def after(self, time: float, length: float, memory: dict[str, Any]) -> float:
        return 1.0


@SCHEDULES.register("step")
class StepDecay(Schedule):
    """Times gamma after every ``step_size`` steps, or epochs."""

    step_size: Count = required("how many steps, or epochs, a rate holds")
    gamma: Number = Field(0.1, gt=0, le=1, description="the factor from one rate to the next")

    def after(self, time: float, length: float, memory: dict[str, Any]) -> float:
        return float(self.gamma ** floor(time / self.step_size))


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """Down along half a cosine to ``minimum`` times the rate at the run's end. Loshchilov and Hutter 2017."""

    minimum: Number = Field(0.0, ge=0, le=1, description="the factor of the rate at the end")

    def after(self, time: float, length: float, memory: dict[str, Any]) -> float:
        return self.minimum + (1 - self.minimum) * (1 + cos(pi * min(time / length, 1))) / 2


@SCHEDULES.register("plateau")
class Plateau(Schedule):
    """Times ``factor`` when the loss has not fallen for more than ``patience`` evaluations.

    The loss is that of validation, or of training where there is none.
    """

    watches: ClassVar[bool] = True

    factor: Number = Field(0.1, gt=0, lt=1, description="the factor from one rate to the next")
    patience: int = Field(10, ge=0, description="how many evaluations without a better loss are borne")
    threshold: Number = Field(1e-4, ge=0, lt=1, description="the share by which a loss must fall to be better")

    def after(self, time: float, length: float, memory: dict[str, Any]) -> float:
        return float(memory.get("scale", 1.0))

    def watch(self, value: float, memory: dict[str, Any]) -> None:
        if value < memory.get("best", inf) * (1 - self.threshold):
            memory.update(best=value, waited=0)
            return
        memory["waited"] = memory.get("waited", 0) + 1
        if memory["waited"] > self.patience:
            memory.update(waited=0, scale=memory.get("scale", 1.0) * self.factor)
