"""Prediction: a model's answers to any number of samples."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minigraph.arrays import ArraysLike, by_name
from minigraph.model.model import Model

BATCH_NUMBERS = 2**20  # in all values of a batch: what a model holds stays small, however many samples there are


def predict(model: Model, x: ArraysLike, batch_size: int | None = None) -> Any:
    """The answer to ``x`` as :meth:`Model.forward` gives it, but batch by batch: its memory is that of one batch.

    Args:
        x: as for :meth:`Model.forward`.
        batch_size: samples of a batch; when left out as many as keep all values of a batch below a million numbers.

    Raises:
        ShapeError, DataError: as :meth:`Model.forward`.
    """
    graph = model.graph
    given = {name: np.asarray(array) for name, array in by_name(x, list(graph.inputs), "input").items()}
    if batch_size is None:
        batch_size = max(BATCH_NUMBERS // sum(map(prod, graph.shapes.values())), 1)
    counts = {len(array) if array.ndim == len(graph.shapes[name]) + 1 else 1 for name, array in given.items()}
    samples = max(counts)
    if len(counts) > 1 or samples < 2:
        return model.forward(given)  # a single sample in its own rank, or an error to be told
    batches = [
        model.forward({name: array[start : start + batch_size] for name, array in given.items()})
        for start in range(0, samples, batch_size)
    ]
    if len(graph.outputs) == 1:
        return np.concatenate(batches)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in graph.outputs}
