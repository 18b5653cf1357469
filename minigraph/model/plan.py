"""Plan: a model's passes for one batch, with every buffer, view and decision made before the first step.

It computes what :meth:`Model.run` and :meth:`Model.push` compute, for training: errors go only where a trainable
parameter needs them, and nothing is allocated in a step by the ops that plan their own passes. Memory is shared where
lifetimes allow: an op such as ReLU writes over its input where nobody else reads that, and errors that are used up make
room for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.layer import Planned
from minigraph.graph.node import Node
from minigraph.model.model import Model
from minigraph.ops.base import PlanBackward, Slot
from minigraph.steps.steps import (
    FEW_PRODUCTS,
    Step,
    batch_first,
    batch_last,
    empty_batch_last,
    from_batch_last,
    to_batch_last,
)
from minigraph.steps.threads import Workspace, blas_held


class Plan:
    """The passes of a model over given inputs, to be run again and again.

    Args:
        model: its parameters are read where they are, so that changing them is all that a step needs.
        inputs: (N, C, H, W) by name, contiguous.
        gradients: where the gradient of each trainable parameter is written, by full name.
        fixed: whether what the inputs hold never changes; otherwise it may be overwritten between steps.

    Attributes:
        values: what :meth:`forward` fills, by node, inputs included. Those of inputs and outputs, and of what reads a
            state, are what they say; another node's may be overwritten by the node that reads it.
        output_errors: the arrays from which :meth:`backward` starts, by output: to be filled before it.
        convolutions: the planned convolutions of each node that has any: their algorithms and their memory.
        workspace: memory that the steps use in turn.
    """

    def __init__(
        self, model: Model, inputs: Mapping[str, Array], gradients: Mapping[str, Array], fixed: bool = True
    ) -> None:
        graph, contexts = model.graph, model.contexts(training=True)
        nodes, shapes, order = graph.nodes, graph.shapes, graph.order
        batch = len(next(iter(inputs.values())))
        self.workspace = Workspace()
        self.convolutions: dict[str, list[Planned]] = {}
        self._forward: list[Step] = []
        self._backward: list[Step] = []
        held = {name: self._taken_in(array, fixed) for name, array in inputs.items()}
        readers = Counter(graph.outputs)
        readers.update(source for node in nodes.values() for source in node.inputs)
        over = {name: node.inputs[0] for name, node in nodes.items() if _may_overwrite(node, nodes, readers)}
        backwards: dict[str, PlanBackward] = {}
        work = 0
        for name in order:
            node = nodes[name]
            held[name] = held[over[name]] if name in over else empty_batch_last((batch, *shapes[name]), model.dtype)
            steady = tuple(fixed and source in inputs for source in node.inputs)
            read = tuple(held[source] for source in node.inputs)
            slot = Slot(read, steady, held[name], contexts[name], self.workspace)
            forward, backwards[name] = node.op.plan(slot)
            self._forward += forward
            if slot.convolutions:
                self.convolutions[name] = slot.convolutions
            work = max(work, batch * node.op.multiply_adds(*(shapes[source] for source in node.inputs)))
        self._large = work > FEW_PRODUCTS
        self.values: dict[str, Array] = {**held, **inputs}
        self.output_errors: dict[str, Array] = {}
        errors: dict[str, Array] = {}
        for name in graph.outputs:
            errors[name] = empty_batch_last(held[name].shape, model.dtype)
            self.output_errors[name] = np.zeros(held[name].shape, model.dtype)
            if batch == 1:
                errors[name] = _as_batch_last(self.output_errors[name])
            else:
                self.values[name] = np.empty(held[name].shape, model.dtype)
                self._forward += from_batch_last(self.values[name], batch_last(held[name]))
                self._backward += to_batch_last(batch_last(errors[name]), self.output_errors[name])
        self._plan_backward(model, gradients, held, errors, over, backwards)

    def _taken_in(self, given: Array, fixed: bool) -> Array:
        """An input as the nodes read it."""
        if len(given) == 1:
            return _as_batch_last(given)
        held = empty_batch_last(given.shape, given.dtype)
        steps = to_batch_last(batch_last(held), given)
        if fixed:
            for step in steps:
                step()
        else:
            self._forward += steps
        return held

    def _plan_backward(
        self,
        model: Model,
        gradients: Mapping[str, Array],
        held: Mapping[str, Array],
        errors: dict[str, Array],
        over: Mapping[str, str],
        backwards: Mapping[str, PlanBackward],
    ) -> None:
        graph, nodes, memory = model.graph, model.graph.nodes, _Memory()
        # An error is of use to a node that has, or reads something that has, a trainable parameter.
        owned: dict[str, dict[str, Array]] = {}
        for full_name, array in gradients.items():
            owner, _, key = full_name.partition(".")
            owned.setdefault(owner, {})[key] = array
        carrying: set[str] = set()
        for name in graph.order:
            if graph.owner(name) in owned or carrying.intersection(nodes[name].inputs):
                carrying.add(name)
        carrying &= graph.needed()
        written = set(errors)
        for name in reversed(graph.order):
            if name not in carrying:
                continue
            node, prefix = nodes[name], graph.owner(name) + "."
            addends: list[tuple[Array, Array]] = []

            def target(array: Array, key: str, addends: list[tuple[Array, Array]] = addends) -> Array:
                """Where a contribution to ``array`` goes: itself for the first, else an array that is added to it."""
                if key not in written:
                    written.add(key)
                    return array
                addends.append((array, memory.take(array.shape, model.dtype)))
                return addends[-1][1]

            targets: list[Array | None] = []
            for source in node.inputs:
                if source not in carrying:
                    targets.append(None)
                    continue
                if source not in errors:
                    errors[source] = errors[name] if name in over else memory.take(held[source].shape, model.dtype)
                targets.append(target(errors[source], source))
            filled = {key: target(array, prefix + key) for key, array in owned.get(graph.owner(name), {}).items()}
            self._backward += backwards[name](errors[name], tuple(targets), filled)
            for total, addend in addends:
                self._backward.append(partial(np.add, total, addend, total))
                memory.give(addend)
            if name not in over and not any(errors[name] is errors[output] for output in graph.outputs):
                memory.give(errors[name])

    def forward(self) -> None:
        """Fill the values of all nodes."""
        for step in self._forward:
            step()

    def backward(self) -> None:
        """Fill the gradients from the output errors."""
        for step in self._backward:
            step()

    def held(self) -> AbstractContextManager[None]:
        """In what the passes run best: BLAS held to one thread where lanes share the work."""
        return blas_held() if self._large else nullcontext()


class _Memory:
    """Arrays that are given back are taken again."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, ...], list[Array]] = {}

    def take(self, shape: tuple[int, ...], dtype: str) -> Array:
        free = self._free.get(shape)
        return free.pop() if free else empty_batch_last(shape, dtype)

    def give(self, array: Array) -> None:
        self._free.setdefault(array.shape, []).append(array)


def _as_batch_last(array: Array) -> Array:
    """An array of a single sample: its memory is batch-last already."""
    return batch_first(array.reshape(*array.shape[1:], 1))


def _may_overwrite(node: Node, nodes: Mapping[str, Node], readers: Mapping[str, int]) -> bool:
    """Whether a node's value may lie where that of its input does: nobody else reads that, nor looks at it later."""
    if not node.op.in_place or node.inputs[0] not in nodes:
        return False
    return readers[node.inputs[0]] == 1 and not nodes[node.inputs[0]].op.reads_output
