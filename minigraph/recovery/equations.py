"""The equations that recovery solves: answer(p) - target = 0 for the trainable parameters p, and their Jacobian.

The Jacobian comes from the ops' own backward: one row is the gradient that a one-hot error at one entry of one output
leaves. Rows are the samples of a batch, whose gradients are kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DefinitionError
from minigraph.model.model import Model
from minigraph.model.plan import Plan
from minigraph.solvers import Equations

CHUNK = 500_000
"""So many numbers of patches are held at once while rows of the Jacobian are computed."""


class GraphEquations(Equations):
    """A graph's answers to given inputs against targets; an equation for each entry of each output, in this order.

    Args:
        model: in float64; its trainable parameters are overwritten.
        inputs, targets: (N, C, H, W) or (N, F) by name.
        kept: the indices of the equations that count; all when left out.

    Raises:
        DefinitionError: a node mixes samples or keeps statistics (BatchNorm), so that its answers in training differ.
    """

    def __init__(
        self, model: Model, inputs: Mapping[str, Array], targets: Mapping[str, Array], kept: Array | None = None
    ) -> None:
        graph = model.graph
        if graph.states:
            name = next(iter(graph.states)).split(".")[0]
            op = type(graph.nodes[name].op).__name__
            raise DefinitionError(
                f"nodes.{name}: found {op}, whose answers depend on what it has seen in training; "
                "expected a graph without it: recovery needs answers that depend on the parameters alone"
            )
        self.model, self.inputs = model, dict(inputs)
        self.shapes = {name: (len(targets[name]), *graph.shapes[name]) for name in graph.outputs}
        self.target = np.concatenate([targets[name].ravel() for name in graph.outputs])
        self.kept = np.arange(self.target.size) if kept is None else kept
        self._gradient = np.zeros_like(model.parameters.trainable)
        samples = len(next(iter(inputs.values())))
        self._plan = Plan(model, samples, model.parameters.views_of(self._gradient), fixed=inputs)
        self._row_plans: dict[int, Plan] = {}

    def residual(self, p: Array) -> Array:
        self.model.parameters.trainable[...] = p
        self._plan.forward()
        answers = [self._plan.values[name].ravel() for name in self.shapes]
        answer = answers[0] if len(answers) == 1 else np.concatenate(answers)
        difference: Array = (answer - self.target)[self.kept]
        return difference

    def loss_and_gradient(self, p: Array) -> tuple[float, Array]:
        residual = self.residual(p)
        error = np.zeros_like(self.target)
        error[self.kept] = 2 * residual
        start = 0
        for name, shape in self.shapes.items():
            self._plan.prepare_errors()[name][...] = error[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        self._plan.backward()
        return float(residual @ residual), self._gradient.copy()

    def jacobian(self, p: Array) -> Array:
        self.model.parameters.trainable[...] = p
        jacobian = np.zeros((len(self.kept), len(p)))
        start = 0
        for output, shape in self.shapes.items():
            inside = np.flatnonzero((self.kept >= start) & (self.kept < start + prod(shape)))
            for first in range(0, len(inside), self._at_once):
                rows = inside[first : first + self._at_once]
                samples, entries = np.divmod(self.kept[rows] - start, prod(shape[1:]))
                jacobian[rows] = self._rows(output, samples, entries)
            start += prod(shape)
        return jacobian

    @cached_property
    def _at_once(self) -> int:
        """How many rows are made at once."""
        graph = self.model.graph
        largest = max(prod(shape) for shape in graph.shapes.values())
        taps = max((prod(parameter.shape[2:]) for parameter in graph.parameters.values()), default=1)
        return max(CHUNK // (largest * taps), 1)

    def _rows(self, output: str, samples: Array, entries: Array) -> Array:
        """Rows (n, P) of the Jacobian: row i is about one entry of one sample's answer at an output."""
        count, learned = len(samples), self.model.parameters.trainable
        plan = self._row_plans.get(count)
        if plan is None:
            gradients = {
                name: np.zeros((count, *view.shape)) for name, view in self.model.parameters.views_of(learned).items()
            }
            plan = self._row_plans[count] = Plan(self.model, count, gradients, by_sample=True)
        plan.fill({name: array[samples] for name, array in self.inputs.items()})
        plan.forward()
        for name, error in plan.prepare_errors().items():
            error[...] = 0
            if name == output:
                error.reshape(count, -1)[np.arange(count), entries] = 1
        plan.backward()
        rows = np.empty((count, len(learned)))
        column = 0
        for gradient in plan.gradients.values():
            width = gradient[0].size
            rows[:, column : column + width] = gradient.reshape(count, -1)
            column += width
        return rows


class MixedEquations(Equations):
    """A matrix times another system's answers, over the samples, against a right-hand side.

    Args:
        inner: equations with the target 0 whose samples have F answers each; matrix: (R, N).
        right: (R, F).
    """

    def __init__(self, inner: GraphEquations, matrix: Array, right: Array) -> None:
        self.inner, self.matrix, self.right = inner, matrix, right

    def residual(self, p: Array) -> Array:
        answers = self.inner.residual(p).reshape(self.matrix.shape[1], -1)
        difference: Array = (self.matrix @ answers - self.right).ravel()
        return difference

    def jacobian(self, p: Array) -> Array:
        rows = self.inner.jacobian(p).reshape(self.matrix.shape[1], -1)
        return (self.matrix @ rows).reshape(-1, len(p))


class BilinearEquations(Equations):
    """Equations that are linear in the first unknowns u and in the others v alike: c + A u + B v + u'Tv = 0.

    The constants come from a system's own answers, once; after that an evaluation is two small products.

    Args:
        constant: c (R,); first: A (R, U); second: B (R, V); both: T (R, U, V).
    """

    def __init__(self, constant: Array, first: Array, second: Array, both: Array) -> None:
        self.constant, self.first, self.second, self.both = constant, first, second, both

    @classmethod
    def of(cls, equations: Equations, split: int, size: int) -> BilinearEquations:
        """The constants of a system that is linear in the first ``split`` of its ``size`` unknowns and in the rest."""
        units = np.eye(size)
        constant = equations.residual(np.zeros(size))
        linear = np.stack([equations.residual(unit) - constant for unit in units], axis=1)
        first, second = linear[:, :split], linear[:, split:]
        pairs = [[equations.residual(u + v) for v in units[split:]] for u in units[:split]]
        both = np.moveaxis(np.array(pairs), 2, 0) - constant[:, None, None] - first[:, :, None] - second[:, None, :]
        return cls(constant, first, second, both)

    def mixed(self, matrix: Array, right: Array) -> BilinearEquations:
        """A matrix (R, N) times these equations, N samples of F answers each, against ``right`` (R, F)."""

        def times(array: Array) -> Array:
            parts = array.reshape(matrix.shape[1], -1)
            return (matrix @ parts).reshape(-1, *array.shape[1:])

        constant = times(self.constant) - right.ravel()
        return BilinearEquations(constant, times(self.first), times(self.second), times(self.both))

    def _slopes(self, p: Array) -> tuple[Array, Array]:
        """dresidual/du (R, U), and v."""
        v = p[self.first.shape[1] :]
        return self.first + self.both @ v, v

    def residual(self, p: Array) -> Array:
        slopes, v = self._slopes(p)
        value: Array = self.constant + slopes @ p[: slopes.shape[1]] + self.second @ v
        return value

    def jacobian(self, p: Array) -> Array:
        slopes, _ = self._slopes(p)
        return np.hstack([slopes, self.second + p[: slopes.shape[1]] @ self.both])
