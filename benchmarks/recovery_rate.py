"""How often does recover find the kernels, and is it ever wrong about it? Random maps, seeds and kinds of teacher.

python -m benchmarks.recovery_rate [MAPS]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

import minigraph as mg
from minigraph.graph.initialization import Explicit

Kernels = tuple[np.ndarray, np.ndarray]


def published(generator: np.random.Generator) -> Kernels:
    """The bundled problem's own."""
    definition = mg.Definition.load("two_conv")
    assert definition.data is not None, "the bundled definition has a [data]"
    first, second = (definition.data.teacher[f"{node}.kernel"] for node in ("conv1", "conv2"))
    assert isinstance(first, Explicit), "the bundled teacher is given by its numbers"
    assert isinstance(second, Explicit), "the bundled teacher is given by its numbers"
    return np.array(first.values), np.array(second.values)


def normal(generator: np.random.Generator) -> Kernels:
    """Entries from the normal distribution."""
    return generator.normal(size=(3, 3)), generator.normal(size=(4, 4))


def positive(generator: np.random.Generator) -> Kernels:
    """Entries between 0 and 1, as of blurs."""
    return generator.uniform(size=(3, 3)), generator.uniform(size=(4, 4))


def separable(generator: np.random.Generator) -> Kernels:
    """Products of a column and a row: their factors can be dealt out otherwise."""
    return tuple(np.outer(generator.normal(size=n), generator.normal(size=n)) for n in (3, 4))  # type: ignore[return-value]


def sobel(generator: np.random.Generator) -> Kernels:
    """Sobel against a binomial blur: the same factor again and again, in both kernels."""
    return np.outer([1, 2, 1], [1, 0, -1]), np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


TEACHERS: list[Callable[[np.random.Generator], Kernels]] = [published, normal, positive, separable, sobel]


def wrongly_recovered(found: mg.Recovery, kernels: Kernels) -> bool:
    """Whether kernels were called recovered that are not the teacher's times one number, judged without minigraph."""
    if not found.recovered:
        return False
    errors = []
    for name, kernel in zip(("conv1.kernel", "conv2.kernel"), kernels, strict=True):
        learned = found.parameters[name][0, 0]
        learned = learned * np.vdot(learned, kernel) / np.vdot(learned, learned)
        errors.append(np.abs(learned - kernel).max() / np.abs(kernel).max())
    return max(errors) > 1e-5


def main() -> None:
    """Print a line for each kind of teacher."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    graph = mg.Graph.load("two_conv")
    print(f"{most} maps each (of sobel, which takes all restarts, a tenth), 20x20, N(1, 1); restarts up to 64")
    for make in TEACHERS:
        maps = max(most // 10, 1) if make is sobel else most
        verdicts: Counter[str] = Counter()
        errors, starts, seconds, wrong = [], [], [], 0
        for number in range(maps):
            generator = np.random.default_rng([number, 7])
            kernels = make(generator)
            teacher = mg.Model(graph, 0)
            for name, kernel in zip(("conv1.kernel", "conv2.kernel"), kernels, strict=True):
                teacher.parameters[name] = kernel
            x = generator.normal(1.0, 1.0, (20, 20))
            began = time.perf_counter()
            found = mg.recover(graph, x, teacher.forward(x), teacher=teacher.parameters, seed=number)
            seconds.append(time.perf_counter() - began)
            verdicts[found.verdict.name] += 1
            wrong += wrongly_recovered(found, kernels)
            starts.append(len(found.starts))
            if found.recovered:
                errors.append(max(found.kernel_error.values()))
        told = ", ".join(f"{name} {count / maps:.1%}" for name, count in verdicts.most_common())
        print(
            f"{make.__name__:10} {told}; called recovered wrongly: {wrong}; largest kernel error of the recovered "
            f"{max(errors, default=np.nan):.1g}; starts {np.mean(starts):.1f}; {1e3 * np.median(seconds):.0f} ms"
        )


if __name__ == "__main__":
    main()
