"""What an op is: attributes, a shape rule, parameters, forward and backward. Adding one is one file.

    @register_op
    class Scale(Op):
        factor: float = attribute(1.0, "multiplies the input")

        def output_shape(self, x):
            return x

        def parameters(self, x):
            return {"gain": Parameter(shape=(1,), default=1.0)}

        def forward(self, inputs, context):
            return inputs[0] * self.factor * context.parameters["gain"]

        def backward(self, error, inputs, output, context):
            gain = context.parameters["gain"]
            gradient = np.array([(error * inputs[0] * self.factor).sum()])
            return Errors((error * self.factor * gain,), {"gain": gradient})

The class's name is the op's name in a definition, its fields are the op's attributes. Validation, error
texts, the gradient check and the contract test follow from the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeVar

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.convolution import Convolution, Geometry
from minigraph.convolution.choice import plan_convolution
from minigraph.convolution.layer import Planned
from minigraph.declared.base import Declared
from minigraph.declared.kind import attribute as attribute
from minigraph.declared.kind import required as required
from minigraph.declared.registry import Registry
from minigraph.errors import ShapeError
from minigraph.explaining import Step as ExplainedStep
from minigraph.explaining import plain_backward, plain_forward
from minigraph.ops.checking import calling, check_array, check_errors, locked
from minigraph.steps.steps import Step, batch_last
from minigraph.steps.threads import Workspace

T = TypeVar("T")

SchemeName = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "pytorch_uniform"]
"""The schemes by which a parameter may be drawn; see :class:`minigraph.graph.initialization.Scheme`."""


@dataclass(frozen=True)
class Parameter:
    """A learned array of an op, as its ``parameters`` declares it.

    Args:
        shape: the array's, such as (out_channels, in_channels, 3, 3).
        default: how it begins where ``init`` says nothing: a number for every entry, or a scheme: "he_normal",
            "he_uniform", "glorot_normal", "glorot_uniform" or "pytorch_uniform".
        fan_in: how many inputs one output sums, which the schemes scale by; a bias has those of its kernel.
        fan_out: how many outputs one input reaches, likewise.
    """

    shape: Shape
    default: float | SchemeName
    fan_in: int = 1
    fan_out: int = 1


@dataclass(frozen=True)
class Context:
    """What a pass lends to an op.

    Attributes:
        parameters: the node's parameters by the op's own names.
        convolution: the engine.
        state: the node's state by the op's own names.
        training: whether the pass is one of training, where BatchNorm uses the batch's own statistics.
    """

    parameters: Mapping[str, Array]
    convolution: Convolution
    state: Mapping[str, Array] = field(default_factory=dict)
    training: bool = False


@dataclass(frozen=True)
class Errors:
    """What an op's backward answers: dLoss/dinput for each input, dLoss/dparameter for each parameter."""

    inputs: tuple[Array, ...]
    parameters: Mapping[str, Array] = field(default_factory=dict)


def _any_inputs(rule: Callable[..., T]) -> Callable[..., T]:
    """A rule that an op may write with its own inputs, such as ``(self, x)``, under a type checker too."""
    return rule


Commutes = Literal["linear", "homogeneous", "odd", "order"]
"""See :attr:`Op.commutes`."""

PlanBackward = Callable[[Array, tuple[Array | None, ...], Mapping[str, Array]], list[Step]]


@dataclass(frozen=True)
class Slot:
    """A node's place in a plan: arrays that stay where they are while what they hold changes.

    All are (N, C, H, W) or (N, F), and batch-last in memory: see :mod:`minigraph.steps.steps`.

    Attributes:
        node: its name. inputs: what it reads; fixed: which of them never change.
        output: what its forward fills.
        context: its parameters, state and engine.
        workspace: memory that steps use in turn.
        convolutions: gets the planned convolutions that the op makes, for those who want to know what was chosen.
    """

    node: str
    inputs: tuple[Array, ...]
    fixed: tuple[bool, ...]
    output: Array
    context: Context
    workspace: Workspace = field(default_factory=Workspace)
    convolutions: list[Planned] = field(default_factory=list)

    def convolution(
        self, x: Array, kernel: Array, bias: Array | None, answer: Array, geometry: Geometry, fixed: bool
    ) -> Planned:
        """The planned convolution of a map ``x`` that fills ``answer``; see :func:`plan_convolution`."""
        x, answer = batch_last(x), batch_last(answer)
        self.convolutions.append(plan_convolution(x, kernel, bias, answer, geometry, fixed, self.workspace))
        return self.convolutions[-1]


