"""The two problems, as arrays from which every library starts alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minigraph.arrays import Array

MAP = Path(__file__).parents[2] / "models" / "data" / "published_map.npy"
TWO_CONV_RATE = 3e-5
CNN_RATE = 0.05


def two_conv() -> tuple[Array, Array, dict[str, Array]]:
    """The main job of models/two_conv.toml in float64: the map, the targets and the first parameters of seed 15."""

    def convolve(x: Array, kernel: Array, stride: int) -> Array:
        # (H, W) -> (P, Q, kh, kw) -> (P, Q)
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape)[::stride, ::stride]
        return np.einsum("pqij,ij->pq", windows, kernel)

    x = np.load(MAP)
    known = (
        np.array([[0, 0, 1], [0, 2, 0], [1, 0, 1]]),
        np.array([[1, 0, 0, 1], [1, 0, 0, 1], [0, -1, -1, 0], [0, 1, 1, 0]]),
    )
    target = convolve(convolve(x, known[0], 1), known[1], 2)
    generator = np.random.default_rng(15)
    parameters = {
        "conv1.kernel": generator.normal(size=(1, 1, 3, 3)),
        "conv1.bias": np.zeros(1),
        "conv2.kernel": generator.normal(size=(1, 1, 4, 4)),
        "conv2.bias": np.zeros(1),
    }
    return x[None, None], target[None, None], parameters


def digits() -> tuple[list[tuple[Array, Array]], dict[str, Array]]:
    """Eight batches of 64 images 1x16x16 with one-hot targets, and the first parameters, in float32.

    The network: conv 3x3 to 8 channels, ReLU, max pool 2, conv 3x3 to 16 channels, ReLU, max pool 2, dense to 10.
    """
    generator = np.random.default_rng(0)

    def draw(*shape: int, fan_in: int = 2) -> Array:
        return (np.sqrt(2 / fan_in) * generator.normal(size=shape)).astype(np.float32)

    batches = [(draw(64, 1, 16, 16), np.eye(10, dtype=np.float32)[generator.integers(10, size=64)]) for _ in range(8)]
    parameters = {
        "conv1.kernel": draw(8, 1, 3, 3, fan_in=9),
        "conv1.bias": np.zeros(8, np.float32),
        "conv2.kernel": draw(16, 8, 3, 3, fan_in=72),
        "conv2.bias": np.zeros(16, np.float32),
        "score.kernel": draw(10, 256, fan_in=256),
        "score.bias": np.zeros(10, np.float32),
    }
    return batches, parameters
