"""The pictures of a run: which there are follows from what the graph answers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from minigraph.arrays import Array, Shape
from minigraph.data.loading import Data
from minigraph.data.samples import Samples
from minigraph.definition import Definition
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.model.predict import predict
from minigraph.recipe.losses import Loss
from minigraph.recovery import Recovery
from minigraph.recovery.alignment import align, links, parameter_errors
from minigraph.training import History
from minigraph.views import plots
from minigraph.wording import counted

MOST = 10_000  # samples that are answered for the pictures


def write_pictures(
    folder: Path, definition: Definition, model: Model, history: History, data: Data, final: float | None = None
) -> None:
    """Draw a run that has ended into its folder.

    Always ``loss.png`` and ``graph.png``. With a teacher ``kernels.png`` and ``reconstruction.png``, else
    ``kernels_NODE.png`` of the first convolution, and of a graph with one input and one output ``confusion.png``
    and ``predictions.png`` for a classifier, ``examples.png`` where images are answered with images,
    ``reconstruction.png`` for other maps. These show the test samples, or else those of validation, or else all.

    Args:
        model: with the weights that are to be seen: the best ones, where there are any.
        final: the loss after the last update.
    """
    graph, settings = definition.graph, definition.train
    judged = {int(row["step"]): row["validation_loss"] for row in history.evaluations if "validation_loss" in row}
    plots.plot_loss(history.loss, folder / "loss.png", graph.name, final, judged)
    plots.plot_graph(graph, folder / "graph.png")
    before = Model(graph, settings.seed if settings else 0, dtype=model.dtype).parameters
    which = f", weights after {counted(int(history.best['step']), 'step')} (best)" if history.best else ""
    if data.teacher is not None:
        learned = dict(model.parameters)
        note = _aligned(graph, learned, data.teacher)
        title = f"Kernels: the teacher's, before and after training{which}"
        plots.plot_kernels(learned, data.teacher, folder / "kernels.png", title, dict(before), note)
    else:
        pictured = ((graph.owner(name), key) for name in graph.order if (key := graph.nodes[name].op.pictured))
        for node, key in islice(pictured, 1):
            name = f"{node}.{key}"
            file, title = folder / f"kernels_{node}.png", f"{graph.name}: {name}{which}"
            plots.plot_filters(model.parameters[name], file, title, before[name])
    if data.teacher is not None or len(graph.inputs) == len(graph.outputs) == 1:
        _draw_answers(folder, definition, model, data, which)


def _aligned(graph: Graph, learned: dict[str, Array], teacher: dict[str, Array]) -> list[str]:
    """What is said of kernels whose scale, sign and order the answers leave open."""
    chain = links(graph)
    if not chain:
        return []
    errors = parameter_errors(align(chain, learned, teacher), teacher, "kernel")
    text = ", ".join(f"{node} {error:.3g}" for node, error in errors.items())
    return [
        "drawn as they stand: scale, sign or order between kernels can differ without changing an answer; with these "
        f"aligned the largest differences, relative to the teacher's largest entry, are {text}"
    ]


def _draw_answers(folder: Path, definition: Definition, model: Model, data: Data, which: str) -> None:
    graph, settings = definition.graph, definition.train
    samples, kind = _judged(data)
    inputs, targets = samples.read(slice(0, MOST))
    output = graph.outputs[0]
    answer = predict(model, inputs)
    answer, target = answer[output] if isinstance(answer, dict) else answer, targets[output]
    first_input = next(iter(inputs.values()))
    title = f"{graph.name}: {len(target):,} {kind} sample{'s' * (len(target) != 1)}{which}"
    shape = graph.shapes[output]
    if settings is not None:
        answer = settings.loss.judged(answer)
    if settings is not None and _is_classifier(shape, settings.loss, settings.metrics):
        scores = answer.reshape(len(answer), -1).astype(np.float64)
        labels = target if target.ndim == 1 else target.reshape(scores.shape).argmax(axis=1)
        labels = labels.astype(np.int64)
        predicted = scores.argmax(axis=1)
        chosen = (_softmax(scores) if settings.loss.takes_classes else scores).max(axis=1)
        matrix = plots.confusion_matrix(labels, predicted, scores.shape[1])
        classes = definition.data.classes if definition.data else None
        plots.plot_confusion(matrix, folder / "confusion.png", title, classes)
        if _is_image(first_input.shape[1:]):
            file = folder / "predictions.png"
            plots.plot_predictions(first_input, labels, predicted, chosen, file, title, classes)
    elif data.teacher is None and _is_image(shape) and first_input.shape == answer.shape:
        plots.plot_images(first_input, answer, target, folder / "examples.png", title)
    elif answer.shape == target.shape:
        plots.plot_reconstruction(target, answer, folder / "reconstruction.png", f"{output}{which}")


def _judged(data: Data) -> tuple[Samples, str]:
    """The samples that the pictures show, and what they are called."""
    if data.test is not None:
        return data.test, "test"
    return (data.validation, "validation") if data.validation is not None else (data.samples, "training")


def _is_classifier(shape: Shape, loss: Loss, metrics: tuple[str, ...]) -> bool:
    """Whether one position's channels are the scores of classes."""
    return shape[0] > 1 and all(size == 1 for size in shape[1:]) and (loss.takes_classes or "accuracy" in metrics)


def _is_image(shape: Shape) -> bool:
    return len(shape) == 3 and shape[0] in (1, 3) and min(shape[1:]) > 1


def _softmax(logits: Array) -> Array:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    share: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return share


def write_recovery_pictures(folder: Path, definition: Definition, found: Recovery, data: Data) -> None:
    """Write ``starts.png`` and ``ends.png``, and ``kernels.png`` for a teacher, else ``reconstruction.png``."""
    from minigraph.views.plots.starts import plot_ends, plot_starts

    graph = definition.graph
    verdicts = [start.verdict.name for start in found.starts]
    count = counted(len(verdicts), "start")
    model = Model(graph, 0, dtype="float64")
    for name, array in (data.teacher or found.parameters).items():
        model.parameters[name] = array
    losses = [start.losses for start in found.starts]
    plot_starts(losses, verdicts, folder / "starts.png", f"{graph.name}: {count}")
    goal = None if data.teacher is None else model.parameters.trainable
    ends = [start.parameters for start in found.starts]
    plot_ends(ends, verdicts, folder / "ends.png", f"{graph.name}: where {count} ended", goal)
    if data.teacher is not None:
        title = "Kernels: teacher and learned, aligned"
        plots.plot_kernels(found.parameters, data.teacher, folder / "kernels.png", title)
        return
    answer, first = model.forward(data.inputs), graph.outputs[0]
    plots.plot_reconstruction(
        data.targets[first],
        answer if len(graph.outputs) == 1 else answer[first],
        folder / "reconstruction.png",
        first,
    )
