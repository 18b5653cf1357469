"""What a planned convolution is about: its sizes, its arrays, and the interface that every algorithm keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.geometry import Geometry, Pair
from minigraph.steps.steps import FEW_PRODUCTS, Step
from minigraph.steps.threads import Workspace


@dataclass(frozen=True)
class Layer:
    """The sizes of a convolution: all that the choice of an algorithm depends on.

    Attributes:
        size: (H, W) of the input; output: (P, Q) of the answer.
        itemsize: bytes of a number.
    """

    batch: int
    channels: int
    size: Pair
    out_channels: int
    kernel_size: Pair
    output: Pair
    geometry: Geometry
    itemsize: int

    @property
    def taps(self) -> int:
        """Entries of a kernel's plane."""
        return prod(self.kernel_size)

    @property
    def positions(self) -> int:
        """Windows, over all samples."""
        return self.batch * prod(self.output)

    @property
    def multiply_adds(self) -> int:
        """Products that a forward sums by the definition of the convolution."""
        return self.positions * self.out_channels * self.channels // self.geometry.groups * self.taps

    @property
    def large(self) -> bool:
        """Whether the threads share a pass."""
        return self.multiply_adds > FEW_PRODUCTS


@dataclass(frozen=True)
class Buffers:
    """What a planned convolution works on. Maps are batch-last; all arrays stay where they are.

    Attributes:
        x: (C, H, W, N); answer: (O, P, Q, N).
        kernel: (O, C / groups, kh, kw); bias: (O,) or None.
        fixed: whether ``x`` never changes.
        workspace: where to reserve what is needed only for a moment.
    """

    x: Array
    kernel: Array
    bias: Array | None
    answer: Array
    fixed: bool
    workspace: Workspace


class Planned(ABC):
    """A convolution whose sizes and arrays are known: every buffer and view is made once, for steps run many times.

    Attributes:
        bytes: memory of its own, beside the arrays it was given and the workspace.
    """

    name: ClassVar[str]
    compiled: ClassVar[bool] = False
    """Whether it needs the extra ``compiled``."""

    def __init__(self, layer: Layer, buffers: Buffers) -> None:
        self.layer, self.buffers = layer, buffers
        self.bytes = 0

    @staticmethod
    @abstractmethod
    def cost(layer: Layer) -> float | None:
        """An estimate of the three passes' time, in numbers copied; None where the algorithm does not apply."""

    @abstractmethod
    def forward(self) -> list[Step]:
        """The steps that fill the answer from the input."""

    @abstractmethod
    def parameter_gradients(self, error: Array, kernel: Array | None, bias: Array | None) -> list[Step]:
        """The steps that fill the gradients that are not None, from ``error`` (O, P, Q, N), after forward's."""

    @abstractmethod
    def input_error(self, error: Array, filled: Array) -> list[Step]:
        """The steps that fill ``filled`` (C, H, W, N) from ``error`` (O, P, Q, N)."""

    def own(self, shape: tuple[int, ...], zeros: bool = False) -> Array:
        """An array that keeps what is written into it from run to run."""
        array: Array = (np.zeros if zeros else np.empty)(shape, self.buffers.x.dtype)
        self.bytes += array.nbytes
        return array
