"""How parameters get their first values: a number, an array, a distribution or a scheme."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Any, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from minigraph.arrays import Array, Shape, spell_shape
from minigraph.declared.base import Declared
from minigraph.declared.fields import Number, plain_number
from minigraph.declared.kind import required
from minigraph.errors import DefinitionError, Problem, ShapeError
from minigraph.ops.base import Parameter, SchemeName
from minigraph.wording import describe, did_you_mean, one_of


class Initializer(Declared, ABC):
    """A rule that fills a parameter."""

    @abstractmethod
    def draw(self, parameter: Parameter, generator: np.random.Generator) -> Array:
        """A float64 array of the parameter's shape. Only random rules advance the generator."""


class Normal(Initializer):
    """Independent draws from the normal distribution."""

    distribution: Literal["normal"] = Field("normal", description="the distribution's name")
    mean: Number = Field(0.0, description="the mean")
    std: Number = Field(1.0, ge=0, description="the standard deviation")

    def draw(self, parameter: Parameter, generator: np.random.Generator) -> Array:
        return generator.normal(self.mean, self.std, parameter.shape)


class Uniform(Initializer):
    """Independent draws, equally likely between two bounds."""

    distribution: Literal["uniform"] = Field("uniform", description="the distribution's name")
    low: Number = Field(0.0, description="the lower bound")
    high: Number = Field(1.0, description="the upper bound")

    @model_validator(mode="after")
    def _check_bounds(self) -> Uniform:
        expected = "" if self.low <= self.high else "a number of at least low"
        if not isfinite(self.high - self.low):
            expected = expected or "bounds whose difference is a finite number"
        if expected:
            text = f"found {self.high} (a number) beside low = {self.low}; expected {expected}"
            raise DefinitionError([Problem(("high",), text)])
        return self

    def draw(self, parameter: Parameter, generator: np.random.Generator) -> Array:
        return generator.uniform(self.low, self.high, parameter.shape)


class Scheme(Initializer):
    """Random draws scaled by a parameter's fans.

    he_normal: N(0, 2 / fan_in), he_uniform: U(+-sqrt(6 / fan_in)) (He et al. 2015, equation 10);
    glorot_normal: N(0, 2 / (fan_in + fan_out)), glorot_uniform: U(+-sqrt(6 / (fan_in + fan_out)))
    (Glorot and Bengio 2010, equation 16);
    pytorch_uniform: U(+-sqrt(1 / fan_in)), by which PyTorch draws the kernels of Conv and Linear, and their biases.
    """

    scheme: SchemeName = required("the scheme's name")

    def draw(self, parameter: Parameter, generator: np.random.Generator) -> Array:
        variance = {
            "he": 2 / parameter.fan_in,
            "glorot": 2 / (parameter.fan_in + parameter.fan_out),
            "pytorch": 1 / (3 * parameter.fan_in),
        }[self.scheme.partition("_")[0]]
        if self.scheme.endswith("normal"):
            return generator.normal(0.0, sqrt(variance), parameter.shape)
        bound = sqrt(3 * variance)
        return generator.uniform(-bound, bound, parameter.shape)


class Explicit(Initializer):
    """Given values: one number for every entry, or an array that may leave out leading axes of length 1."""

    values: Any = required("a number or nested arrays of numbers")

    def draw(self, parameter: Parameter, generator: np.random.Generator) -> Array:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim == 0:
            return np.full(parameter.shape, float(values))
        return fit(values, parameter.shape).copy()


InitLike = float | Sequence[Any] | dict[str, Any] | Array | Initializer
"""What a user may give as an initialiser: a number, an array, or a table such as a definition has."""

_TABLES: dict[str, dict[str, type[Initializer]]] = {
    "distribution": {"normal": Normal, "uniform": Uniform},
    "scheme": dict.fromkeys(get_args(SchemeName), Scheme),
}


def initializer(value: object) -> Initializer:
    """The initialiser that a user's value means.

    Raises:
        DefinitionError: no number, no regular array of finite numbers, no known table.
    """
    if isinstance(value, Initializer):
        return value
    if isinstance(value, dict):
        return _from_table(value)
    value = plain_number(value)
    if isinstance(value, str | bool) or value is None:
        raise DefinitionError([Problem((), _unfit(value))])
    try:
        array = np.asarray(value)
    except ValueError:
        raise DefinitionError(
            [Problem((), "found an array with rows of different lengths; expected rows of one length")]
        ) from None
    flagged = any(isinstance(item, bool) for item in np.array(value, dtype=object).flat)
    if array.dtype.kind not in "iuf" or array.size == 0 or flagged:
        raise DefinitionError([Problem((), _unfit(value))])
    if not np.isfinite(array).all():
        raise DefinitionError([Problem((), "found a number that is not finite; expected finite numbers")])
    return Explicit(values=array.tolist())


_FORMS = "a number, an array of numbers, or a table with 'distribution' or 'scheme'"


def _unfit(value: object) -> str:
    return f"found {describe(value)}; expected {_FORMS}"


def _from_table(table: dict[str, Any]) -> Initializer:
    for key, members in _TABLES.items():
        if key in table:
            name = table[key]
            if not isinstance(name, str) or name not in members:
                near = did_you_mean(name, members) if isinstance(name, str) else ""
                raise DefinitionError([Problem((key,), f"found {describe(name)}; expected {one_of(members)}{near}")])
            return members[name](**table)
    raise DefinitionError([Problem((), _unfit(table))])


def to_plain(initial: Initializer) -> Any:
    """The value that stands for this initialiser in a definition."""
    return initial.values if isinstance(initial, Explicit) else initial.model_dump()


def fit(values: Array, shape: Shape) -> Array:
    """``values`` in the full ``shape``; leading axes of length 1 may have been left out.

    Raises:
        ShapeError: the shapes differ in more than that.
    """
    missing = len(shape) - values.ndim
    if missing < 0 or (1,) * missing + values.shape != shape:
        leading = "" if not shape or shape[0] != 1 else " (leading axes of length 1 may be left out)"
        raise ShapeError(
            f"found an array of shape {spell_shape(values.shape) or 'a number'}; expected {spell_shape(shape)}{leading}"
        )
    return values.reshape(shape)
