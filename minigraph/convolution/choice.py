"""Which algorithm a convolution runs on: the cheapest by an estimate that depends on its sizes only."""

from __future__ import annotations

from functools import lru_cache

from minigraph.arrays import Array
from minigraph.convolution.fourier import Fourier
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.geometry import Geometry
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.convolution.lists import RunLists
from minigraph.convolution.winograd import Winograd
from minigraph.steps.threads import Workspace, has_numba

ALGORITHMS: tuple[type[Planned], ...] = (Gemm, Winograd, Fourier, RunLists)


@lru_cache
def choose(layer: Layer) -> type[Planned]:
    """The algorithm of the lowest cost; the same for the same layer always."""
    costs = [(cost, index) for index, kind in enumerate(ALGORITHMS) if (cost := kind.cost(layer)) is not None]
    return ALGORITHMS[min(costs)[1]]


def plan_convolution(
    x: Array,
    kernel: Array,
    bias: Array | None,
    answer: Array,
    geometry: Geometry,
    fixed: bool = False,
    workspace: Workspace | None = None,
) -> Planned:
    """The planned convolution of a map (C, H, W, N) with a kernel (O, C / groups, kh, kw), contiguous both.

    Args:
        bias: (O,), or None. answer: (O, P, Q, N), contiguous. fixed: whether ``x`` never changes.
        workspace: shared with other steps of a plan.
    """
    channels, height, width, batch = x.shape
    layer = Layer(
        batch,
        channels,
        (height, width),
        len(kernel),
        (kernel.shape[2], kernel.shape[3]),
        (answer.shape[1], answer.shape[2]),
        geometry,
        x.itemsize,
    )
    kind, buffers = choose(layer), Buffers(x, kernel, bias, answer, fixed, workspace or Workspace())
    if kind is Fourier:
        return Fourier(layer, buffers, RunLists if has_numba() else Gemm)
    return kind(layer, buffers)
