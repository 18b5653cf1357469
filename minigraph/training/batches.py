"""Batches: the samples of each step, in buffers that a plan reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from math import prod
from typing import Any

import numpy as np

from minigraph.arrays import Array, spell_shape
from minigraph.data.samples import Samples
from minigraph.errors import DefinitionError, Problem
from minigraph.model.model import Model
from minigraph.model.plan import Mirror, Plan
from minigraph.ops.batch_norm import BatchNorm
from minigraph.randomness import stream
from minigraph.recipe.settings import TrainSection
from minigraph.wording import enumerated


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

    Where a BatchNorm sees one value a channel in one sample, a last batch of one sample is joined to the one before.

    Raises:
        DefinitionError: all batches have one sample, and such a BatchNorm would answer nothing but its bias.

    Attributes:
        per_epoch: how many steps an epoch has.
        whole: the one batch, filled once and for all, if it has all samples; else None.
        note: what is to be told of a joined batch; empty where none is.
    """

    def __init__(self, model: Model, samples: Samples, settings: TrainSection, gradient: Array) -> None:
        self._samples = samples
        self._size = min(settings.batch_size or len(samples), len(samples))
        self.per_epoch = -(-len(samples) // self._size)
        self._last = len(samples) - (self.per_epoch - 1) * self._size
        self.note = ""
        if self._last == 1 and (lone := _lone_norms(model)):
            if self._size == 1:
                raise DefinitionError([_lone_problem(model, name) for name in lone])
            self.per_epoch, self._last = self.per_epoch - 1, self._size + 1
            self.note = (
                f"the last of {len(samples)} samples would be a batch of its own in each epoch: it is joined to the "
                f"batch before, of {self._size}, since BatchNorm {enumerated(lone)} needs two values a channel"
            )
        sizes = (self._last,) if self.per_epoch == 1 else (self._size, self._last)
        self._batches = {size: Batch(model, samples, size, settings, gradient) for size in dict.fromkeys(sizes)}
        self.whole = self._batches[self._last] if self.per_epoch == 1 else None
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
        return self._batches[self._last if self.whole else self._size].plan

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

    def sizes(self, first: int, until: int) -> Array:
        """How many samples the steps from ``first`` up to ``until`` have, (until - first,)."""
        ends = (np.arange(first, until) + 1) % self.per_epoch == 0
        return np.where(ends, self._last, self._size)

    def at(self, step: int) -> Batch:
        """The batch of a step, filled. Epochs have to be asked for one after another."""
        if self.whole is not None:
            return self.whole
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._drawn, self._epoch = self._generator.bit_generator.state, epoch
            self._order = self._generator.permutation(len(self._samples))
        size = self._last if position == self.per_epoch - 1 else self._size
        rows = self._order[position * self._size : position * self._size + size]
        batch = self._batches[len(rows)]
        batch.fill(self._samples, rows)
        return batch


def _lone_norms(model: Model) -> list[str]:
    """The BatchNorms that some output needs and that see a single value a channel in a batch of one sample."""
    graph, needed = model.graph, model.graph.needed()
    return [
        name
        for name in graph.order
        if name in needed and isinstance(graph.nodes[name].op, BatchNorm) and prod(graph.shapes[name][1:]) == 1
    ]


def _lone_problem(model: Model, name: str) -> Problem:
    shape = spell_shape(model.graph.shapes[name])
    text = (
        f"found one value a channel: shape {shape} in batches of 1 sample, where BatchNorm answers its bias whatever "
        "the input; expected batches of at least 2 samples"
    )
    return Problem(("nodes", name), text)
