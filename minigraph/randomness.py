"""Random numbers: each purpose has a stream of its own, a child of one seed, so that none repeats another's numbers.

A model's parameters are drawn from ``numpy.random.default_rng(seed)`` itself.
"""

from __future__ import annotations

import numpy as np

PURPOSES = ("data", "shuffle", "split", "starts", "held out", "probes", "points", "gradient check")
"""What random numbers are for. The order is kept: a purpose's place makes its numbers."""


def stream(seed: int, purpose: str, index: int | None = None) -> np.random.Generator:
    """The random numbers of one of PURPOSES, or of the one with this number among many alike.

    These are the children that ``numpy.random.SeedSequence(seed)`` spawns, and theirs.
    """
    place = (PURPOSES.index(purpose),)
    key = place if index is None else (*place, index)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
