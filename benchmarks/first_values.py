"""Which first values should kernels have? Trains four small networks from each scheme and prints where they end.

    python -m benchmarks.first_values [SEEDS]

A seed draws parameters, the split and the order of the samples. The last weights are judged on test samples, by which
nothing was chosen.
"""

from __future__ import annotations

import sys

import numpy as np

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.data.samples import fit_samples
from minigraph.recipe.settings import TrainSection
from minigraph.training import new_trainer, run_training
from minigraph.training.evaluation import evaluate

SCHEMES = ("he_normal", "glorot_uniform", "pytorch_uniform")
DEFINITIONS = {"digits": "accuracy", "digits_conv": "accuracy", "denoise": "psnr"}


def initialised(graph: mg.Graph, scheme: str) -> mg.Graph:
    """The graph with every kernel drawn by a scheme that the definition sets no values for; PyTorch's biases too."""
    table = {"scheme": scheme}
    copy = mg.Graph(graph.name, dtype=graph.dtype)
    for name, shape in graph.inputs.items():
        copy.input(name, shape=shape)
    for name, node in graph.nodes.items():
        drawn = {"kernel": table, "bias": table} if scheme.startswith("pytorch") else {"kernel": table}
        keys = node.op.parameters(*(graph.shapes[source] for source in node.inputs))
        first = {key: value for key, value in drawn.items() if key in keys}
        copy.add(name, node.op, *node.inputs, init={**first, **node.init})
    copy.output(*graph.outputs)
    return copy


def bundled(name: str, scheme: str, seed: int) -> float:
    """A bundled definition's figure on its test samples."""
    definition = mg.Definition.load(name, [("seed", ("train", "seed"), seed)])
    settings = definition.train
    assert settings is not None, "the bundled definitions of real data have a [train]"
    model = mg.Model(initialised(definition.graph, scheme), seed)
    data = load_data(definition, model.dtype, seed)
    assert data.test is not None, "they hold test samples out"
    run_training(new_trainer(model, data.samples, None, settings))
    return evaluate(model, data.test, settings)[DEFINITIONS[name]]


def drawn_shapes(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(count, 16, 16) pictures of a disk, a square or a cross somewhere, in noise, and their numbers."""
    rows, columns = np.mgrid[:16, :16]
    kinds = generator.integers(3, size=count)
    pictures = generator.normal(0, 0.5, (count, 16, 16))
    for picture, kind in zip(pictures, kinds, strict=True):
        size = generator.integers(3, 6)
        down, right = np.abs(rows - generator.integers(5, 11)), np.abs(columns - generator.integers(5, 11))
        disk, square = down**2 + right**2 <= size**2, np.maximum(down, right) < size
        cross = square & (np.minimum(down, right) < 1)
        picture += (disk, square, cross)[kind]
    return pictures, kinds


def shapes(scheme: str, seed: int) -> float:
    """The accuracy on 300 more pictures of a small network that saw 600."""
    graph = mg.Graph("shapes", dtype="float32")
    graph.input("picture", shape=(16, 16))
    graph.add("conv1", mg.Conv(kernel_size=3, out_channels=8), "picture")
    graph.add("relu1", mg.ReLU(), "conv1")
    graph.add("pool1", mg.MaxPool(kernel_size=2), "relu1")
    graph.add("conv2", mg.Conv(kernel_size=3, out_channels=16), "pool1")
    graph.add("relu2", mg.ReLU(), "conv2")
    graph.add("pool2", mg.MaxPool(kernel_size=2), "relu2")
    graph.add("flat", mg.Flatten(), "pool2")
    graph.output(graph.add("logits", mg.Dense(out_features=3), "flat"))
    model = mg.Model(initialised(graph, scheme), seed)
    pictures, kinds = drawn_shapes(900, np.random.default_rng(seed))
    settings = TrainSection(
        loss="cross_entropy",
        optimizer=mg.Adam(learning_rate=1e-3),
        epochs=20,
        batch_size=32,
        seed=seed,
        metrics=["accuracy"],
    )
    run_training(
        new_trainer(model, fit_samples(model.graph, settings.loss, pictures[:600], kinds[:600]), None, settings)
    )
    return evaluate(model, fit_samples(model.graph, settings.loss, pictures[600:], kinds[600:]), settings)["accuracy"]


def main() -> None:
    """Print the table that the docs quote."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"| network, figure over {seeds} seeds | {' | '.join(SCHEMES)} |")
    print(f"|---{'|---' * len(SCHEMES)}|")
    for name, figure in {**DEFINITIONS, "shapes": "accuracy"}.items():
        cells = []
        for scheme in SCHEMES:
            values = [
                shapes(scheme, seed) if name == "shapes" else bundled(name, scheme, seed) for seed in range(seeds)
            ]
            cells.append(f"{np.mean(values):.4g} ± {np.std(values, ddof=1):.2g} (worst {min(values):.4g})")
        print(f"| {name}, test {figure} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
