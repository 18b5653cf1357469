"""Linear cascades: convolutions one after the other (or a single one) are one convolution, the composite.

The composite is linear in the data, so plain least squares finds it. It also carries all that the data say about the
kernels: with A = QR for the patches A of the data, |A c - y|² = |R c - Q'y|² + const, so that as many equations as the
composite has unknowns stand for all pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from minigraph.arrays import Array
from minigraph.convolution import Geometry
from minigraph.convolution.windows import pad_with, windows
from minigraph.declared.fields import pair
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.ops.conv import Conv
from minigraph.recovery.equations import BilinearEquations, GraphEquations, MixedEquations
from minigraph.solvers import Equations

ROWS = 20_000
"""So many rows of patches are held at once."""
SMALL = 1e-9
"""A composite below this part of its constant is none."""
BILINEAR = 10_000_000
"""So many constants of bilinear equations are held at most."""


@dataclass(frozen=True)
class CompositeFit:
    """The composite that fits the data best, without asking whether the kernels can make it.

    Attributes:
        kernel: (O, C, kh, kw); constant: (O,).
        unknowns, rank: of one output channel's linear system; condition: its largest singular value by its smallest.
        loss: the sum of squares that it leaves; outside: the part of it that no composite could explain.
        triangle, right: R (U, U) and Q'y (U, O) of the linear system, the constant in the last column.
    """

    kernel: Array
    constant: Array
    unknowns: int
    rank: int
    condition: float
    loss: float
    outside: float
    triangle: Array
    right: Array


class Composite:
    """A cascade of convolutions as one: its kernel's size, and where it stands on the input.

    Args:
        model: of a graph for which :func:`why_not_linear` has no reason; its frozen parameters are taken over.
    """

    def __init__(self, model: Model) -> None:
        graph, nodes = model.graph, model.graph.nodes
        operations = [(name, nodes[name].op) for name in graph.order]
        first = operations[0][1]
        (source, (channels, *size)) = next(iter(graph.inputs.items()))
        assert isinstance(first, Conv), "a linear cascade is of convolutions"
        span, stride = np.array([1, 1]), np.array([1, 1])
        for _, op in operations:
            assert isinstance(op, Conv), "a linear cascade is of convolutions"
            span += (np.array(pair(op.kernel_size)) - 1) * pair(op.dilation) * stride
            stride *= pair(op.stride)
        self.source, self.channels, self.nodes = source, channels, len(operations)
        self.size = int(span[0]), int(span[1])
        padding = first.geometry((size[0], size[1])).padding
        self.geometry = Geometry((int(stride[0]), int(stride[1])), padding)
        # The same nodes over one window: their answers to one-hot inputs are the composite's entries.
        small = Graph(graph.name)
        small.input(source, (channels, *self.size))
        for name, op in operations:
            small.declare(name, replace(nodes[name], op=op.model_copy(update={"padding": 0})))
        small.output(*graph.outputs)
        window = Model(small, seed=0, dtype="float64")
        window.parameters.flat[...] = model.parameters.flat
        entries = channels * prod(self.size)
        probe = np.vstack([np.eye(entries), np.zeros(entries)]).reshape(-1, channels, *self.size)
        answers = np.zeros((entries + 1, small.shapes[graph.outputs[0]][0], 1, 1))
        self._probes = GraphEquations(window, {source: probe}, {graph.outputs[0]: answers})
        # Makes the composite's entries and constant of the answers to one-hot inputs and to 0.
        self._difference = np.eye(entries + 1)
        self._difference[:-1, -1] = -1.0
        touched = self.kernel_of(np.random.default_rng(0).normal(size=window.parameters.trainable.size))
        # With gaps (dilation, or a kernel smaller than the stride below it) some entries are always 0.
        self.used = np.flatnonzero(np.append(np.abs(touched[:-1]).max(axis=1) > 0, True))
        """Which entries of (C * kh * kw, constant) the cascade can reach."""

    def kernel_of(self, p: Array) -> Array:
        """The composite of kernels: (C * kh * kw + 1, O), the constant last."""
        answers = self._probes.residual(p).reshape(self.channels * prod(self.size) + 1, -1)
        return self._difference @ answers

    def scaled(self, p: Array, fit: CompositeFit) -> Array:
        """``p`` with its kernels scaled, all by one factor, so that their composite is as large as the fitted one."""
        ours, theirs = np.linalg.norm(self.kernel_of(p)[:-1]), np.linalg.norm(fit.kernel)
        kernels = [name for name in self._probes.model.parameters.views_of(p) if name.endswith(".kernel")]
        scaled = p.copy()
        for name, view in self._probes.model.parameters.views_of(scaled).items():
            if name in kernels and ours > 0 and theirs > SMALL * np.abs(fit.constant).max():
                view *= (theirs / ours) ** (1 / len(kernels))
        return scaled

    def fit(self, inputs: Mapping[str, Array], target: Array, kept: Array | None = None) -> CompositeFit:
        """Least squares for the composite, over all positions of the answer or those ``kept`` (indices of N*P*Q)."""
        outputs = target.shape[1]
        view = self._windows(inputs, target)
        values = target.transpose(0, 2, 3, 1).reshape(-1, outputs)
        positions = np.arange(len(values)) if kept is None else kept
        unknowns = len(self.used)
        rolled = np.zeros((0, unknowns + outputs))
        for first in range(0, len(positions), ROWS):
            chosen = positions[first : first + ROWS]
            patches = view[np.unravel_index(chosen, view.shape[:3])].reshape(len(chosen), -1)
            stacked = np.vstack([rolled, np.hstack([self._columns(patches), values[chosen]])])
            rolled = np.asarray(np.linalg.qr(stacked, mode="r"))
        rolled = np.vstack([rolled, np.zeros((max(unknowns - len(rolled), 0), unknowns + outputs))])
        triangle, right = rolled[:unknowns, :unknowns], rolled[:unknowns, unknowns:]
        left, singular, across = np.linalg.svd(triangle)
        rank = int((singular > singular[0] * max(len(positions), unknowns) * np.finfo(float).eps).sum())
        inner = (left[:, :rank].T @ right) / singular[:rank, None]
        entries = np.zeros((self.channels * prod(self.size) + 1, outputs))
        entries[self.used] = across[:rank].T @ inner
        left_over = right - triangle @ entries[self.used]
        outside = float((rolled[unknowns:, unknowns:] ** 2).sum())
        loss = float((left_over**2).sum()) + outside
        condition = float(singular[0] / singular[-1]) if rank == unknowns else float("inf")
        kernel = entries[:-1].T.reshape(outputs, self.channels, *self.size)
        return CompositeFit(kernel, entries[-1], unknowns, rank, condition, loss, outside, triangle, right)

    def columns(self, inputs: Mapping[str, Array], target: Array, positions: Array) -> tuple[Array, Array]:
        """What stands beside each of the composite's unknowns at positions (n,) of the answer (indices of N*P*Q):
        (n, U); and beside a ring of further taps around it (n, V), which read zeros beyond the map.
        """
        view = self._windows(inputs, target, ring=1)
        wide = view[np.unravel_index(positions, view.shape[:3])]
        inner = np.zeros(wide.shape[1:], bool)
        inner[:, 1:-1, 1:-1] = True
        patches = wide.reshape(len(wide), -1)
        return self._columns(patches[:, inner.ravel()]), patches[:, ~inner.ravel()]

    def _windows(self, inputs: Mapping[str, Array], target: Array, ring: int = 0) -> Array:
        """The windows of the answer's positions as a view (N, P, Q, C, kh + 2 ring, kw + 2 ring)."""
        top, left, bottom, right = self.geometry.padding
        wide = replace(self.geometry, padding=(top + ring, left + ring, bottom + ring, right + ring))
        x = pad_with(inputs[self.source], wide)
        size = self.size[0] + 2 * ring, self.size[1] + 2 * ring
        view = windows(x, size, self.geometry, (target.shape[2], target.shape[3]))
        return view.transpose(0, 4, 5, 1, 2, 3)

    def _columns(self, patches: Array) -> Array:
        """Patches (n, C * kh * kw) with the constant's 1, without the entries that the cascade cannot reach."""
        return np.hstack([patches, np.ones((len(patches), 1))])[:, self.used]

    def equations(self, fit: CompositeFit) -> Equations:
        """The data's equations for the kernels, compressed to those that the composite's unknowns have."""
        return self._mixed(fit.triangle @ self._difference[self.used], fit.right)

    def factorisation(self, fit: CompositeFit) -> Equations:
        """composite(kernels) = the fitted composite, every entry counted alike."""
        entries = np.append(fit.kernel.reshape(len(fit.kernel), -1), fit.constant[:, None], axis=1).T
        return self._mixed(self._difference[self.used], entries[self.used])

    def _mixed(self, matrix: Array, right: Array) -> Equations:
        if self._bilinear is not None:
            return self._bilinear.mixed(matrix, right)
        return MixedEquations(self._probes, matrix, right)

    @cached_property
    def _bilinear(self) -> BilinearEquations | None:
        """The answers to one-hot inputs as they depend on two nodes' parameters, where there are two."""
        model = self._probes.model
        views = model.parameters.views_of(model.parameters.trainable)
        sizes = [
            sum(view.size for name, view in views.items() if name.split(".")[0] == node) for node in model.graph.order
        ]
        if len(sizes) != 2 or not all(sizes) or self._probes.target.size * prod(sizes) > BILINEAR:
            return None
        return BilinearEquations.of(self._probes, sizes[0], sum(sizes))


def why_not_linear(graph: Graph) -> str:
    """Why a graph is no linear cascade whose composite can be fitted; the empty text for one that is.

    It is one when it is Conv nodes in a row, or a single one, with no padding after the first.
    """
    nodes, order = graph.nodes, graph.order
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        return f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
    sources = [next(iter(graph.inputs)), *order]
    for source, name in zip(sources, order, strict=False):
        node, shape = nodes[name], graph.shapes[source]
        if not isinstance(node.op, Conv):
            return f"'{name}' is {type(node.op).__name__}"
        if node.inputs != (source,):
            return f"'{name}' does not read '{source}'"
        if name != order[0] and any(node.op.geometry((shape[1], shape[2])).padding):
            return f"'{name}' pads its input"
    return "" if graph.outputs == [order[-1]] else f"'{order[-1]}' is not the output"
