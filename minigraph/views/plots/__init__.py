"""Pictures: the graph, losses, kernels, and answers beside their targets.

Each function writes one file, ``.png``, ``.svg`` or ``.pdf`` by its name's end, whole or not at all, and the same
bytes for the same input. Figures are made directly, without pyplot and its global state; a user's matplotlibrc
changes nothing. Lengths are typographic points, with y downwards in what is drawn freely on a sheet.
"""

from __future__ import annotations

import minigraph.views.plots.backend  # noqa: F401  # before all that import matplotlib
from minigraph.views.plots.comparison import plot_comparison
from minigraph.views.plots.confusion import confusion_matrix, plot_confusion
from minigraph.views.plots.filters import plot_filters
from minigraph.views.plots.graph import plot_graph
from minigraph.views.plots.images import plot_images, plot_predictions
from minigraph.views.plots.kernels import plot_kernels
from minigraph.views.plots.loss import plot_loss
from minigraph.views.plots.reconstruction import plot_reconstruction

__all__ = [
    "confusion_matrix",
    "plot_comparison",
    "plot_confusion",
    "plot_filters",
    "plot_graph",
    "plot_images",
    "plot_kernels",
    "plot_loss",
    "plot_predictions",
    "plot_reconstruction",
]
