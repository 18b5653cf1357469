"""explain: one training step of a model, taken apart into plain data.

The whole passes are run once, as :meth:`Model.forward` and ``backward`` run them. A node's steps are made when it is
first asked for, by its op; what several ops have to do with is added here: where errors meet (``gather``) and the
update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minigraph.arrays import Array, ArraysLike, spell_shape
from minigraph.data.samples import fit_samples
from minigraph.errors import DataError, DefinitionError
from minigraph.explaining import Cell, Step, formula, number, sum_of
from minigraph.inside.update import Update
from minigraph.model.model import Model
from minigraph.model.plan import copy_in, copy_out
from minigraph.recipe.losses import Loss
from minigraph.recipe.optimizers import SGD, Optimizer
from minigraph.recipe.settings import TrainSection
from minigraph.wording import describe, did_you_mean, one_of


@dataclass(frozen=True)
class NodeExplanation:
    """One node of a training step, or one input of the graph. Arrays are the caller's own.

    Attributes:
        name: the node's or the input's. op: its op's name; "Input" of an input.
        value: (N, C, H, W) or (N, F). error: dLoss/d(the value), summed over its consumers.
        input_errors: what it sends back to each of its inputs, in their order; none of an input.
        gradients: by the parameter's own name what this node contributes, also where nodes share.
        forward, backward: the steps, in order; none of an input.
    """

    name: str
    op: str
    value: Array
    error: Array
    input_errors: tuple[Array, ...] = ()
    gradients: Mapping[str, Array] = field(default_factory=dict)
    forward: tuple[Step, ...] = ()
    backward: tuple[Step, ...] = ()

    def cell(self, array: str, index: tuple[int, ...]) -> Cell:
        """How one number came about.

        Args:
            array: the result of one of the steps, such as "answer". index: where the number stands in it.

        Raises:
            DataError: no step makes an array of this name, or there is no such place in it.
        """
        steps = {step.result: step for step in (*self.forward, *self.backward)}
        if array not in steps:
            expected = one_of(steps) if steps else "a node's name: an input has no steps"
            raise DataError(f"cell of '{self.name}': found '{array}'; expected {expected}{did_you_mean(array, steps)}")
        step, place = steps[array], tuple(index)
        shape = step.made.shape
        if len(place) != len(shape) or not all(0 <= at < size for at, size in zip(place, shape, strict=False)):
            text = f"found {list(place)}; expected {len(shape)} numbers from 0, below {spell_shape(shape)}"
            raise DataError(f"cell of '{self.name}' in '{array}': {text}")
        return step.rule(place)


class Explanation(Mapping[str, NodeExplanation]):
    """One training step taken apart, by the names of inputs and nodes in the order of the passes.

    Attributes:
        loss: before the update. loss_steps: the loss's own steps, output after output.
    """

    loss: float
    loss_steps: tuple[Step, ...]

    def __init__(
        self,
        model: Model,
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
        loss: Loss,
        update: Update,
        loss_weights: Mapping[str, float],
    ) -> None:
        graph, count = model.graph, len(next(iter(inputs.values())))
        self.graph = graph
        with model.whole_pass(count, training=True) as plan:
            plan.fill(inputs)
            with plan.blas_held():
                plan.forward()
                self._values = {name: copy_out(value) for name, value in plan.values.items()}
                self._of_loss: dict[str, Array] = {}
                self.loss, steps = 0.0, list[Step]()
                for name, target in plan.prepare_errors().items():
                    answer, weight = self._values[name], loss_weights.get(name, 1.0)
                    told = loss.explain(answer, _like(targets[name], answer), name, weight)
                    steps += told
                    self.loss += float(next(step.made for step in told if step.result == "loss"))
                    self._of_loss[name] = told[-1].made
                    copy_in(target, told[-1].made)
                plan.backward()
            self._errors = {name: copy_out(error) for name, error in plan.errors.items()}
            gradients = {name: gradient.copy() for name, gradient in plan.gradients.items()}
        self.loss_steps = tuple(steps)
        self._parameters = {name: array.copy() for name, array in model.parameters.items()}
        self._update = update
        self._moved = update.moved(model, gradients)
        self._gradients = gradients
        state = {name: array.copy() for name, array in model.state.items()}
        self._contexts = {
            name: replace(
                context,
                parameters={key: self._parameters[f"{graph.owner(name)}.{key}"] for key in context.parameters},
                state={key: state[f"{graph.owner(name)}.{key}"] for key in context.state},
            )
            for name, context in model.contexts(training=True).items()
        }
        self._made: dict[str, NodeExplanation] = {}

    def __getitem__(self, name: str) -> NodeExplanation:
        if name not in self._values:
            known = list(self)
            raise DefinitionError(f"found '{name}'; expected {one_of(known)}{did_you_mean(name, known)}")
        if name not in self._made:
            self._made[name] = self._explained(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.graph.inputs, *self.graph.order])

    def __len__(self) -> int:
        return len(self.graph.inputs) + len(self.graph.order)

    def _explained(self, name: str) -> NodeExplanation:
        value = self._values[name]
        error = self._errors.get(name, np.zeros_like(value))
        if name in self.graph.inputs:
            return NodeExplanation(name, "Input", value, error)
        node, context = self.graph.nodes[name], self._contexts[name]
        inputs = tuple(self._values[source] for source in node.inputs)
        forward = node.op.explain_forward(inputs, value, context)
        backward = node.op.explain_backward(error, inputs, value, context)
        made = {step.result: step.made for step in backward}
        errors = (
            (made["input_error"],)
            if len(inputs) == 1
            else tuple(made[f"input_error_{place}"] for place in range(len(inputs)))
        )
        gradients = {key: made[f"{key}_gradient"] for key in context.parameters}
        backward = [*self._gather(name, error), *backward]
        if context.parameters and self.graph.owner(name) == name:
            backward.append(self._updated(name, gradients))
        return NodeExplanation(
            name,
            type(node.op).__name__,
            value,
            error,
            errors,
            gradients,
            *(tuple(step.copied() for step in steps) for steps in (forward, backward)),
        )

    def _gather(self, name: str, error: Array) -> list[Step]:
        """The step that adds up what comes back to a node, where two or more things do."""
        addends: dict[str, Array] = {"from_loss": self._of_loss[name]} if name in self._of_loss else {}
        for reader, node in self.graph.nodes.items():
            places = [place for place, source in enumerate(node.inputs) if source == name]
            for place in places:
                key = f"from_{reader}" if len(places) == 1 else f"from_{reader}_{place}"
                addends[key] = self[reader].input_errors[place]
        if len(addends) < 2:
            return []
        return [
            Step(
                "gather",
                "Add up what comes back",
                f"The value went {len(addends)} ways, and each sends its own error back: a small change acts on "
                "the loss in "
                "all of them, so they are added up.",
                f"error = {' + '.join(addends)}",
                "error",
                {**addends, "error": error},
                formula(lambda index: sum_of(number(addend[index]) for addend in addends.values()), error),
            )
        ]

    def _updated(self, owner: str, own: Mapping[str, Array]) -> Step:
        """The update of a node's parameters."""
        sharing = [name for name in self.graph.order if self.graph.owner(name) == owner]
        arrays: dict[str, Array] = {}
        for key, gradient in own.items():
            full = f"{owner}.{key}"
            arrays |= {key: self._parameters[full], f"{key}_gradient": gradient}
            if len(sharing) > 1:
                arrays[f"{key}_gradient_sum"] = self._gradients[full]
            if full in self._moved.used:
                arrays[f"{key}_gradient_used"] = self._moved.used[full]
            arrays[f"{key}_after"] = self._moved.after.get(full, self._parameters[full]).copy()
        if not self.graph.nodes[owner].trainable:
            why = "The node is frozen (trainable = false): nothing changes."
        elif owner not in self.graph.needed():
            why = "No output needs this node: nothing changes."
        else:
            why = ""
        text = why or self._update.text
        if len(sharing) > 1:
            text = (
                f"{len(sharing)} nodes use these parameters ({', '.join(sharing)}): their gradients are added up. "
                f"{text}"
            )
        first = next(iter(own))
        before, used = arrays[first], arrays.get(f"{first}_gradient_used")
        return Step(
            "update",
            "Update the parameters",
            text,
            f"{first}_after = {first}" if used is None else self._update.formula(first),
            f"{first}_after",
            arrays,
            formula(
                lambda index: (
                    number(before[index])
                    if used is None
                    else self._update.filled(number(before[index]), number(used[index]))
                ),
                arrays[f"{first}_after"],
            ),
        )


