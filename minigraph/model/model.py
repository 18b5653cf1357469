"""Model: a graph with parameters. Forward answers; backward pushes an error from the outputs to everything.

Both run on a :class:`~minigraph.model.plan.Plan`, the passes that training runs on as well. A model keeps a few
plans, by batch size and kind of pass; each call borrows one, so that calls from several threads have one each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, cast

import numpy as np

from minigraph.arrays import (
    Array,
    ArraysLike,
    Form,
    arranged,
    as_dtype,
    by_name,
    real_array,
    require_one_count,
    spell_shape,
)
from minigraph.convolution import find_engine
from minigraph.errors import CallOrderError, DefinitionError, ShapeError
from minigraph.files.writing import write_npz
from minigraph.graph.graph import DTYPES, Graph
from minigraph.graph.initialization import Explicit, Scheme
from minigraph.model.parameters import Parameters
from minigraph.model.plan import Plan, copy_in, copy_out
from minigraph.model.weights import read_weights
from minigraph.ops.base import Context, Parameter
from minigraph.wording import one_of

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Answer = TypeVar("Answer", covariant=True, default=Array)
else:
    from typing import TypeVar

    Answer = TypeVar("Answer", covariant=True)

MOST_PLANS = 8
"""So many plans are kept by a model between calls."""
MOST_BYTES = 1 << 28
"""So much memory is kept by them together: 256 MiB."""


@dataclass(frozen=True)
class Gradients:
    """What backward answers; all arrays are the caller's own.

    Attributes:
        parameters: dLoss/dparameter by full name ("conv1.kernel"), summed over the batch and over all users.
        inputs: dLoss/dinput by name, in the form of the input that was given.
        errors: dLoss/d(the node's value) by node, summed over all its consumers.
    """

    parameters: dict[str, Array]
    inputs: dict[str, Array]
    errors: dict[str, Array]


class Model(Generic[Answer]):
    """A graph's parameters and its passes.

    To type checkers its answers are arrays; where a graph has several outputs write what they are instead, as in
    ``model: mg.Model[dict[str, mg.Array]] = mg.Model(graph)``.

    A model can be copied and pickled. ``forward`` may be called from several threads; ``values`` and ``backward`` are
    about the last forward of their own thread.

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
        find_engine(engine)
        nodes, declared = graph.nodes, graph.parameters
        in_use = {graph.owner(name) for name in graph.needed() if name in nodes}
        frozen = {
            name for name in declared if (owner := name.split(".")[0]) not in in_use or not nodes[owner].trainable
        }
        self.parameters = Parameters({name: item.shape for name, item in declared.items()}, frozen, self.dtype)
        self.state = Parameters({name: item.shape for name, item in graph.states.items()}, (), self.dtype)
        generator = _generator(seed)
        for full_name, parameter in declared.items():
            node, name = full_name.split(".")
            initial = nodes[node].init.get(name) or default_initializer(parameter)
            self.parameters[full_name] = initial.draw(parameter, generator)
        for full_name, parameter in graph.states.items():
            self.state[full_name] = default_initializer(parameter).draw(parameter, generator)
        self._prepare()

    def _prepare(self) -> None:
        """Make what follows from graph, parameters and state."""
        parameters, state = (_by_owner(arrays) for arrays in (self.parameters, self.state))
        owners = {name: self.graph.owner(name) for name in self.graph.order}
        self._contexts = {
            training: {
                name: Context(parameters.get(owner, {}), find_engine(self.engine), state.get(owner, {}), training)
                for name, owner in owners.items()
            }
            for training in (False, True)
        }
        self._ends = set(self.graph.outputs).difference(*(node.inputs for node in self.graph.nodes.values()))
        self._idle: list[tuple[_Kind, Plan]] = []
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._caller: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Plans hold views of the parameters of this very model, and belong to its threads.
        return {key: getattr(self, key) for key in ("graph", "engine", "dtype", "parameters", "state")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    # -- plans -------------------------------------------------------------------------------------

    def contexts(self, training: bool) -> dict[str, Context]:
        """What each node's op is lent in a pass, by node."""
        return self._contexts[training]

    @contextmanager
    def inference(self, batch: int) -> Iterator[Plan]:
        """A plan for ``batch`` samples that only runs forward, not in training; what its values hold ends with the
        block."""
        kind = _Kind(batch, training=False, whole=False)
        plan = self._borrow(kind)
        yield plan
        self._give_back(kind, plan)

    @contextmanager
    def whole_pass(self, batch: int, training: bool) -> Iterator[Plan]:
        """A plan for ``batch`` samples that keeps every value and makes every error, likewise."""
        kind = _Kind(batch, training, whole=True)
        plan = self._borrow(kind)
        yield plan
        self._give_back(kind, plan)

    def _borrow(self, kind: _Kind) -> Plan:
        with self._lock:
            for index, (known, plan) in enumerate(self._idle):
                if known == kind:
                    del self._idle[index]
                    return plan
        if not kind.whole:
            return Plan(self, kind.batch, training=kind.training)
        gradients = self.parameters.views_of(np.zeros_like(self.parameters.flat))
        return Plan(self, kind.batch, gradients, training=kind.training, whole=True)

    def _give_back(self, kind: _Kind, plan: Plan) -> None:
        """Keep a plan for the next call of its kind; those that were used longest ago make room."""
        with self._lock:
            self._idle.insert(0, (kind, plan))
            while len(self._idle) > MOST_PLANS or (self._idle and sum(p.bytes for _, p in self._idle) > MOST_BYTES):
                self._idle.pop()

    def _mark(self, training: bool) -> tuple[object, ...]:
        """What the numbers that a pass reads are told apart by; in training it reads no state."""
        return self.parameters.mark() if training else (*self.parameters.mark(), *self.state.mark())

    @property
    def _last(self) -> _Pass | None:
        """What the last forward of this thread left."""
        last: _Pass | None = getattr(self._thread, "last", None)
        return last

    @property
    def _elsewhere(self) -> str:
        """What is said beside "call forward first" where another thread did."""
        other = self._caller not in (None, threading.get_ident())
        return ": it has run in another thread" if other else ""

    # -- the passes --------------------------------------------------------------------------------

    def forward(self, x: ArraysLike, *, training: bool = False) -> Answer:
        """The answer to ``x``.

        Args:
            x: the input's array, or a dict of arrays by name when the graph has several inputs. Each is (C, H, W) or
                (N, C, H, W), or (H, W) or (N, H, W) where the input has one channel; 1 x H x W is one sample.
            training: whether BatchNorm uses the batch's own statistics; the running ones stay as they are.

        Returns:
            The output's array, or a dict of arrays by name when the graph has several outputs, in the form of
            the input: (H, W) in and one channel out gives (H', W'). Of several inputs the form with most axes counts.

        Raises:
            ShapeError: an array does not fit its input. DataError: an array is missing, or is not of real numbers.
            OpError: an op of the user's own returns what it may not.
        """
        given, arrays, forms = by_name(x, list(self.graph.inputs), "input"), {}, {}
        for name, shape in self.graph.inputs.items():
            array, forms[name] = arranged(given[name], shape, name)
            arrays[name] = as_dtype(array, self.dtype, f"'{name}'")
        kind, last = _Kind(require_one_count(arrays), training, whole=True), self._last
        self._thread.last = None  # a pass that fails leaves none
        if last is not None and last.kind == kind:
            plan = last.plan
        else:
            if last is not None:
                self._give_back(last.kind, last.plan)
            plan = self._borrow(kind)
        plan.fill(arrays)
        mark = self._mark(training)
        with plan.blas_held(), np.errstate(over="ignore", invalid="ignore"):
            plan.forward()
        self._caller = threading.get_ident()
        last = self._thread.last = _Pass(kind, plan, max(forms.values()), forms, mark)
        outputs = {name: last.shown(name, plan.values[name]) for name in self.graph.outputs}
        return cast("Answer", outputs if len(outputs) > 1 else next(iter(outputs.values())))

    def backward(self, error: ArraysLike) -> Gradients:
        """Push dLoss/doutput back through the last forward of this thread.

        Args:
            error: shaped as forward's answer was: an array, or a dict of arrays for several outputs.

        Nothing accumulates: a second call gives the same answer. Nodes that no output depends on get zeros.

        Raises:
            CallOrderError: forward has not run in this thread, or parameters or state changed since: by an assignment,
                by training, or by writing into their arrays (noticed as far as :meth:`Parameters.mark` says).
            ShapeError: the error is not shaped like the answer. DataError: it is not of real numbers.
            OpError: an op of the user's own returns what it may not.
        """
        last = self._last
        if last is None or last.mark != self._mark(last.kind.training):
            what = "state" if last and last.mark[:2] == self.parameters.mark() else "parameters"
            reason = f"{what} changed since the last forward" if last else "forward has not run yet"
            raise CallOrderError(f"backward: {reason}; call forward first{self._elsewhere}")
        plan, arrays = last.plan, by_name(error, self.graph.outputs, "output")
        errors = {}
        for name in self.graph.outputs:
            array = real_array(arrays[name], f"error of output '{name}'")
            value = plan.values[name]
            expected = last.form_of(name).of(value).shape
            if array.shape != expected:
                raise ShapeError(
                    f"error of output '{name}': found shape {spell_shape(array.shape)}; expected that of the answer, "
                    f"{spell_shape(expected)}"
                )
            errors[name] = as_dtype(array, self.dtype, f"error of output '{name}'").reshape(value.shape)
        for name, target in plan.prepare_errors().items():
            copy_in(target, errors[name])
        with plan.blas_held(), np.errstate(over="ignore", invalid="ignore"):
            plan.backward()

        def shown(name: str) -> Array:
            if name in self._ends:  # nothing is added to what was given
                return last.form_of(name).of(errors[name].copy())
            if name in plan.errors:
                return last.shown(name, plan.errors[name])
            return last.form_of(name).of(np.zeros(plan.values[name].shape, self.dtype))

        return Gradients(
            {name: gradient.copy() for name, gradient in plan.gradients.items()},
            {name: shown(name) for name in self.graph.inputs},
            {name: shown(name) for name in self.graph.order},
        )

    @property
    def values(self) -> dict[str, Array]:
        """Copies of what every input and node held in the last forward of this thread, in the form of the input.

        Raises:
            CallOrderError: forward has not run in this thread.
        """
        last = self._last
        if last is None:
            raise CallOrderError(f"values: forward has not run yet; call forward first{self._elsewhere}")
        return {name: last.shown(name, value) for name, value in last.plan.values.items()}

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
        arrays = read_weights(path, {**self.parameters, **self.state}, self.graph.name)
        for mapping in (self.parameters, self.state):
            for name in mapping:
                mapping[name] = arrays[name]

    def __repr__(self) -> str:
        return (
            f"<Model of {self.graph.name}: {self.parameters.flat.size} parameters, engine {self.engine}, {self.dtype}>"
        )


@dataclass(frozen=True)
class _Kind:
    """What a plan that a model keeps is for."""

    batch: int
    training: bool
    whole: bool


@dataclass(frozen=True)
class _Pass:
    """What one forward leaves for backward: the plan that ran it, and the forms in which the user gave the inputs."""

    kind: _Kind
    plan: Plan
    form: Form
    forms: dict[str, Form]
    mark: tuple[object, ...]

    def form_of(self, name: str) -> Form:
        """The form of an input as it was given; of a node's value that of the input with most axes."""
        return self.forms.get(name, self.form)

    def shown(self, name: str, array: Array) -> Array:
        """A copy, for the user, of a value or error of ``name``."""
        return self.form_of(name).of(copy_out(array))


def _by_owner(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Arrays by full name as arrays by node, and by the op's own names."""
    groups: dict[str, dict[str, Array]] = {}
    for full_name, array in arrays.items():
        owner, _, name = full_name.partition(".")
        groups.setdefault(owner, {})[name] = array
    return groups


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
