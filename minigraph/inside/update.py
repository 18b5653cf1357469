"""The update of a training step, apart from the model: what the optimizer makes of the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minigraph.arrays import Array
from minigraph.model.model import Model
from minigraph.recipe.optimizers import SGD, Optimizer
from minigraph.training.trainer import clip


@dataclass(frozen=True)
class Moved:
    """Trainable parameters by full name after an update, and the gradients that it used, after clipping and decay."""

    after: dict[str, Array]
    used: dict[str, Array]


@dataclass(frozen=True)
class Update:
    """How parameters are changed.

    Attributes:
        optimizer: the rule. state: what it remembers; None before its first step.
        clip_norm: a gradient that is longer is shortened to this length.
    """

    optimizer: Optimizer
    state: Mapping[str, Array] | None = None
    clip_norm: float | None = None

    def moved(self, model: Model, gradients: Mapping[str, Array]) -> Moved:
        """What the update makes of a model's trainable parameters, which stay as they are."""
        parameters = model.parameters.trainable.copy()
        gradient = np.zeros_like(parameters)
        for name, part in model.parameters.views_of(gradient).items():
            part[...] = gradients[name]
        if self.clip_norm is not None and gradient.size:
            clip(gradient, self.clip_norm)
        state = self.optimizer.state(parameters) if self.state is None else self.state
        rate = self.optimizer.learning_rate
        decayed, used = parameters.copy(), gradient.copy()
        self.optimizer.decay(decayed, used, rate)
        self.optimizer.update(parameters, gradient, {name: array.copy() for name, array in state.items()}, rate)
        return Moved(model.parameters.views_of(parameters), model.parameters.views_of(used))

    @property
    def plain(self) -> bool:
        """Whether it is gradient descent alone."""
        rule = self.optimizer
        return isinstance(rule, SGD) and not rule.momentum

    @property
    def text(self) -> str:
        """One sentence about the rule."""
        rate, name = f"{self.optimizer.learning_rate:g}", type(self.optimizer).__name__
        if self.plain:
            text = f"Every parameter moves against its gradient, {rate} times as far."
        else:
            text = (
                f"{name} moves every parameter, at a learning rate of {rate}, by its gradient and by what it remembers."
            )
        return text + (f" A gradient longer than {self.clip_norm:g} is shortened to that." if self.clip_norm else "")

    def formula(self, key: str) -> str:
        """The rule for a parameter, as text."""
        if self.plain:
            return f"{key}_after = {key} - {self.optimizer.learning_rate:g} * {key}_gradient_used"
        return f"{key}_after = {type(self.optimizer).__name__}({key}, {key}_gradient_used)"

    def filled(self, before: str, gradient: str) -> str:
        """The rule with the numbers of one entry put in."""
        if self.plain:
            return f"{before} - {self.optimizer.learning_rate:g} * {gradient}"
        return f"{type(self.optimizer).__name__}({before}, {gradient})"
