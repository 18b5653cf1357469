"""Single Conv layers against PyTorch eager: forward, gradient of the kernel and error of the input, float32, 2 threads.

pip install -e ".[bench]" && python -m benchmarks.layers
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from math import exp, log

import numpy as np
import torch

from minigraph.convolution.geometry import Geometry
from minigraph.convolution.planned import PlannedConvolution

LAYERS = (
    (32, 1, 28, 28, 16, 3, 1),
    (32, 16, 28, 28, 32, 3, 1),
    (32, 3, 32, 32, 32, 3, 1),
    (32, 64, 32, 32, 64, 3, 1),
    (8, 16, 128, 128, 16, 3, 1),
    (32, 64, 14, 14, 128, 3, 1),
    (32, 128, 14, 14, 128, 3, 1),
    (4, 32, 64, 64, 32, 5, 1),
    (32, 1, 28, 28, 6, 5, 1),
    (32, 32, 28, 28, 64, 3, 2),
)
"""(N, C, H, W, out channels, kernel size, stride)."""


def passes(layer: tuple[int, ...]) -> tuple[Callable[[], object], Callable[[], object]]:
    """minigraph's and PyTorch's three passes of a layer, on the same numbers."""
    batch, channels, height, width, out_channels, size, stride = layer
    generator = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float32)

    x, kernel = draw(batch, channels, height, width), draw(out_channels, channels, size, size)
    answer = np.empty((batch, out_channels, (height - size) // stride + 1, (width - size) // stride + 1), np.float32)
    error = draw(*answer.shape)
    convolution = PlannedConvolution(x, kernel, answer, Geometry((stride, stride)), fixed=False)
    steps = (
        convolution.forward,
        convolution.kernel_gradient(error, np.empty_like(kernel)),
        convolution.input_error(error, np.empty_like(x)),
    )
    given, taps = torch.tensor(x, requires_grad=True), torch.tensor(kernel, requires_grad=True)
    upstream = torch.tensor(error)

    def ours() -> None:
        for step in steps:
            step()

    def theirs() -> None:
        given.grad = taps.grad = None
        torch.nn.functional.conv2d(given, taps, stride=stride).backward(upstream)

    return ours, theirs


def main() -> None:
    """Print the table and the geometric mean of the ratios."""
    torch.set_num_threads(2)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}, 2 threads\n")
    print("| N, C, H, W, out, kernel, stride | minigraph | PyTorch eager | ratio |\n|---|---|---|---|")
    ratios = []
    for layer in LAYERS:
        seconds: tuple[list[float], list[float]] = ([], [])
        sides = passes(layer)
        for turn in range(18):
            for side, run in zip(seconds, sides, strict=True):
                started = time.perf_counter()
                run()
                if turn > 2:  # the first turns warm both up
                    side.append(time.perf_counter() - started)
        medians = [statistics.median(side) for side in seconds]
        ratios.append(medians[0] / medians[1])
        print(f"| {layer} | {medians[0] * 1e3:.2f} ms | {medians[1] * 1e3:.2f} ms | {ratios[-1]:.2f} |")
    print(f"\ngeometric mean of the ratios: {exp(sum(map(log, ratios)) / len(ratios)):.2f}")


if __name__ == "__main__":
    main()
