"""Optimizers: what a step does with a gradient. Each works on all trainable parameters as one vector.

An optimizer holds settings only. What it remembers between steps is its state: named vectors that a checkpoint stores.
The formulas are PyTorch's (torch.optim), so that a run can be compared number by number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from minigraph.arrays import Array
from minigraph.declared.base import Declared, expected
from minigraph.declared.fields import Number, also_called, plain_number
from minigraph.declared.kind import required
from minigraph.declared.registry import Registry

State = Mapping[str, Array]


class Optimizer(Declared, ABC):
    """A rule for one step."""

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ()}

    learning_rate: Number = required("the step's length for a gradient of length 1", foreign=("lr",), gt=0)

    weight_decay: Number = Field(0.0, ge=0, description="times the parameters is added to the gradient")

    def state(self, parameters: Array) -> dict[str, Array]:
        """What is remembered between steps, as it is before the first: arrays that :meth:`update` changes in place."""
        return {}

    @abstractmethod
    def update(self, parameters: Array, gradient: Array, state: State, rate: float) -> None:
        """Change ``parameters`` (P,) in place by one step against ``gradient`` (P,), which may be overwritten.

        Args:
            state: what :meth:`state` made, as the step before left it.
            rate: the learning rate of this step, which a schedule may have changed.
        """

    def decay(self, parameters: Array, gradient: Array, rate: float) -> None:
        """What :meth:`update` does first: weight decay, in place."""
        if self.weight_decay:
            gradient += self.weight_decay * parameters


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """Gradient descent: parameters -= rate * gradient, or rate * velocity with momentum."""

    momentum: Number = Field(0.0, ge=0, lt=1, description="how much of the last step's velocity is kept")
    nesterov: bool = Field(False, description="whether the gradient is added to the velocity once more")

    @field_validator("nesterov")
    @classmethod
    def _needs_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and not info.data.get("momentum", True):
            raise expected("a momentum above 0 beside it")
        return nesterov

    def state(self, parameters: Array) -> dict[str, Array]:
        return {"velocity": np.zeros_like(parameters)} if self.momentum else {}

    def update(self, parameters: Array, gradient: Array, state: State, rate: float) -> None:
        self.decay(parameters, gradient, rate)
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            if self.nesterov:
                gradient += self.momentum * velocity
            else:
                gradient[...] = velocity
        gradient *= rate
        parameters -= gradient


def _two_betas(value: object) -> tuple[float, float]:
    betas = [plain_number(item) for item in value] if isinstance(value, list | tuple) else []
    if len(betas) == 2 and all(isinstance(beta, int | float) and 0 <= beta < 1 for beta in betas):
        return float(betas[0]), float(betas[1])  # type: ignore[arg-type]  # they are numbers
    raise expected("two numbers of at least 0 and below 1, such as [0.9, 0.999]")


Betas = Annotated[
    Sequence[float],
    PlainValidator(_two_betas),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "minItems": 2,
            "maxItems": 2,
        }
    ),
]


@OPTIMIZERS.register("adam")
class Adam(Optimizer):
    """Steps along the mean gradient, each parameter's divided by the root of its mean square. Kingma and Ba 2015."""

    learning_rate: Number = Field(0.001, gt=0, description="about how far a parameter moves in a step")
    betas: Betas = Field((0.9, 0.999), description="how much is kept of the running means of gradient and square")
    epsilon: Number = Field(
        1e-8, ge=0, description="added to the root of the mean square", json_schema_extra=also_called("eps")
    )

    def state(self, parameters: Array) -> dict[str, Array]:
        return {
            "mean": np.zeros_like(parameters),
            "square": np.zeros_like(parameters),
            "steps": np.zeros((), np.int64),
        }

    def update(self, parameters: Array, gradient: Array, state: State, rate: float) -> None:
        self.decay(parameters, gradient, rate)
        (kept, kept_square), mean, square, steps = self.betas, state["mean"], state["square"], state["steps"]
        steps += 1
        count = int(steps)
        squared = gradient * gradient
        squared *= 1 - kept_square
        square *= kept_square
        square += squared
        gradient -= mean
        gradient *= 1 - kept
        mean += gradient
        # Both means began at 0 and are divided by how much of them has been filled.
        root = np.sqrt(square, out=squared)
        root /= np.sqrt(1 - kept_square**count)
        root += self.epsilon
        np.divide(mean, root, out=root)
        root *= rate / (1 - kept**count)
        parameters -= root


@OPTIMIZERS.register("adamw")
class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves. Loshchilov and Hutter 2019."""

    weight_decay: Number = Field(0.01, ge=0, description="times the rate is how much of each parameter a step takes")

    def decay(self, parameters: Array, gradient: Array, rate: float) -> None:
        parameters *= 1 - rate * self.weight_decay


@OPTIMIZERS.register("rmsprop")
class RMSprop(Optimizer):
    """Each parameter's gradient divided by the root of its mean square. Hinton 2012."""

    learning_rate: Number = Field(0.01, gt=0, description="about how far a parameter moves in a step")
    alpha: Number = Field(0.99, ge=0, lt=1, description="how much of the running mean square is kept")
    epsilon: Number = Field(
        1e-8, ge=0, description="added to the root of the mean square", json_schema_extra=also_called("eps")
    )
    momentum: Number = Field(0.0, ge=0, lt=1, description="how much of the last step's velocity is kept")
    centered: bool = Field(False, description="whether the squared mean gradient is taken off the mean square")

    def state(self, parameters: Array) -> dict[str, Array]:
        names = ["square", *["mean"] * self.centered, *["velocity"] * bool(self.momentum)]
        return {name: np.zeros_like(parameters) for name in names}

    def update(self, parameters: Array, gradient: Array, state: State, rate: float) -> None:
        self.decay(parameters, gradient, rate)
        square = state["square"]
        square *= self.alpha
        square += (1 - self.alpha) * gradient**2
        if self.centered:
            mean = state["mean"]
            mean += (1 - self.alpha) * (gradient - mean)
            root = np.sqrt(square - mean**2)
        else:
            root = np.sqrt(square)
        root += self.epsilon
        gradient /= root
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            gradient[...] = velocity
        gradient *= rate
        parameters -= gradient
