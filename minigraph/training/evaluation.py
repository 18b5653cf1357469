"""Evaluation: the loss and the metrics of many samples, in passes of a batch each that change nothing."""

from __future__ import annotations

import numpy as np

from minigraph.data.samples import Samples
from minigraph.model.model import Model
from minigraph.model.plan import copy_out
from minigraph.model.predict import samples_at_once
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.settings import TrainSection


def columns(model: Model, settings: TrainSection) -> list[str]:
    """The names of what :func:`evaluate` answers."""
    outputs = model.graph.outputs
    return ["loss", *(_key(output, name, outputs) for output in outputs for name in settings.metrics)]


def _key(output: str, metric: str, outputs: list[str]) -> str:
    return f"{output}.{metric}" if len(outputs) > 1 else metric


def evaluate(model: Model, samples: Samples, settings: TrainSection) -> dict[str, float]:
    """The weighted loss as "loss", and each metric; of several outputs as "output.metric".

    The passes are those of inference: BatchNorm uses its running statistics.
    """
    outputs, shapes = model.graph.outputs, model.graph.shapes
    metrics = {
        _key(output, name, outputs): (output, METRICS.find(name)()) for output in outputs for name in settings.metrics
    }
    totals = dict.fromkeys(columns(model, settings), 0.0)
    size = samples_at_once(model.graph)
    for start in range(0, len(samples), size):
        inputs, targets = samples.read(slice(start, start + size))
        count = len(next(iter(inputs.values())))
        with model.inference(count) as plan:
            plan.fill(inputs)
            with plan.blas_held():
                plan.forward()
            answers = {name: copy_out(plan.values[name]) for name in outputs}
        for name in outputs:
            classes = targets[name].ndim < 1 + len(shapes[name])
            targets[name] = targets[name].astype(np.int64 if classes else model.dtype)
            loss = settings.loss.evaluate(answers[name], targets[name], np.empty_like(answers[name]))
            share = 1 if settings.loss.sums else count / len(samples)
            totals["loss"] += settings.loss_weights.get(name, 1.0) * loss * share
        for key, (output, metric) in metrics.items():
            judged = settings.loss.judged(answers[output])
            totals[key] += float(metric.of_samples(judged, targets[output]).sum()) / len(samples)
    return totals
