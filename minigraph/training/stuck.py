"""Stuck: what is to be said of a run that came to nothing, and the nodes that let no error through."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, prod
from typing import Any

import numpy as np

from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.model.plan import copy_in, copy_out
from minigraph.model.predict import samples_at_once
from minigraph.ops.relu import ReLU
from minigraph.ops.sigmoid import Sigmoid
from minigraph.ops.softmax import Softmax
from minigraph.ops.tanh import Tanh
from minigraph.recipe.losses import by_channel
from minigraph.training.trainer import Trainer
from minigraph.wording import counted, figures

SAME = 1e-6
"""A loss that changed by no larger share ended where it began."""
NO_BETTER = 1e-3
"""A loss that is below that of the best constant answer by no larger share is no better than it."""
FEWEST = 20
"""Of a run of fewer steps it is only told when its loss is nearly that of the best constant answer itself."""
MOST_TARGETS = 2**22
"""The best constant answer is looked for among no more target numbers."""


def told_of(trainer: Trainer, loss_final: float) -> list[str]:
    """The sentences on a run that has ended by its length or by patience: none of a sound one.

    Three things are looked for: a dead network, in which no trainable parameter gets any gradient and a node is found
    that is the reason; a loss that ended where it began; one that ended no better than that of the best answer that is
    the same for all samples, and had settled there. Only where one of them may hold are the training samples gone
    through again, forward and backward.
    """
    first, sentences = trainer.loss_first, []
    if not isfinite(loss_final) or loss_final == 0:
        return []
    if abs(loss_final - first) <= SAME * abs(first):
        sentences.append(
            f"the loss ended where it began: {figures(first)} before the first update, {figures(loss_final)} now"
        )
    limit = loss_of_the_best_constant(trainer)
    if limit is not None:
        if loss_final <= 1e4 * np.finfo(trainer.model.dtype).eps * limit:
            return []  # rounding is all that is left of the loss
        if loss_final >= (1 - NO_BETTER) * limit and _has_settled(trainer, loss_final, limit):
            constant = f"{figures(limit)}, that of the best constant answer (the same for all samples)"
            sentences.append(f"the loss is no better than {constant}")
    if sentences or not trainer.has_gradient:
        flow = _flow(trainer)
        reasons = flow.reasons()
        if flow.dead and reasons:
            losses = trainer.losses
            changes = np.flatnonzero(losses != losses[-1])
            flat = trainer.batches.whole is not None and len(changes) < len(losses) - 1
            since = (
                f" (the loss has been {figures(losses[-1])} since step {changes.max(initial=-1) + 1})" if flat else ""
            )
            count = counted(flow.samples, "training sample")
            return [f"the network is dead: all gradients are exactly 0 on all {count}{since}", *reasons, *sentences]
        sentences += reasons if sentences else []
    return sentences


def told_of_a_dead_network(trainer: Trainer) -> str:
    """The sentence on a run after whose last step no trainable parameter gets a gradient; empty for any other."""
    if trainer.has_gradient:
        return ""
    flow = _flow(trainer)
    reasons = flow.reasons()
    return f"the network is dead: all gradients are exactly 0; {'; '.join(reasons)}" if flow.dead and reasons else ""


def _has_settled(trainer: Trainer, loss_final: float, limit: float) -> bool:
    """Whether a run that ended at ``limit`` or above is not merely cut short: its loss stays where it is."""
    steps, per_epoch = trainer.step, trainer.batches.per_epoch
    if steps < FEWEST:
        return abs(loss_final - limit) <= 0.01 * limit
    shares = 1 if trainer.settings.loss.sums else trainer.batches.sizes(0, steps) / len(trainer.samples)
    seen, epochs = trainer.losses * shares, steps // per_epoch
    if epochs >= 4:  # the order of the samples is no noise in those
        epoch_losses = seen[: epochs * per_epoch].reshape(epochs, per_epoch).sum(axis=1)[epochs // 2 :]
    else:
        epoch_losses = seen[-2 * (steps // 4) :].reshape(2, -1).mean(axis=1) * per_epoch
    far = 0.001 if epochs >= 4 else 0.0
    return bool(np.ptp(epoch_losses) <= (0.05 if loss_final < 1.1 * limit else far) * epoch_losses.mean())


# The best constant answer


def loss_of_the_best_constant(trainer: Trainer) -> float | None:
    """The least loss of answers that are one vector (C,) or (F,) at all samples and positions.

    None where the loss tells no such answer, the targets are all the same, or they are too many to go through.
    """
    graph, settings, count = trainer.model.graph, trainer.settings, len(trainer.samples)
    if count * sum(prod(graph.shapes[name]) for name in graph.outputs) > MOST_TARGETS:
        return None
    total, varies = 0.0, False
    for name, target in trainer.samples.read(slice(None))[1].items():
        shape = graph.shapes[name]
        target = target.astype(np.int64 if target.ndim < 1 + len(shape) else np.float64)
        channels = by_channel(target) if target.ndim == 1 + len(shape) else target.reshape(1, -1)
        varies = varies or bool(np.ptp(channels, axis=1).any())
        best = settings.loss.best_constant(target, shape[0])
        if best is None:
            return None
        answer = np.broadcast_to(best.reshape(-1, *[1] * (len(shape) - 1)), (count, *shape)).copy()
        loss = settings.loss.evaluate(answer, target, np.empty_like(answer))
        total += settings.loss_weights.get(name, 1.0) * loss
    return total if varies else None


# How far errors get


@dataclass
class _Flow:
    """What one forward and backward of all training samples shows.

    Attributes:
        samples: how many there were.
        with_error: the inputs and nodes whose error is not 0 somewhere.
        with_gradient: whether a trainable parameter has a gradient.
        lowest, highest: the ends of each value.
    """

    trainer: Trainer
    samples: int
    with_error: set[str] = field(default_factory=set)
    with_gradient: bool = False
    lowest: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)

    def _is_zero(self, name: str) -> bool:
        return self.lowest[name] == 0 == self.highest[name]

    @property
    def dead(self) -> bool:
        """Whether all gradients are 0 because no trained node gets an error, or reads anything but 0 where it does.

        At an exact minimum they may be 0 too, as sums of what is not.
        """
        nodes = self.trainer.model.graph.nodes
        return not self.with_gradient and all(
            name not in self.with_error or all(map(self._is_zero, nodes[name].inputs))
            for name in _trained(self.trainer.model)
        )

    def reasons(self) -> list[str]:
        """The nodes that get an error and hand none of it on to trained nodes behind them, in the order of backward."""
        graph, fed = self.trainer.model.graph, set(_trained(self.trainer.model))
        for name in graph.order:
            if fed.intersection(graph.nodes[name].inputs):
                fed.add(name)
        return [
            self._reason(graph, name)
            for name in reversed(graph.order)
            if name in self.with_error
            and (behind := fed.intersection(graph.nodes[name].inputs))
            and not behind & self.with_error
        ]

    def _reason(self, graph: Graph, name: str) -> str:
        op, source = graph.nodes[name].op, graph.nodes[name].inputs[0]
        low, high = self.lowest[source], self.highest[source]
        kind = type(op).__name__
        if isinstance(op, ReLU) and high <= 0:
            return f"ReLU '{name}' is dead: none of its inputs is positive, the largest is {high:.6g}"
        if isinstance(op, Sigmoid | Softmax | Tanh):
            return (
                f"{kind} '{name}' is saturated: it hands no error on, its inputs lie between {low:.6g} and {high:.6g}"
            )
        kernel = self.trainer.model.parameters.get(f"{graph.owner(name)}.kernel")
        what = ": its kernel is 0 everywhere" if kernel is not None and not kernel.any() else ""
        return f"{kind} '{name}' hands no error on{what}"


def _trained(model: Model) -> list[str]:
    """The nodes whose parameters training moves."""
    graph, needed = model.graph, model.graph.needed()
    owners = {name.partition(".")[0] for name in model.parameters.views_of(model.parameters.trainable)}
    return [name for name in graph.order if name in needed and graph.owner(name) in owners]


def _flow(trainer: Trainer) -> _Flow:
    """One forward and backward of all training samples, as training makes them, which change nothing."""
    model, samples, settings = trainer.model, trainer.samples, trainer.settings
    graph, flow = model.graph, _Flow(trainer, len(samples))
    trainable = model.parameters.views_of(model.parameters.trainable)
    size = min(samples_at_once(graph), settings.batch_size or len(samples))
    for start in range(0, len(samples), size):
        inputs, targets = samples.read(slice(start, start + size))
        with (
            model.whole_pass(len(next(iter(inputs.values()))), training=True) as plan,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            plan.fill(inputs)
            plan.forward()
            for name, error in plan.prepare_errors().items():
                answer: Any = copy_out(plan.values[name])
                classes = targets[name].ndim < 1 + len(graph.shapes[name])
                target, filled = targets[name].astype(np.int64 if classes else model.dtype), np.empty_like(answer)
                settings.loss.evaluate(answer, target, filled)
                copy_in(error, filled * settings.loss_weights.get(name, 1.0))
            plan.backward()
            for name, value in plan.values.items():
                flow.lowest[name] = min(flow.lowest.get(name, inf), float(value.min()))
                flow.highest[name] = max(flow.highest.get(name, -inf), float(value.max()))
            flow.with_error |= {name for name, array in plan.errors.items() if array.any()}
            flow.with_gradient |= any(plan.gradients[name].any() for name in trainable)
    return flow
