"""The equations that recovery solves: answer(p) - target = 0 for the trainable parameters p, and their Jacobian.

The Jacobian comes from the ops' own backward: one row is what a one-hot error at one entry of one output leaves as
gradient, and the rows are pushed through the graph together, as one batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DefinitionError
from minigraph.model.model import Model
from minigraph.model.plan import Plan
from minigraph.ops.base import Errors
from minigraph.ops.conv import Conv

CHUNK = 4_000_000
"""So many numbers of patches are held at once while rows of the Jacobian are computed."""


class Equations(ABC):
    """R equations in P unknowns, to be solved in the sense of least squares."""

    @abstractmethod
    def residual(self, p: Array) -> Array:
        """What is left of each equation at ``p`` (P,): (R,)."""

    @abstractmethod
    def jacobian(self, p: Array) -> Array:
        """dresidual/dp: (R, P)."""

    def loss_and_gradient(self, p: Array) -> tuple[float, Array]:
        """The sum of squares of the residual, and its gradient (P,)."""
        residual = self.residual(p)
        return float(residual @ residual), 2 * residual @ self.jacobian(p)


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
        places = model.parameters.views_of(np.arange(self._gradient.size))
        self._columns = {name: slice(place.flat[0], place.flat[-1] + 1) for name, place in places.items()}
        self._owner = {name: graph.owner(name) for name in graph.order}
        # An error is of use to a node that has, or reads something that has, a trainable parameter.
        self._carrying: set[str] = set()
        for name in graph.order:
            own = any(column.startswith(f"{self._owner[name]}.") for column in self._columns)
            if own or self._carrying & set(graph.nodes[name].inputs):
                self._carrying.add(name)

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
        with self.model.whole_pass(self._plan.batch, training=False) as plan:
            plan.fill(self.inputs)
            plan.forward()
            arrays = {name: array.copy() for name, array in plan.values.items()}
        jacobian = np.zeros((len(self.kept), len(p)))
        largest = max(prod(array.shape[1:]) for array in arrays.values())
        taps = max((prod(parameter.shape[2:]) for parameter in self.model.graph.parameters.values()), default=1)
        step = max(CHUNK // (largest * taps), 1)
        start = 0
        for output, shape in self.shapes.items():
            inside = np.flatnonzero((self.kept >= start) & (self.kept < start + prod(shape)))
            for first in range(0, len(inside), step):
                rows = inside[first : first + step]
                samples, entries = np.divmod(self.kept[rows] - start, prod(shape[1:]))
                error = np.zeros((len(rows), prod(shape[1:])))
                error[np.arange(len(rows)), entries] = 1.0
                jacobian[rows] = self._push(arrays, output, error.reshape(-1, *shape[1:]), samples)
            start += prod(shape)
        return jacobian

    def _push(self, arrays: Mapping[str, Array], output: str, error: Array, samples: Array) -> Array:
        """The gradients (rows, P) of rows of errors at an output; a row is about the sample that ``samples`` names."""
        errors, rows = {output: error}, np.zeros((len(error), self._gradient.size))
        nodes, contexts = self.model.graph.nodes, self.model.contexts(training=False)
        for name in reversed(self.model.graph.order):
            if name not in errors or name not in self._carrying:
                continue
            op, sources, context = nodes[name].op, nodes[name].inputs, contexts[name]
            inputs = tuple(arrays[source][samples] for source in sources)
            held = arrays[name][samples]
            wanted = {key for key in context.parameters if f"{self._owner[name]}.{key}" in self._columns}
            if isinstance(op, Conv):
                (x,), kernel, engine = inputs, context.parameters["kernel"], context.convolution
                geometry = op.geometry(x.shape[2:])
                # Rows that lie side by side as groups of channels keep their gradients apart.
                lanes = replace(geometry, groups=geometry.groups * len(x))
                pushed, beside = (array.reshape(1, -1, *array.shape[2:]) for array in (errors[name], x))
                own, reached = {}, []
                if "kernel" in wanted:
                    own["kernel"] = engine.kernel_gradient(pushed, beside, lanes, kernel.shape[2:])
                if "bias" in wanted:
                    own["bias"] = errors[name].sum(axis=(2, 3))
                if sources[0] in self._carrying:
                    reached.append(engine.input_error(errors[name], kernel, geometry, x.shape[2:]))
                answered = Errors(tuple(reached), own)
            elif wanted:
                parts = [
                    op.backward(errors[name][row], tuple(array[row] for array in inputs), held[row], context)
                    for row in (slice(index, index + 1) for index in range(len(error)))
                ]
                answered = Errors(
                    tuple(np.concatenate(arrays) for arrays in zip(*(part.inputs for part in parts), strict=True)),
                    {key: np.stack([part.parameters[key] for part in parts]) for key in wanted},
                )
            else:
                answered = op.backward(errors[name], inputs, held, context)
            for source, addend in zip(sources, answered.inputs, strict=False):
                if source in self._carrying:
                    errors[source] = errors[source] + addend if source in errors else addend
            for key in wanted:
                rows[:, self._columns[f"{self._owner[name]}.{key}"]] += answered.parameters[key].reshape(len(error), -1)
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
