"""Small things that several tests need: stored figures, comparisons, differences, sample graphs."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import ArrayLike

import minigraph as mg
from minigraph.arrays import Array
from minigraph.convolution import ENGINES
from minigraph.ops import Context

ErrorType = TypeVar("ErrorType", bound=Exception)

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "tests" / "figures"
TWO_CONV = ROOT / "models" / "two_conv.toml"

# Windows keeps its pipes outside the file system: no path leads to one, so that no reader can come to hang at it.
NEEDS_FIFOS = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="os.mkfifo is missing: no path leads to a FIFO here")


@dataclass(frozen=True)
class Case:
    """One stored case: its name, what its file says about it, and its arrays by their short keys."""

    name: str
    about: dict[str, Any]
    arrays: dict[str, Array]

    def under(self, prefix: str) -> dict[str, Array]:
        """The arrays whose keys begin with ``prefix``/, by the rest of the key."""
        return {
            key.removeprefix(f"{prefix}/"): array for key, array in self.arrays.items() if key.startswith(f"{prefix}/")
        }

    def numbered(self, prefix: str) -> tuple[Array, ...]:
        """prefix0, prefix1, ... as far as they go."""
        count = sum(key.removeprefix(prefix).isdigit() for key in self.arrays)
        return tuple(self.arrays[f"{prefix}{index}"] for index in range(count))


@cache
def figure_cases(file: str) -> list[Case]:
    """The cases of tests/figures/FILE.npz, as PyTorch answered them."""
    with np.load(FIGURES / f"{file}.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return [
        Case(
            about["name"],
            about,
            {
                key.removeprefix(f"{about['name']}/"): array
                for key, array in arrays.items()
                if key.startswith(f"{about['name']}/")
            },
        )
        for about in json.loads(str(arrays["cases"]))["cases"]
    ]


def assert_close(actual: ArrayLike, wanted: ArrayLike, tolerance: float = 1e-12) -> None:
    """Same shape, and no entry further off than ``tolerance`` times the largest wanted one."""
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    assert actual.shape == wanted.shape
    far = np.abs(actual - wanted).max(initial=0.0)
    allowed = tolerance * np.abs(wanted).max(initial=0.0)
    assert far <= allowed, f"off by {far}, allowed {allowed}"


def assert_exact(actual: ArrayLike, wanted: ArrayLike) -> None:
    """Same shape and the same numbers."""
    np.testing.assert_array_equal(np.asarray(actual), np.asarray(wanted))
    assert np.shape(actual) == np.shape(wanted)


def central_difference(function: Callable[[], float], array: Array, step: float) -> Array:
    """The slope of ``function`` along every entry of ``array``, which is put back as it was."""
    slopes = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        below = function()
        array[index] = kept
        slopes[index] = (above - below) / (2 * step)
    return slopes


def context(
    parameters: Mapping[str, Array] | None = None,
    engine: str = "fast",
    state: Mapping[str, Array] | None = None,
    training: bool = False,
) -> Context:
    """What a pass lends to an op."""
    return Context(parameters or {}, ENGINES[engine], state or {}, training)


@contextmanager
def raises(error: type[ErrorType], message: str) -> Iterator[pytest.ExceptionInfo[ErrorType]]:
    """``error`` is raised with exactly this text."""
    with pytest.raises(error) as caught:
        yield caught
    assert str(caught.value) == message


def diamond() -> mg.Graph:
    """image -> conv -> (relu, sigmoid) -> add: a value that two nodes read."""
    graph = mg.Graph("diamond")
    image = graph.input("image", shape=(3, 6, 7))
    conv = graph.add("conv", mg.Conv(kernel_size=(2, 3), out_channels=4, stride=(2, 1)), image)
    graph.add("relu", mg.ReLU(), conv)
    graph.add("sigmoid", mg.Sigmoid(), conv)
    graph.output(graph.add("sum", mg.Add(), "relu", "sigmoid"))
    return graph
