"""What the methods of an op return is looked at here before a pass goes on with it.

An op of a user's own may return anything. What is wrong is told as an :class:`~minigraph.errors.OpError` that names the
node, the op, the method and the rule, not found out later by NumPy in a place that has nothing to do with it.
:func:`minigraph.testing.check_op` tells the same faults beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import MinigraphError, OpError
from minigraph.wording import enumerated, shorten


@contextmanager
def calling(method: str) -> Iterator[None]:
    """While a method of an op runs, such as "Scale.forward of node 'a'": what it raises is told to be its own.

    Raises:
        OpError: it writes into its inputs, its output, the error, its parameters or its state.
    """
    try:
        yield
    except ValueError as error:
        if "read-only" in str(error):
            raise OpError(f"{method} writes into an array that it was lent; expected a new array") from error
        error.add_note(f"raised by {method}")
        raise
    except MinigraphError:
        raise
    except Exception as error:
        error.add_note(f"raised by {method}")
        raise


def check_shape(found: Any, method: str) -> None:
    """Raise OpError unless ``found`` is a shape (C, H, W) or (F,)."""
    sound = isinstance(found, tuple) and len(found) in (1, 3)
    if not sound or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in found):
        shown = shorten(repr(found))
        raise OpError(f"{method}: found {shown}; expected a tuple of positive integers, (C, H, W) or (F,)")


def check_declared(found: Any, parameter_type: type[Any], method: str) -> None:
    """Raise OpError unless ``found`` has parameters by their names."""
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and name.isidentifier() and isinstance(item, parameter_type)
        for name, item in found.items()
    ):
        raise OpError(f"{method}: found {shorten(repr(found))}; expected a dict with an mg.Parameter for each name")
    for name, item in found.items():
        if not all(isinstance(size, int) and size > 0 for size in item.shape):
            raise OpError(f"{method}: found shape {item.shape} for '{name}'; expected positive integers")


def check_state(found: Any, state: Mapping[str, Array], method: str) -> None:
    """Raise OpError unless ``found`` has a new array for each array of the state."""
    if not isinstance(found, Mapping) or found.keys() != state.keys():
        shown = enumerated(map(str, found)) if isinstance(found, Mapping) else f"a {type(found).__name__}"
        raise OpError(f"{method}: found {shown or 'nothing'}; expected a dict with {enumerated(state) or 'nothing'}")
    for name, current in state.items():
        check_array(found[name], current.shape, current.dtype, method, f"the state '{name}'", "as state says")


def locked(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """Views that cannot be written into."""
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def check_array(found: Any, shape: Shape, dtype: np.dtype[Any], method: str, what: str, rule: str) -> None:
    """Raise OpError unless ``found`` is an array of this shape and dtype; ``rule`` says where the shape is from."""
    if not isinstance(found, np.ndarray):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        raise OpError(f"{method}: found {kind} as {what}; expected an array of shape {spell_shape(shape)}, {rule}")
    if found.shape != shape:
        raise OpError(
            f"{method}: found shape {spell_shape(found.shape) or '()'} as {what}; expected {spell_shape(shape)}, {rule}"
        )
    if found.dtype != dtype:
        raise OpError(f"{method}: found dtype {found.dtype} as {what}; expected {dtype}, that of the model")


def check_errors(
    found: Any, errors_type: type[Any], inputs: tuple[Array, ...], parameters: Mapping[str, Array], method: str
) -> None:
    """Raise OpError unless ``found`` has an error for each input and a gradient for each parameter, in their shapes."""
    if not isinstance(found, errors_type):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        raise OpError(f"{method}: found {kind}; expected mg.Errors((error, ...), {{name: gradient, ...}})")
    errors, gradients = found.inputs, found.parameters
    if not isinstance(errors, tuple | list) or len(errors) != len(inputs):
        kind = f"{len(errors)} of them" if isinstance(errors, tuple | list) else f"a {type(errors).__name__}"
        raise OpError(
            f"{method}: found {kind} as errors of the inputs; expected a tuple of {len(inputs)}, one for each"
        )
    for index, (error, x) in enumerate(zip(errors, inputs, strict=True)):
        check_array(error, x.shape, x.dtype, method, f"the error of input {index}", "that of the input")
    if not isinstance(gradients, Mapping):
        raise OpError(f"{method}: found a {type(gradients).__name__} as gradients; expected a dict by parameter")
    unknown = [str(name) for name in gradients if name not in parameters]
    missing = [name for name in parameters if name not in gradients]
    if unknown:
        known = enumerated(parameters) if parameters else "none"
        raise OpError(f"{method}: found gradients of {enumerated(unknown)}; expected those of the parameters: {known}")
    if missing:
        raise OpError(f"{method}: the gradient of {enumerated(missing)} is missing; expected one for each parameter")
    for name, parameter in parameters.items():
        check_array(
            gradients[name], parameter.shape, parameter.dtype, method, f"the gradient of '{name}'", "its parameter's"
        )
