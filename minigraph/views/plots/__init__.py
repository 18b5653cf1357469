"""Pictures: the graph, the loss, the kernels beside their teacher's, and an answer beside its target.

Each function writes one file, ``.png``, ``.svg`` or ``.pdf`` by its name's end, whole or not at all, and the same
bytes for the same input. Figures are made directly, without pyplot and its global state; a user's matplotlibrc
changes nothing. Lengths are typographic points, with y downwards in what is drawn freely on a sheet.
"""

from __future__ import annotations

from minigraph.views.plots.graph import plot_graph
from minigraph.views.plots.kernels import plot_kernels
from minigraph.views.plots.loss import plot_loss
from minigraph.views.plots.reconstruction import plot_reconstruction

__all__ = ["plot_graph", "plot_kernels", "plot_loss", "plot_reconstruction"]