def explain(
    model: Model[Any],
    x: ArraysLike,
    target: ArraysLike,
    *,
    loss: str | Loss = "sse",
    learning_rate: float | None = None,
    optimizer: Optimizer | None = None,
    state: Mapping[str, Array] | None = None,
    clip_norm: float | None = None,
    loss_weights: Mapping[str, float] | None = None,
) -> Explanation:
    """One training step taken apart: every node's forward, backward and update. The model is not changed.

    All arrays are (N, C, H, W) or (N, F), whatever form x has, and parameters have their own shape. The numbers are
    those of ``model.forward(x, training=True)`` and the ``backward`` after it.

    Args:
        x: as for :meth:`Model.forward`. target: as for :func:`minigraph.train`.
        loss: a loss's name, or a Loss. loss_weights: what an output's loss is multiplied by; 1 when left out.
        learning_rate: of plain gradient descent; or ``optimizer``: any other rule. state: what the optimizer
            remembers, as its ``state`` method made it; its first step when left out.
        clip_norm: a gradient that is longer is shortened to this length.

    Raises:
        ShapeError: x or target do not fit the graph. DataError: an array is missing or not of real numbers.
        DefinitionError: a setting is wrong, or there is not one of learning_rate and optimizer.

    >>> import minigraph as mg, numpy as np
    >>> model = mg.load("two_conv", seed=0)
    >>> inside = mg.explain(model, np.ones((20, 20)), np.zeros((8, 8)), learning_rate=3e-5)
    >>> [step.name for step in inside["conv2"].backward]
    ['insert_zeros', 'pad', 'rotate', 'convolve', 'kernel_gradient', 'bias_gradient', 'update']
    >>> cell = inside["conv2"].cell("answer", (0, 0, 3, 4))
    >>> len(cell.terms), abs(sum(a * b for a, b in cell.terms) + cell.bias - cell.value) < 1e-12
    (16, True)
    """
    if learning_rate is not None and optimizer is None:
        rule: Optimizer = SGD(learning_rate=learning_rate)
    elif learning_rate is None and optimizer is not None:
        rule = optimizer
    else:
        raise DefinitionError("explain: expected learning_rate or optimizer, and not both")
    if not isinstance(rule, Optimizer):
        raise DefinitionError(
            f"optimizer: found {describe(rule)}; expected one that takes single steps, such as mg.SGD"
        )
    settings = TrainSection(
        loss=loss, optimizer=rule, steps=1, clip_norm=clip_norm, loss_weights=dict(loss_weights or {})
    )
    samples = fit_samples(model.graph, settings.loss, x, target)
    inputs, targets = samples.read(slice(None))
    update = Update(rule, state, settings.clip_norm)
    return Explanation(model, inputs, targets, settings.loss, update, settings.loss_weights)


def _like(target: Array, answer: Array) -> Array:
    """A target in the answer's dtype; class numbers as integers."""
    return target.astype(np.int64 if target.ndim < answer.ndim else answer.dtype)
