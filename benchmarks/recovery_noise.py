"""How much noise can recovery bear? The kernel error against the signal-to-noise ratio, for a small and a larger map.

python -m benchmarks.recovery_noise [TRIALS]
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

import minigraph as mg
from minigraph.graph.initialization import Explicit, Initializer
from minigraph.recovery.alignment import align, links, parameter_errors

SIZES = (20, 64, 128)
DECIBELS = (60, 50, 40, 30, 20, 10)


def main() -> None:
    """Print the table of the documentation: medians over the trials, each with another map, noise and seed."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    kernels = {name: np.array(item.values) for name, item in _teacher().items() if isinstance(item, Explicit)}
    print("| SNR in dB | " + " | ".join(f"{size}x{size}: conv1 | conv2 | verdicts" for size in SIZES) + " |")
    print("|---|" + "---|---|---|" * len(SIZES))
    for decibels in DECIBELS:
        cells = [str(decibels)]
        for size in SIZES:
            verdicts: Counter[str] = Counter()
            errors = []
            for number in range(trials):
                model = mg.Model(_cascade(size), 0)
                for name, kernel in kernels.items():
                    model.parameters[name] = kernel
                generator = np.random.default_rng([number, decibels, size])
                x = generator.normal(1.0, 1.0, (size, size))
                clean = model.forward(x)
                noise = generator.normal(size=clean.shape) * clean.std() * 10 ** (-decibels / 20)
                found = mg.recover(model.graph, x, clean + noise, seed=number)
                verdicts[found.verdict.name] += 1
                known = dict(model.parameters)
                aligned = align(links(model.graph), found.parameters, known)
                errors.append(list(parameter_errors(aligned, known, "kernel").values()))
            cells += [f"{error:.1g}" for error in np.median(errors, axis=0)]
            cells.append(", ".join(f"{count} {name}" for name, count in verdicts.most_common()))
        print(f"| {' | '.join(cells)} |", flush=True)


def _teacher() -> dict[str, Initializer]:
    data = mg.Definition.load("two_conv").data
    assert data is not None, "the bundled definition has a [data]"
    return data.teacher


def _cascade(size: int) -> mg.Graph:
    graph = mg.Graph("cascade")
    value = graph.add("conv1", mg.Conv(kernel_size=3), graph.input("image", shape=(size, size)))
    graph.output(graph.add("conv2", mg.Conv(kernel_size=4, stride=2), value))
    return graph


if __name__ == "__main__":
    main()
