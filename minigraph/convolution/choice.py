"""Which algorithm a convolution runs on: the cheapest there is, by an estimate that depends on its sizes only."""

from __future__ import annotations

from functools import lru_cache

from minigraph.arrays import Array
from minigraph.convolution.fourier import Fourier
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.geometry import Geometry
from minigraph.convolution.layer import Buffers, Layer, Planned
from minigraph.convolution.lists import RunLists
from minigraph.convolution.winograd import Winograd
from minigraph.steps.compiling import has_numba
from minigraph.steps.threads import Workspace

ALGORITHMS: tuple[type[Planned], ...] = (Gemm, Winograd, Fourier, RunLists)


@lru_cache
def choose(layer: Layer, compiled: bool) -> type[Planned]:
    """The algorithm of the lowest cost; the same for the same layer always.

    Args:
        compiled: whether those that need the extra ``compiled`` count.
    """
    kinds = [kind for kind in ALGORITHMS if compiled or not kind.compiled]
    costs = [(cost, index) for index, kind in enumerate(kinds) if (cost := kind.cost(layer)) is not None]
    return kinds[min(costs)[1]]


def is_missed(planned: Planned) -> bool:
    """Whether the extra ``compiled`` would be used for a convolution that is planned without it."""
    return not planned.compiled and choose(planned.layer, compiled=True).compiled


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
    compiled, buffers = has_numba(), Buffers(x, kernel, bias, answer, fixed, workspace or Workspace())
    kind = choose(layer, compiled)
    if kind is Fourier:
        return Fourier(layer, buffers, RunLists if compiled else Gemm)
    return kind(layer, buffers)
