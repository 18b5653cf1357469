"""Model: a graph with parameters. Forward answers; backward pushes an error from the outputs to everything.

Both are one loop: forward over the nodes in topological order, backward over the same nodes reversed,
each node adding to the errors of the nodes that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigraph.arrays import Array, ArraysLike, by_name, canonical, real_array, spell_shape
from minigraph.convolution import find_engine
from minigraph.errors import CallOrderError, CheckpointError, DefinitionError, ShapeError
from minigraph.files.npz import read_npz
from minigraph.files.writing import write_npz
from minigraph.graph.graph import DTYPES, Graph
from minigraph.graph.initialization import Explicit, Scheme
from minigraph.model.parameters import Parameters
from minigraph.ops.base import Context, Parameter
from minigraph.wording import did_you_mean, one_of


@dataclass(frozen=True)
class Gradients:
    """What backward answers; all arrays are the caller's own.

    Attributes:
        parameters: dLoss/dparameter by full name ("conv1.kernel"), summed over the batch and over all users.
        inputs: dLoss/dinput by name, in the rank of the input that was given.
        errors: dLoss/d(the node's value) by node, summed over all its consumers.
    """

    parameters: dict[str, Array]
    inputs: dict[str, Array]
    errors: dict[str, Array]


class Model:
    """A graph's parameters and its passes.

    Args:
        graph: a sound graph; the model keeps it, and it must not be changed afterwards.
        seed: an integer for the initial parameters, a numpy Generator to draw them from, or None for others each time.
        engine: "fast", or "naive" for the textbook loops.
        dtype: "float64" or "float32"; the graph's when left out.

    Attributes:
        parameters: the learned arrays by full name; see :class:`Parameters`.
        state: what is kept between training steps without being learned, such as "norm.mean", likewise.
        values: what every input and node held in the last forward, by name.

    Raises:
        DefinitionError: the graph is not sound, or there is no such engine or dtype.
    """

    def __init__(
        self,
        graph: Graph,
        seed: int | np.random.Generator | None = None,
        engine: str = "fast",
        dtype: str | None = None,
    ) -> None:
        self.graph = graph
        self.engine = engine
        self.dtype = graph.dtype if dtype is None else _dtype_name(dtype)
        self._convolution = find_engine(engine)
        nodes = graph.nodes
        self._nodes = [(name, nodes[name]) for name in graph.order]
        self._owners = {name: graph.owner(name) for name, _ in self._nodes}
        declared = graph.parameters
        frozen = {name for name in declared if not nodes[name.split(".")[0]].trainable}
        self.parameters = Parameters({name: item.shape for name, item in declared.items()}, frozen, self.dtype)
        self.state = Parameters({name: item.shape for name, item in graph.states.items()}, set(), self.dtype)
        generator = _generator(seed)
        for full_name, parameter in declared.items():
            node, name = full_name.split(".")
            initial = nodes[node].init.get(name) or default_initializer(parameter)
            self.parameters[full_name] = initial.draw(parameter, generator)
        for full_name, parameter in graph.states.items():
            self.state[full_name] = default_initializer(parameter).draw(parameter, generator)
        parameters, state = (_by_owner(arrays) for arrays in (self.parameters, self.state))
        self._contexts = {
            training: {
                name: Context(parameters.get(owner, {}), self._convolution, state.get(owner, {}), training)
                for name, owner in self._owners.items()
            }
            for training in (False, True)
        }
        self._last: _Pass | None = None

    # -- the passes --------------------------------------------------------------------------------

    def forward(self, x: ArraysLike, *, training: bool = False) -> Any:
        """The answer to ``x``.

        Args:
            x: the input's array, or a dict of arrays by name when the graph has several inputs. Each is (H, W)
                where the input has one channel, (C, H, W), or (N, C, H, W).
            training: whether BatchNorm uses the batch's own statistics; the running ones stay as they are.

        Returns:
            The output's array, or a dict of arrays by name when the graph has several outputs, in the rank of
            the input: (H, W) in and one channel out gives (H', W').

        Raises:
            ShapeError: an array does not fit its input. DataError: an array is missing, or is not of real numbers.
        """
        given = by_name(x, list(self.graph.inputs), "input")
        arrays, ranks = {}, {}
        for name, shape in self.graph.inputs.items():
            arrays[name], ranks[name] = canonical(given[name], shape, name, self.dtype)
        batches = {name: len(array) for name, array in arrays.items()}
        if len(set(batches.values())) > 1:
            found = ", ".join(f"'{name}' has {count}" for name, count in batches.items())
            raise ShapeError(f"inputs of one batch need the same number of samples; found {found}")
        self.run(arrays, training)
        self._last = _Pass(arrays, max(ranks.values()), ranks, self.parameters.version, training)
        return self._answer({name: self._last.shown(name) for name in self.graph.outputs})

    def backward(self, error: ArraysLike) -> Gradients:
        """Push dLoss/doutput back through the last forward.

        Args:
            error: shaped as forward's answer was: an array, or a dict of arrays for several outputs.

        Nothing accumulates: a second call gives the same answer. Nodes that no output depends on get zeros.

        Raises:
            CallOrderError: forward has not run, or parameters were assigned since.
            ShapeError: the error is not shaped like the answer. DataError: it is not of real numbers.
        """
        last = self._last
        if last is None or last.version != self.parameters.version:
            reason = "forward has not run yet" if last is None else "parameters were assigned since the last forward"
            raise CallOrderError(f"backward: {reason}; call forward first")
        given = by_name(error, self.graph.outputs, "output")
        errors: dict[str, Array] = {}
        for name in self.graph.outputs:
            array = real_array(given[name], f"error of output '{name}'")
            expected = last.shown(name).shape
            if array.shape != expected:
                raise ShapeError(
                    f"error of output '{name}': found shape {spell_shape(array.shape)}; expected that of the answer, "
                    f"{spell_shape(expected)}"
                )
            errors[name] = array.astype(self.dtype).reshape(last.arrays[name].shape)
        gradients = self.push(last.arrays, errors, last.training)
        return Gradients(
            {name: own(gradients.get(name), self.parameters[name]) for name in self.parameters},
            {name: last.in_rank(name, own(errors.get(name), last.arrays[name])) for name in self.graph.inputs},
            {name: last.in_rank(name, own(errors.get(name), last.arrays[name])) for name, _ in self._nodes},
        )

    def contexts(self, training: bool) -> dict[str, Context]:
        """What each node's op is lent in a pass, by node."""
        return self._contexts[training]

    def run(self, arrays: dict[str, Array], training: bool = False) -> None:
        """The bare forward loop: ``arrays`` has the inputs, (N, C, H, W), and gets every node's answer."""
        contexts = self.contexts(training)
        for name, node in self._nodes:
            arrays[name] = node.op.forward(tuple(arrays[source] for source in node.inputs), contexts[name])

    def push(self, arrays: Mapping[str, Array], errors: dict[str, Array], training: bool = False) -> dict[str, Array]:
        """The bare backward loop: ``errors`` has the outputs' and gets those of all that feeds them.

        Returns the gradients of the parameters that were reached, by full name. ``arrays`` is what :meth:`run` left.
        """
        contexts = self.contexts(training)
        gradients: dict[str, Array] = {}
        for name, node in reversed(self._nodes):
            if name not in errors:
                continue
            inputs = tuple(arrays[source] for source in node.inputs)
            answered = node.op.backward(errors[name], inputs, arrays[name], contexts[name])
            for source, addend in zip(node.inputs, answered.inputs, strict=True):
                # A new array each time: ops may hand the same one to several inputs.
                errors[source] = errors[source] + addend if source in errors else addend
            for parameter, gradient in answered.parameters.items():
                full_name = f"{self._owners[name]}.{parameter}"
                gradients[full_name] = gradients[full_name] + gradient if full_name in gradients else gradient
        return gradients

    def advance(self, arrays: Mapping[str, Array]) -> None:
        """Move the state on after a training step whose forward left ``arrays``."""
        for name, node in self._nodes:
            context = self._contexts[True][name]
            if context.state:
                inputs = tuple(arrays[source] for source in node.inputs)
                for key, values in node.op.next_state(inputs, context).items():
                    self.state[f"{self._owners[name]}.{key}"] = values

    @property
    def values(self) -> dict[str, Array]:
        """Copies of what every input and node held in the last forward, in the rank of the input.

        Raises:
            CallOrderError: forward has not run.
        """
        if self._last is None:
            raise CallOrderError("values: forward has not run yet; call forward first")
        return {name: self._last.shown(name) for name in self._last.arrays}

    def _answer(self, outputs: dict[str, Array]) -> Any:
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    # -- weights -----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write parameters and state as an npz with one array for each full name, whole or not at all.

        Raises:
            DataError: the file cannot be written.
        """
        write_npz(path, {**self.parameters, **self.state})

    def load_weights(self, path: str | Path) -> None:
        """Take parameters and state from an npz written by :meth:`save`; on an error none is changed.

        Raises:
            CheckpointError: the file's names or shapes are not this model's. DataError: it cannot be read.
        """
        arrays = read_npz(path)
        known = {**self.parameters, **self.state}
        faults = [f"'{name}' is missing" for name in known if name not in arrays]
        faults += [f"'{name}' is not of this graph{did_you_mean(name, known)}" for name in arrays if name not in known]
        for name in [name for name in known if name in arrays]:
            if arrays[name].shape != known[name].shape:
                found, expected = spell_shape(arrays[name].shape), spell_shape(known[name].shape)
                faults.append(f"'{name}' has shape {found}, expected {expected}")
            elif arrays[name].dtype.kind not in "biuf":
                faults.append(f"'{name}' has dtype {arrays[name].dtype}, expected real numbers")
        if faults:
            raise CheckpointError(f"{path}: these weights do not fit graph '{self.graph.name}': " + "; ".join(faults))
        for held in (self.parameters, self.state):
            for name in held:
                held[name] = arrays[name]

    def __repr__(self) -> str:
        return (
            f"<Model of {self.graph.name}: {self.parameters.flat.size} parameters, engine {self.engine}, {self.dtype}>"
        )


@dataclass(frozen=True)
class _Pass:
    """What one forward leaves for backward: canonical arrays (N, C, H, W) or (N, F), and the user's ranks."""

    arrays: dict[str, Array]
    rank: int
    ranks: dict[str, int]
    version: int
    training: bool

    def in_rank(self, name: str, array: Array) -> Array:
        """``array``, a value of ``name``, in the rank in which the user gave the input."""
        rank = self.ranks.get(name, self.rank)
        if rank == 4:
            return array
        sample: Array = array[0]
        return sample[0] if rank == 2 and sample.ndim == 3 and len(sample) == 1 else sample

    def shown(self, name: str) -> Array:
        """A copy of the value of ``name`` for the user."""
        return self.in_rank(name, self.arrays[name].copy())


def _by_owner(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """ArraysLike by full name as arrays by node, and by the op's own names."""
    found: dict[str, dict[str, Array]] = {}
    for full_name, array in arrays.items():
        owner, _, name = full_name.partition(".")
        found.setdefault(owner, {})[name] = array
    return found


def _generator(seed: int | np.random.Generator | None) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise DefinitionError(f"seed: found {seed!r}; expected an integer of at least 0, or a Generator") from None


def _dtype_name(dtype: object) -> str:
    """ "float64" or "float32", for what NumPy takes as one of them.

    Raises:
        DefinitionError: it is neither.
    """
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]  # what it cannot take is told below
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise DefinitionError(f"dtype: found '{dtype}'; expected {one_of(DTYPES)}")
    return str(name)


def default_initializer(parameter: Parameter) -> Scheme | Explicit:
    """The initialiser of a parameter that has none declared."""
    if isinstance(parameter.default, str):
        return Scheme(scheme=parameter.default)
    return Explicit(values=parameter.default)


def own(found: Array | None, like: Array) -> Array:
    """A copy of ``found`` that belongs to the caller, or zeros like ``like`` where there is none."""
    return np.zeros_like(like) if found is None else np.array(found, like.dtype, order="C")


def load(
    definition: str | Path,
    seed: int | np.random.Generator | None = None,
    engine: str = "fast",
    dtype: str | None = None,
) -> Model:
    """A new model of a definition file, or of a bundled definition by its bare name; see :class:`Model`.

    >>> import minigraph as mg
    >>> mg.load("two_conv", seed=0).parameters["conv2.kernel"].shape
    (1, 1, 4, 4)
    """
    return Model(Graph.load(definition), seed, engine, dtype)
