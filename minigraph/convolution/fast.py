"""The fast engine: each call plans its convolution, by whichever algorithm is the cheapest, and runs it once."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution.choice import plan_convolution
from minigraph.convolution.geometry import Geometry, Pair
from minigraph.convolution.layer import Planned
from minigraph.steps.steps import Step, batch_first, batch_last
from minigraph.steps.threads import blas_held


class Fast:
    """Planned convolutions behind the interface of an engine."""

    name = "fast"

    def forward(self, x: Array, kernel: Array, geometry: Geometry) -> Array:
        maps = np.ascontiguousarray(batch_last(x))
        answer = _empty_answer(maps, kernel, geometry)
        planned = plan_convolution(maps, np.ascontiguousarray(kernel), None, answer, geometry)
        _run(planned, planned.forward())
        return batch_first(answer)

    def input_error(self, error: Array, kernel: Array, geometry: Geometry, size: Pair) -> Array:
        maps = np.ascontiguousarray(batch_last(error))
        filled = np.empty((kernel.shape[1] * geometry.groups, *size, len(error)), error.dtype)
        planned = plan_convolution(filled, np.ascontiguousarray(kernel), None, maps, geometry)
        _run(planned, planned.input_error(maps, filled))
        return batch_first(filled)

    def kernel_gradient(self, error: Array, x: Array, geometry: Geometry, kernel_size: Pair) -> Array:
        maps, errors = (np.ascontiguousarray(batch_last(array)) for array in (x, error))
        gradient = np.empty((error.shape[1], x.shape[1] // geometry.groups, *kernel_size), x.dtype)
        # The map is as it will be: its patches are made when they are planned.
        planned = plan_convolution(maps, gradient, None, errors, geometry, fixed=True)
        _run(planned, planned.parameter_gradients(errors, gradient, None))
        return gradient


def _empty_answer(x: Array, kernel: Array, geometry: Geometry) -> Array:
    rows, columns = geometry.output_size((x.shape[1], x.shape[2]), (kernel.shape[2], kernel.shape[3]))
    return np.empty((len(kernel), rows, columns, x.shape[3]), x.dtype)


def _run(planned: Planned, steps: list[Step]) -> None:
    with blas_held() if planned.layer.large else nullcontext():
        for step in steps:
            step()