class Op(Declared, ABC):
    """A node's function. Maps are (N, C, H, W), vectors (N, F); shapes are without the batch N.

    Ops hold attributes only: what they compute depends on their arguments alone, and they never write
    into an array that they are given. One of your own, with an attribute and a parameter:

    >>> import numpy as np
    >>> import minigraph as mg
    >>> class Scale(mg.Op):  # usable in definitions once it is given to mg.register_op
    ...     factor: float = mg.attribute(1.0, "multiplies the input")
    ...     def output_shape(self, x):
    ...         return x
    ...     def parameters(self, x):
    ...         return {"gain": mg.Parameter(shape=(1,), default=1.0)}
    ...     def forward(self, inputs, context):
    ...         return inputs[0] * self.factor * context.parameters["gain"]
    ...     def backward(self, error, inputs, output, context):
    ...         gain = context.parameters["gain"]
    ...         gradient = np.array([(error * inputs[0] * self.factor).sum()])
    ...         return mg.Errors((error * self.factor * gain,), {"gain": gradient})
    >>> mg.testing.check_op(Scale(factor=2.0), (3, 6, 7))
    """

    common_keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "op": ("type", "op_type", "class_name", "layer", "kind", "operation"),
        "inputs": ("input", "bottom", "from", "source", "parents"),
        "trainable": (),
        "share": (),
        "init": ("initializer", "kernel_initializer", "weight_filler"),
    }
    hints: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("in_channels", "in_features", "input_shape", "num_features", "num_channels"),
            "it follows from the inputs: leave it out",
        ),
        "inputs": "expected in graph.add(name, op, *inputs)",
        **{key: f"expected in graph.add(..., {key}=...)" for key in ("trainable", "share", "init")},
        "activation": 'an activation is a node of its own, such as op = "ReLU"',
    }
    foreign_names: ClassVar[tuple[str, ...]] = ()
    """What other frameworks call the op, where that is not near its own name."""
    family: ClassVar[str] = ""
    """Ops of one family have one colour in pictures; an op without one has a colour of its own."""
    pictured: ClassVar[str | None] = None
    """The parameter (out, in, kh, kw) whose maps are worth a picture, if there is one."""
    min_inputs: ClassVar[int] = 1
    max_inputs: ClassVar[int | None] = 1
    """The most inputs, or None for any number."""
    reads_output: ClassVar[bool] = True
    """Whether backward looks at what forward answered."""
    commutes: ClassVar[Commutes | None] = None
    """Of an op that keeps channels apart, what may be done to a channel before it and undone after it: to add to it
    and mix it with others ("linear"), to multiply it by a positive number ("homogeneous"), to change its sign ("odd"),
    or only to put it elsewhere among the channels ("order")."""
    in_place: ClassVar[bool] = False
    """Whether a plan may let the output lie where its input does, and the input's error where the output's does."""

    @abstractmethod
    @_any_inputs
    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the answer to inputs of these shapes.

        Raises:
            ShapeError: the op cannot take them; the text has every number.
        """

    @_any_inputs
    def parameters(self, *inputs: Shape) -> dict[str, Parameter]:
        """The op's parameters by name, for inputs of these shapes."""
        return {}

    @_any_inputs
    def state(self, *inputs: Shape) -> dict[str, Parameter]:
        """What the op keeps between training steps without learning it, by name."""
        return {}

    def next_state(self, inputs: tuple[Array, ...], context: Context) -> dict[str, Array]:
        """The state after a training step whose forward was given ``inputs``."""
        return {}

    @_any_inputs
    def multiply_adds(self, *inputs: Shape) -> int:
        """How many products are summed in one forward of one sample; 0 for what only looks at single entries."""
        return 0

    @property
    def mixes_channels(self) -> bool:
        """Whether each channel of the output is a sum over all channels of the input: kernel (output, input, ...)."""
        return False

    @_any_inputs
    def pads(self, *inputs: Shape) -> bool:
        """Whether zeros from beside the input enter the output, so that a constant does not come out as one."""
        return False

    @_any_inputs
    def unread(self, *inputs: Shape) -> tuple[int, int]:
        """Rows and columns at the end of the padded input that the stride never reaches."""
        return 0, 0

    @abstractmethod
    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        """The op's answer to its inputs."""

    @abstractmethod
    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        """The errors of the inputs and the gradients of the parameters.

        Args:
            error: dLoss/doutput, shaped like ``output``.
            inputs: what forward was given; ``output``: what it answered.
        """

    def sample_gradients(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> Mapping[str, Array]:
        """The gradients of the parameters with each sample's apart: (N, ...), whose sums are those of backward.

        An op without parameters is never asked. Here each sample goes through backward alone.
        """
        samples = [
            self.backward(error[n : n + 1], tuple(x[n : n + 1] for x in inputs), output[n : n + 1], context).parameters
            for n in range(len(error))
        ]
        return {name: np.stack([gradients[name] for gradients in samples]) for name in samples[0]}

    def explain_forward(self, inputs: tuple[Array, ...], output: Array, context: Context) -> list[ExplainedStep]:
        """The steps that lead from the inputs to the output; the last makes ``answer``.

        Args:
            inputs: what forward was given; ``output``: what it answered.
        """
        return plain_forward(type(self).__name__, first_paragraph(type(self)), inputs, output)

    def explain_backward(
        self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
    ) -> list[ExplainedStep]:
        """The steps that lead from the error to ``input_error`` (``input_error_0``, ... of several inputs) and to
        ``NAME_gradient`` of each parameter; the arguments are :meth:`backward`'s."""
        errors = self.backward(error, inputs, output, context)
        return plain_backward(type(self).__name__, error, errors.inputs, errors.parameters)

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        """The op's passes over arrays that stay: the steps of forward, and what makes the steps of backward.

        The latter is given the error to read, an array to fill for the error of each input (None where it is of no use)
        and one for each trainable parameter. An op may plan its own for speed; they must compute the same.
        """

        lent, output = locked(slot.inputs), locked((slot.output,))[0]
        lasting = slot.context
        context = replace(lasting, parameters=_locked_by_name(lasting.parameters), state=_locked_by_name(lasting.state))
        places = [f"{type(self).__name__}.{method} of node '{slot.node}'" for method in ("forward", "backward")]

        def forward() -> None:
            with calling(places[0]):
                value = self.forward(lent, context)
            check_array(value, output.shape, output.dtype, places[0], "the output", "as output_shape says")
            slot.output[...] = value

        def backward(error: Array, inputs: tuple[Array | None, ...], parameters: Mapping[str, Array]) -> list[Step]:
            upstream = locked((error,))[0]

            def step() -> None:
                with calling(places[1]):
                    errors = self.backward(upstream, lent, output, context)
                check_errors(errors, Errors, lent, context.parameters, places[1])
                for target, source in zip(inputs, errors.inputs, strict=True):
                    if target is not None:
                        target[...] = source
                for name, target in parameters.items():
                    target[...] = errors.parameters[name]

            return [step]

        return [forward], backward


def _locked_by_name(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return dict(zip(arrays, locked(tuple(arrays.values())), strict=True))


def first_paragraph(op: type[Op]) -> str:
    """The first paragraph of an op's docstring; empty where it has none of its own."""
    about = op.__dict__.get("__doc__") or ""
    return " ".join(about.split("\n\n")[0].split())


class Elementwise(Op, ABC):
    """An op of one input whose answer has the input's shape."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]


OPS: Registry[Op] = Registry("op")

OpClass = TypeVar("OpClass", bound=type[Op])


def register_op(op: OpClass) -> OpClass:
    """Class decorator: make an :class:`Op` usable in graphs and definitions under its class name.

    Raises:
        DefinitionError: another class already has this name. One of your own may be registered again.
    """
    return OPS.register(op.__name__)(op)


def require_map(shape: Shape, op: str) -> tuple[int, int, int]:
    """``shape`` as (C, H, W).

    Raises:
        ShapeError: it is a vector (F,).
    """
    if len(shape) != 3:
        text = f"{op} needs a map (C, H, W); found a vector of {spell_shape(shape)}; expected one from before a Flatten"
        raise ShapeError(text, attribute="inputs")
    return shape[0], shape[1], shape[2]
