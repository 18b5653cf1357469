"""Loading: a model of a definition, or of a finished run with its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minigraph.definition.bundled import run_at
from minigraph.graph.graph import Graph
from minigraph.model.model import Answer, Model
from minigraph.model.weights import weights_in


def load(
    definition: str | Path,
    seed: int | np.random.Generator | None = None,
    engine: str = "fast",
    dtype: str | None = None,
) -> Model[Answer]:
    """A new model of a definition file, or of a bundled definition by its bare name; see :class:`Model`.

    Args:
        definition: also a run's folder: the model then has the run's best weights by validation, else its last ones.

    Raises:
        DefinitionError: there is no such definition, or it is wrong. DataError: the run has left no weights yet.

    >>> import minigraph as mg
    >>> mg.load("two_conv", seed=0).parameters["conv2.kernel"].shape
    (1, 1, 4, 4)
    """
    model: Model[Answer] = Model(Graph.load(definition), seed, engine, dtype)
    run = run_at(definition)
    if run is not None:
        model.load_weights(weights_in(run))
    return model
