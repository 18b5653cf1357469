"""Plan: a model's passes for batches of one size, with every buffer, view and decision made before the first.

This is the only way in which a graph is walked: training, forward and backward of a model, evaluation, ``gradcheck``,
``predict`` and the recovery's equations all run on plans. Forward goes over the nodes in topological order, backward
over the same nodes reversed, each adding to the errors of what it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.layer import Planned
from minigraph.graph.node import Node
from minigraph.ops.base import PlanBackward, Slot
from minigraph.ops.checking import calling, check_state
from minigraph.steps.steps import (
    FEW_PRODUCTS,
    Step,
    batch_last,
    empty_batch_last,
    from_batch_last,
    to_batch_last,
)
from minigraph.steps.threads import Workspace, blas_held

if TYPE_CHECKING:
    from minigraph.model.model import Model


class Plan:
    """The passes of a model over batches of one size, to be run again and again.

    Args:
        model: its parameters are read where they are, so that changing them is all that a step needs.
        batch: samples, N.
        gradients: where the gradient of each parameter is written, by full name; without any there is no backward
            unless ``input_errors`` or ``whole`` ask for one. Errors go only where something needs them.
        training: whether BatchNorm uses the batch's own statistics.
        fixed: (N, C, H, W) by input, if the inputs never change: what follows from them alone is made once.
        input_errors: whether the errors of the inputs are made as well.
        by_sample: whether the gradients are of each sample, (N, ...), instead of their sum.
        whole: keep every node's value and make every error, instead of sharing memory wherever lifetimes allow.

    Attributes:
        values: what :meth:`forward` fills, by input and node, seen as (N, C, H, W) or (N, F), batch-last in memory.
            Unless ``whole``, only those of outputs, and of what reads a state, outlive the pass.
        errors: likewise what :meth:`backward` fills: dLoss/d(the value).
        gradients: as given.
        convolutions: the planned convolutions of each node that has any: their algorithms and their memory.
        workspace: memory that the steps use in turn.
    """

    def __init__(
        self,
        model: Model[Any],
        batch: int,
        gradients: Mapping[str, Array] | None = None,
        *,
        training: bool = True,
        fixed: Mapping[str, Array] | None = None,
        input_errors: bool = False,
        by_sample: bool = False,
        whole: bool = False,
    ) -> None:
        graph = model.graph
        self.batch, self.training = batch, training
        self.workspace = Workspace()
        self.convolutions: dict[str, list[Planned]] = {}
        self.values: dict[str, Array] = {}
        self.errors: dict[str, Array] = {}
        self._graph, self._dtype, self._state = graph, model.dtype, model.state
        self._contexts = model.contexts(training)
        self.gradients = dict(gradients or {})
        self._input_errors, self._by_sample, self._whole = input_errors, by_sample, whole
        self._nodes = graph.nodes
        needed = graph.needed()
        self._order = [name for name in graph.order if whole or name in needed]
        self._over: dict[str, str] = {}
        self._slots: dict[str, Slot] = {}
        self._backwards: dict[str, PlanBackward] = {}
        self._backward: list[Step] | None = None
        self._forward = self._plan_forward(fixed)
        work = (self._nodes[name].op.multiply_adds(*self._input_shapes(name)) for name in self._order)
        self._large = batch * max(work, default=0) > FEW_PRODUCTS

    def _input_shapes(self, name: str) -> list[tuple[int, ...]]:
        return [self._graph.shapes[source] for source in self._nodes[name].inputs]

    def _plan_forward(self, fixed: Mapping[str, Array] | None) -> list[Step]:
        shapes, nodes, values = self._graph.shapes, self._nodes, self.values
        for name, shape in self._graph.inputs.items():
            values[name] = empty_batch_last((self.batch, *shape), self._dtype)
            if fixed is not None:
                copy_in(values[name], fixed[name])
        readers = Counter(self._graph.outputs)
        readers.update(source for name in self._order for source in nodes[name].inputs)
        memory = _Memory(partial(empty_batch_last, dtype=self._dtype))
        steps: list[Step] = []
        for name in self._order:
            node = nodes[name]
            if not self._whole and _may_overwrite(node, nodes, readers):
                self._over[name] = node.inputs[0]
                values[name] = values[node.inputs[0]]
            else:
                values[name] = memory.take((self.batch, *shapes[name]))
            steady = tuple(fixed is not None and source in self._graph.inputs for source in node.inputs)
            inputs = tuple(values[source] for source in node.inputs)
            slot = Slot(name, inputs, steady, values[name], self._contexts[name], self.workspace)
            forward, self._backwards[name] = node.op.plan(slot)
            steps += forward
            self._slots[name] = slot
            if slot.convolutions:
                self.convolutions[name] = slot.convolutions
            if not self.has_backward and not self._contexts[name].state:
                readers.subtract(node.inputs)
                for source in set(node.inputs):
                    if readers[source] == 0 and source in nodes and self._over.get(name) != source:
                        memory.give(values[source])
        return steps

    @property
    def has_backward(self) -> bool:
        """Whether anything was asked for that :meth:`backward` makes."""
        return bool(self.gradients) or self._input_errors or self._whole

    def _wanted(self) -> set[str]:
        """Inputs and nodes whose error is of use: they have, or read something that has, what was asked for."""
        graph = self._graph
        if self._whole:
            return graph.needed()
        owners = {name.partition(".")[0] for name in self.gradients}
        wanted = set(graph.inputs) if self._input_errors else set()
        for name in self._order:
            if graph.owner(name) in owners or wanted.intersection(self._nodes[name].inputs):
                wanted.add(name)
        return wanted & graph.needed()

    def _plan_backward(self) -> list[Step]:
        graph, nodes, errors = self._graph, self._nodes, self.errors
        memory = _Memory(partial(empty_batch_last, dtype=self._dtype))
        spare = _Memory(partial(np.empty, dtype=self._dtype))
        own: dict[str, dict[str, Array]] = {}
        for full_name, array in self.gradients.items():
            owner, _, key = full_name.partition(".")
            own.setdefault(owner, {})[key] = array
        self.prepare_errors()
        wanted, written, steps = self._wanted(), set(graph.outputs), list[Step]()
        for name in reversed(self._order):
            if name not in wanted:
                continue
            node, owner = nodes[name], graph.owner(name)
            addends: list[tuple[Array, Array, _Memory]] = []

            def target(array: Array, key: str, free: _Memory, addends: list[Any] = addends) -> Array:
                """Where a contribution to ``array`` goes: itself for the first, else an array that is added to it."""
                if key not in written:
                    written.add(key)
                    return array
                addends.append((array, free.take(array.shape), free))
                addend: Array = addends[-1][1]
                return addend

            targets: list[Array | None] = []
            for source in node.inputs:
                if source not in wanted:
                    targets.append(None)
                    continue
                if source not in errors:
                    errors[source] = errors[name] if name in self._over else memory.take(self.values[source].shape)
                targets.append(target(errors[source], source, memory))
            filled = {key: target(array, f"{owner}.{key}", spare) for key, array in own.get(owner, {}).items()}
            if self._by_sample:
                steps += self._backwards[name](errors[name], tuple(targets), {})
                steps += self._sample_gradients(name, filled)
            else:
                steps += self._backwards[name](errors[name], tuple(targets), filled)
            for total, addend, free in addends:
                steps.append(partial(np.add, total, addend, total))
                free.give(addend)
            shared = name in self._over or any(errors[name] is errors[output] for output in graph.outputs)
            if not self._whole and not shared:
                memory.give(errors[name])
        return steps

    def _sample_gradients(self, name: str, filled: Mapping[str, Array]) -> list[Step]:
        """The step that fills the gradients (N, ...) of a node's parameters, each sample's apart."""
        op, slot, error = self._nodes[name].op, self._slots[name], self.errors[name]

        def step() -> None:
            gradients = op.sample_gradients(error, slot.inputs, slot.output, slot.context)
            for key, target in filled.items():
                target[...] = gradients[key]

        return [step] if filled else []

    # -- the passes --------------------------------------------------------------------------------

    def fill(self, inputs: Mapping[str, Array]) -> None:
        """Copy inputs (N, C, H, W), by name, to where forward reads them."""
        for name, array in inputs.items():
            copy_in(self.values[name], array)

    def forward(self) -> None:
        """Fill the values."""
        for step in self._forward:
            step()

    def prepare_errors(self) -> dict[str, Array]:
        """The errors of the outputs, batch-last in memory: to be filled before :meth:`backward`."""
        for name in self._graph.outputs:
            if name not in self.errors:
                self.errors[name] = empty_batch_last(self.values[name].shape, self._dtype)
        return {name: self.errors[name] for name in self._graph.outputs}

    def prepare_backward(self) -> None:
        """Plan backward now, and not when it is first run."""
        if self._backward is None:
            assert self.has_backward, "a plan without gradients has no backward"
            self._backward = self._plan_backward()

    def backward(self) -> None:
        """Fill the gradients, and the errors that were asked for, from the errors of the outputs."""
        self.prepare_backward()
        assert self._backward is not None, "it has just been planned"
        for step in self._backward:
            step()

    def update_state(self) -> None:
        """Move the state on after a step of training, from what forward left."""
        for name in self._order:
            context = self._contexts[name]
            if context.state:
                op = self._nodes[name].op
                method = f"{type(op).__name__}.next_state of node '{name}'"
                with calling(method):
                    state = op.next_state(self._slots[name].inputs, context)
                check_state(state, context.state, method)
                for key, values in state.items():
                    self._state[f"{self._graph.owner(name)}.{key}"] = values

    def blas_held(self) -> AbstractContextManager[None]:
        """In what the passes run best: BLAS held to one thread where lanes share the work."""
        return blas_held() if self._large else nullcontext()

    @property
    def bytes(self) -> int:
        """Memory of its own."""
        arrays = {id(array): array.nbytes for mapping in (self.values, self.errors) for array in mapping.values()}
        planned = sum(one.bytes for convolutions in self.convolutions.values() for one in convolutions)
        return sum(arrays.values()) + planned + self.workspace.bytes


class _Memory:
    """Arrays that are given back are taken again."""

    def __init__(self, make: Callable[[tuple[int, ...]], Array]) -> None:
        self._make = make
        self._free: dict[tuple[int, ...], list[Array]] = {}

    def take(self, shape: tuple[int, ...]) -> Array:
        free = self._free.get(shape)
        return free.pop() if free else self._make(shape)

    def give(self, array: Array) -> None:
        self._free.setdefault(array.shape, []).append(array)


def copy_in(held: Array, given: Array) -> None:
    """Copy (N, ...) in any order of memory and any dtype of real numbers into an array that is batch-last in memory."""
    if len(held) == 1:
        held[...] = given
        return
    for step in to_batch_last(batch_last(held), given):
        step()


def copy_out(held: Array) -> Array:
    """A new array (N, ...), C-contiguous, with what an array holds that is batch-last in memory."""
    copy = np.empty(held.shape, held.dtype)
    if len(held) == 1:
        copy[...] = held
        return copy
    for step in from_batch_last(copy, batch_last(held)):
        step()
    return copy


class Mirror:
    """The outputs of a plan, and their errors, in arrays (N, ...) that a loss reads and fills.

    Attributes:
        outputs: what :meth:`take` fills from the plan's values; errors: what :meth:`give` hands to the plan.
    """

    def __init__(self, plan: Plan) -> None:
        values, errors = plan.values, plan.prepare_errors()
        self.outputs: dict[str, Array] = {}
        self.errors: dict[str, Array] = {}
        self._take: list[Step] = []
        self._give: list[Step] = []
        for name, error in errors.items():
            if plan.batch == 1:  # its memory is in both orders
                self.outputs[name] = np.ascontiguousarray(values[name])
                self.errors[name] = np.ascontiguousarray(error)
                assert np.shares_memory(self.outputs[name], values[name]), "one sample lies batch-first and batch-last"
                continue
            self.outputs[name] = np.empty(error.shape, error.dtype)
            self.errors[name] = np.zeros(error.shape, error.dtype)
            self._take += from_batch_last(self.outputs[name], batch_last(values[name]))
            self._give += to_batch_last(batch_last(error), self.errors[name])

    def take(self) -> None:
        """Fill ``outputs`` after forward."""
        for step in self._take:
            step()

    def give(self) -> None:
        """Hand ``errors`` to the plan before backward."""
        for step in self._give:
            step()


def _may_overwrite(node: Node, nodes: Mapping[str, Node], readers: Mapping[str, int]) -> bool:
    """Whether a node's value may lie where that of its input does: nobody else reads that, nor looks at it later."""
    if not node.op.in_place or node.inputs[0] not in nodes:
        return False
    return readers[node.inputs[0]] == 1 and not nodes[node.inputs[0]].op.reads_output
