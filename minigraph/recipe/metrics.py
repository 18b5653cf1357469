"""Metrics: numbers that tell people how good answers are. Each is a mean over samples of one number a sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from minigraph.arrays import Array
from minigraph.declared.registry import Registry


class Metric(ABC):
    """How good answers are."""

    rises: ClassVar[bool] = True
    """Whether better answers have a higher number."""

    @abstractmethod
    def of_samples(self, answer: Array, target: Array) -> Array:
        """A number for each sample, (N,).

        Args:
            answer: (N, C, H, W) or (N, F); target: in the same shape, or class numbers, (N, H, W) or (N,).
        """


METRICS: Registry[Metric] = Registry("metric")


@METRICS.register("accuracy")
class Accuracy(Metric):
    """The share of positions whose class is right: the largest channel, or, of one channel, whether it is above 0.5."""

    def of_samples(self, answer: Array, target: Array) -> Array:
        right = _classes(answer) == (target if target.ndim < answer.ndim else _classes(target))
        return _mean_of_samples(right)


@METRICS.register("mae")
class MeanAbsolute(Metric):
    """The mean absolute difference."""

    rises: ClassVar[bool] = False

    def of_samples(self, answer: Array, target: Array) -> Array:
        return _mean_of_samples(np.abs(answer - _full(target, answer)))


@METRICS.register("psnr")
class PeakSignalToNoise(Metric):
    """The peak signal-to-noise ratio in dB, for values from 0 to 1: -10 log10(mean squared difference)."""

    def of_samples(self, answer: Array, target: Array) -> Array:
        with np.errstate(divide="ignore"):
            ratio: Array = -10 * np.log10(_mean_of_samples((answer - _full(target, answer)) ** 2))
        return ratio


def _classes(array: Array) -> Array:
    answer: Array = array.argmax(axis=1) if array.shape[1] > 1 else array[:, 0] > 0.5
    return answer


def _full(target: Array, answer: Array) -> Array:
    """The target in the answer's shape: of class numbers, one-hot."""
    if target.ndim == answer.ndim:
        return target
    channels = np.arange(answer.shape[1]).reshape(-1, *[1] * (answer.ndim - 2))
    one_hot: Array = (target[:, None] == channels).astype(answer.dtype)
    return one_hot


def _mean_of_samples(array: Array) -> Array:
    mean: Array = array.reshape(len(array), -1).mean(axis=1, dtype=np.float64)
    return mean
