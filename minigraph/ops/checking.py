"""What an op's forward and backward return is looked at here before a pass goes on with it.

An op of a user's own may return anything. What is wrong is told as an :class:`~minigraph.errors.OpError` that names the
node, the op, the method and the rule, not found out later by NumPy in a place that has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.errors import OpError
from minigraph.wording import enumerated


@contextmanager
def calling(method: str) -> Iterator[None]:
    """Tell a write into an array that the op was lent as what it is. ``method``: such as "Scale.forward of node 'a'".

    Raises:
        OpError: the op writes into its inputs, its output, the error or its parameters.
    """
    try:
        yield
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise OpError(f"{method} writes into an array that it was lent; expected a new array") from error


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
