"""Prediction: a model's answers to any number of samples."""

from __future__ import annotations

from math import prod
from typing import cast

import numpy as np

from minigraph.arrays import ArraysLike, arranged, as_dtype, by_name, require_one_count
from minigraph.graph.graph import Graph
from minigraph.model.model import Answer, Model
from minigraph.model.plan import copy_out

BATCH_NUMBERS = 2**20  # in all values of a batch: what a model holds stays small, however many samples there are


def samples_at_once(graph: Graph) -> int:
    """How many samples a graph answers at once where nothing else is asked for."""
    return max(BATCH_NUMBERS // sum(map(prod, graph.shapes.values())), 1)


def predict(model: Model[Answer], x: ArraysLike, batch_size: int | None = None) -> Answer:
    """The answer to ``x`` as :meth:`Model.forward` gives it, but batch by batch: its memory is that of one batch.

    Args:
        x: as for :meth:`Model.forward`.
        batch_size: samples of a batch; when left out as many as keep all values of a batch below a million numbers.

    Raises:
        ShapeError, DataError: as :meth:`Model.forward`.
    """
    graph, named = model.graph, by_name(x, list(model.graph.inputs), "input")
    arrays, forms = {}, []
    for name, shape in graph.inputs.items():
        arrays[name], form = arranged(named[name], shape, name)
        forms.append(form)
    samples, form = require_one_count(arrays), max(forms)
    if batch_size is None:
        batch_size = samples_at_once(graph)
    answers = {name: np.empty((samples, *graph.shapes[name]), model.dtype) for name in graph.outputs}
    for start in range(0, samples, batch_size):
        batch = {
            name: as_dtype(array[start : start + batch_size], model.dtype, f"'{name}'")
            for name, array in arrays.items()
        }
        with model.inference(require_one_count(batch)) as plan:
            plan.fill(batch)
            with plan.blas_held(), np.errstate(over="ignore", invalid="ignore"):
                plan.forward()
            for name, answer in answers.items():
                answer[start : start + batch_size] = copy_out(plan.values[name])
    shown = {name: form.of(answer) for name, answer in answers.items()}
    return cast("Answer", shown if len(shown) > 1 else next(iter(shown.values())))
