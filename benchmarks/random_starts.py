"""How lucky is the published recipe? Trains two_conv from many seeds and prints where the losses end.

python benchmarks/random_starts.py [STARTS]
"""

from __future__ import annotations

import sys

import numpy as np

import minigraph as mg
from minigraph.data.loading import load_data


def final_losses(starts: int) -> np.ndarray:
    """The loss before the last update from each of the seeds 0, 1, ...; infinity where training diverged."""
    definition = mg.Definition.load("two_conv")
    assert definition.train is not None, "the bundled definition has a [train]"
    data = load_data(definition, "float64", seed=0)
    losses = np.full(starts, np.inf)
    for seed in range(starts):
        model = mg.Model(definition.graph, seed)
        try:
            history = mg.train(
                model,
                data.inputs,
                data.targets,
                loss=definition.train.loss,
                optimizer=definition.train.optimizer,
                steps=definition.train.steps,
            )
        except mg.TrainingDiverged:
            continue
        losses[seed] = history.loss[-1]
    return losses


def main() -> None:
    """Print the figures that the README quotes."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    losses = final_losses(starts)
    print(f"{starts} starts, final loss: median {np.median(losses):.0f}, lowest {losses.min():.2g}")
    print(f"below 5: {(losses < 5).mean():.1%}   below 10: {(losses < 10).mean():.1%}")
    print(f"diverged: {np.isinf(losses).mean():.1%}")


if __name__ == "__main__":
    main()
