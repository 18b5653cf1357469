"""Batches: the samples of each step, in buffers that a plan reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from minigraph.arrays import Array
from minigraph.data.samples import Samples
from minigraph.model.model import Model
from minigraph.model.plan import Mirror, Plan
from minigraph.randomness import stream
from minigraph.recipe.settings import TrainSection


class Batch:
    """Buffers for a number of samples, and the passes over them.

    Attributes:
        targets: by output.
        loss: the weighted loss of the outputs; it fills their errors.
    """

    def __init__(self, model: Model, samples: Samples, size: int, settings: TrainSection, gradient: Array) -> None:
        self.targets = {}
        for name, array in samples.targets.items():
            classes = array.ndim < 1 + len(model.graph.shapes[name])
            self.targets[name] = np.zeros((size, *array.shape[1:]), np.int64 if classes else model.dtype)
        gradients = model.parameters.views_of(gradient)
        if size == len(samples):
            inputs, targets = samples.read(slice(None))
            self.plan = Plan(model, size, gradients, fixed=inputs)
            self._fill_targets(targets)
        else:
            self.plan = Plan(model, size, gradients)
        self.plan.prepare_backward()
        self.mirror = Mirror(self.plan)
        self.loss = self._loss(settings)

    def fill(self, samples: Samples, which: Any) -> None:
        """Put these samples where the passes read them."""
        inputs, targets = samples.read(which)
        self.plan.fill(inputs)
        self._fill_targets(targets)

    def _fill_targets(self, targets: Mapping[str, Array]) -> None:
        for name, buffer in self.targets.items():
            buffer[...] = targets[name]

    def forward(self) -> None:
        """Fill the outputs."""
        self.plan.forward()
        self.mirror.take()

    def backward(self) -> None:
        """Fill the gradients from the errors that the loss has left."""
        self.mirror.give()
        self.plan.backward()

    def _loss(self, settings: TrainSection) -> Callable[[], float]:
        outputs, errors = self.mirror.outputs, self.mirror.errors
        parts = [
            partial(settings.loss.evaluate, outputs[name], target, errors[name])
            for name, target in self.targets.items()
        ]
        if not settings.loss_weights:
            return parts[0] if len(parts) == 1 else lambda: sum(part() for part in parts)
        weights = [settings.loss_weights.get(name, 1.0) for name in self.targets]

        def weighted() -> float:
            total = 0.0
            for name, part, weight in zip(self.targets, parts, weights, strict=True):
                total += weight * part()
                errors[name] *= weight
            return total

        return weighted

    def loss_of_nothing(self) -> float:
        """The loss if every answer were 0, in place of what the last forward answered."""
        for name in self.targets:
            self.mirror.outputs[name][...] = 0
        return self.loss()


class Batches:
    """Which batch is whose turn: each epoch draws a new order of all samples, and its last batch may be smaller.

    Attributes:
        per_epoch: how many steps an epoch has.
        whole: the one batch, filled once and for all, if it has all samples; else None.
    """

    def __init__(self, model: Model, samples: Samples, settings: TrainSection, gradient: Array) -> None:
        self._samples = samples
        self._size = min(settings.batch_size or len(samples), len(samples))
        self.per_epoch = -(-len(samples) // self._size)
        sizes = {self._size, len(samples) - (self.per_epoch - 1) * self._size}
        self._batches = {size: Batch(model, samples, size, settings, gradient) for size in sizes}
        self.whole = self._batches[self._size] if self.per_epoch == 1 else None
        self._generator = stream(settings.seed, "shuffle")
        self._drawn = self._generator.bit_generator.state
        self._epoch = -1
        self._order = np.empty(0, np.intp)

    def blas_held(self) -> AbstractContextManager[None]:
        """In what the plans of the batches run best; see :meth:`Plan.blas_held`."""
        return self.plan.blas_held()

    @property
    def plan(self) -> Plan:
        """The plan of a whole batch."""
        return self._batches[self._size].plan

    @property
    def algorithms(self) -> dict[str, str]:
        """What each node's convolutions run on; where an epoch's last batch has another algorithm, both."""
        names: dict[str, dict[str, None]] = {}
        for size in sorted(self._batches, reverse=True):
            for node, convolutions in self._batches[size].plan.convolutions.items():
                names.setdefault(node, {}).update(dict.fromkeys(planned.name for planned in convolutions))
        return {node: ", ".join(found) for node, found in names.items()}

    def state_at(self, step: int) -> Any:
        """The generator's state from before the order of this step's epoch was drawn, or will be."""
        return self._drawn if step // self.per_epoch == self._epoch else self._generator.bit_generator.state

    def rewind(self, state: Any) -> None:
        """Go back to what :meth:`state_at` told; the step asked for next has to be the one it was asked for."""
        self._generator.bit_generator.state = state
        self._epoch = -1

    def at(self, step: int) -> Batch:
        """The batch of a step, filled. Epochs have to be asked for one after another."""
        if self.whole is not None:
            return self.whole
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._drawn, self._epoch = self._generator.bit_generator.state, epoch
            self._order = self._generator.permutation(len(self._samples))
        rows = self._order[position * self._size : (position + 1) * self._size]
        batch = self._batches[len(rows)]
        batch.fill(self._samples, rows)
        return batch
