"""Plan: a model's passes for one batch, with every buffer, view and decision made before the first step.

It computes what :meth:`Model.run` and :meth:`Model.push` compute, for training: errors go only where a trainable
parameter needs them, and nothing is allocated in a step by the ops that plan their own passes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minigraph.model import Model
from minigraph.ops.base import Array, PlanBackward, Slot, Step


class Plan:
    """The passes of a model over given inputs, to be run again and again.

    Args:
        model: its parameters are read where they are, so that changing them is all that a step needs.
        inputs: (N, C, H, W) by name.
        gradients: where the gradient of each trainable parameter is written, by full name.
        fixed: whether what the inputs hold never changes; otherwise it may be overwritten between steps.

    Attributes:
        values: the arrays that :meth:`forward` fills, by node; inputs included.
        output_errors: the arrays from which :meth:`backward` starts, by output: to be filled before it.
    """

    def __init__(
        self, model: Model, inputs: Mapping[str, Array], gradients: Mapping[str, Array], fixed: bool = True
    ) -> None:
        graph, contexts = model.graph, model.contexts(training=True)
        nodes, shapes, needed = graph.nodes, graph.shapes, graph.needed()
        batch = len(next(iter(inputs.values())))
        self.values: dict[str, Array] = dict(inputs)
        self._forward: list[Step] = []
        self._backward: list[Step] = []
        # An error is of use to a node that has, or reads something that has, a trainable parameter.
        carrying: set[str] = set()
        for name in graph.order:
            self.values[name] = np.empty((batch, *shapes[name]), model.dtype)
            owned = graph.owner(name) + "."
            if any(full_name.startswith(owned) for full_name in gradients) or carrying & set(nodes[name].inputs):
                carrying.add(name)
        carrying &= needed
        errors = {
            name: np.zeros_like(self.values[name]) for name in graph.order if name in carrying | set(graph.outputs)
        }
        self.output_errors = {name: errors[name] for name in graph.outputs}
        backwards: dict[str, PlanBackward] = {}
        for name in graph.order:
            node = nodes[name]
            slot = Slot(
                tuple(self.values[source] for source in node.inputs),
                tuple(fixed and source in inputs for source in node.inputs),
                self.values[name],
                contexts[name],
            )
            forward, backwards[name] = node.op.plan(slot)
            self._forward += forward
        written = set(self.output_errors)
        for name in reversed(graph.order):
            if name not in carrying:
                continue
            node, prefix = nodes[name], graph.owner(name) + "."
            after: list[Step] = []
            targets = [
                _target(errors[source], source, written, after) if source in carrying else None
                for source in node.inputs
            ]
            wanted = {full.removeprefix(prefix): array for full, array in gradients.items() if full.startswith(prefix)}
            filled = {key: _target(array, prefix + key, written, after) for key, array in wanted.items()}
            self._backward += [*backwards[name](errors[name], tuple(targets), filled), *after]

    def forward(self) -> None:
        """Fill the values of all nodes."""
        for step in self._forward:
            step()

    def backward(self) -> None:
        """Fill the gradients from the output errors."""
        for step in self._backward:
            step()


def _target(array: Array, name: str, written: set[str], after: list[Step]) -> Array:
    """Where a contribution to ``array`` is written: itself for the first, else a buffer that is added ``after``."""
    if name not in written:
        written.add(name)
        return array
    addend = np.empty_like(array)

    def add(total: Array = array, addend: Array = addend) -> None:
        np.add(total, addend, out=total)

    after.append(add)
    return addend
