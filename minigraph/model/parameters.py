"""Parameters: every learned array of a model in one flat vector, with a view for each name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigraph.arrays import Array, Shape, cast, real_array
from minigraph.errors import DefinitionError, ShapeError
from minigraph.graph.initialization import fit
from minigraph.graph.names import meant_parameter
from minigraph.wording import one_of

FEW_NUMBERS = 1 << 16
"""So many parameters are compared with a copy; of more, sums are."""
COLUMNS = 4093
"""Sums over every 4093rd number: a prime, so that turning or swapping parts of a kernel moves numbers between them."""


class Parameters(MutableMapping[str, Array]):
    """Arrays by full name ("conv1.kernel"), in the full shape of their op.

    Reading gives the live array: writing into it changes the model. Assigning copies the given values, which may
    leave out leading axes of length 1. Names are fixed: none can be added or deleted.

    Attributes:
        flat: all values in one vector, the trainable ones first, so that an update is one call.
        trainable: the part of ``flat`` that training changes: what neither is frozen nor of no use to any output.
        version: counts the assignments; see :meth:`mark`.
    """

    def __init__(self, shapes: Mapping[str, Shape], frozen: Collection[str], dtype: str) -> None:
        sizes = {name: prod(shape) for name, shape in shapes.items()}
        self.flat: Array = np.zeros(sum(sizes.values()), dtype)
        self.version = 0
        self._names, self._frozen = list(shapes), frozenset(frozen)
        self._shapes = {name: shapes[name] for name in sorted(shapes, key=lambda name: name in frozen)}
        self._look()

    def _look(self) -> None:
        """Make the views of ``flat``."""
        self._views = self.views_of(self.flat)
        learned = [view.size for name, view in self._views.items() if name not in self._frozen]
        self.trainable = self.flat[: sum(learned)]

    def __getstate__(self) -> dict[str, Any]:
        # Views would become arrays of their own.
        return {key: value for key, value in self.__dict__.items() if key not in ("_views", "trainable")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()

    def views_of(self, vector: Array) -> dict[str, Array]:
        """The parts of another vector that are laid out as ``flat`` or ``trainable`` is, by name and in shape."""
        views: dict[str, Array] = {}
        offset = 0
        for name, shape in self._shapes.items():
            if offset + prod(shape) > vector.size:
                break
            views[name] = vector[offset : offset + prod(shape)].reshape(shape)
            offset += prod(shape)
        return views

    def mark(self) -> tuple[int, bytes]:
        """What tells that something was assigned since, or written into an array: backward belongs to the numbers that
        its forward saw.

        Of more than FEW_NUMBERS it has sums of their bits, which a change in place could leave as they are if it moved
        numbers by multiples of COLUMNS, or added to some exactly what it took from others in the same sum.
        """
        if self.flat.size <= FEW_NUMBERS:
            return self.version, self.flat.tobytes()
        bits = self.flat.view(f"u{self.flat.itemsize}")
        whole = bits.size // COLUMNS * COLUMNS
        sums = np.add.reduce(bits[:whole].reshape(-1, COLUMNS), axis=0, dtype=bits.dtype)
        return self.version, sums.tobytes() + bits[whole:].tobytes()

    def __getitem__(self, name: str) -> Array:
        return self._views[self._known(name)]

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        view = self._views[self._known(name)]
        array = cast(real_array(values, f"parameter '{name}'"), view.dtype.name, f"parameter '{name}'")
        try:
            view[...] = array if array.ndim == 0 else fit(array, view.shape)
        except ShapeError as error:
            raise ShapeError(f"parameter '{name}': {error}") from None
        self.version += 1

    def __delitem__(self, name: str) -> None:
        raise TypeError("a model's parameters are fixed; they can be assigned, not deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<Parameters {', '.join(f'{name} {self[name].shape}' for name in self)}>"

    def _known(self, name: str) -> str:
        if name not in self._views:
            raise UnknownParameterError(
                f"unknown parameter '{name}'; expected {one_of(self._names)}{meant_parameter(str(name), self._names)}"
            )
        return name


class UnknownParameterError(DefinitionError, KeyError):
    """A parameter name that the model does not have."""

    __str__ = Exception.__str__  # KeyError would show the text in quotes
