"""The engines behind Conv by name."""

from __future__ import annotations

from minigraph.convolution.base import Convolution
from minigraph.convolution.fast import Fast
from minigraph.convolution.naive import Naive
from minigraph.errors import DefinitionError
from minigraph.wording import did_you_mean, one_of

ENGINES: dict[str, Convolution] = {engine.name: engine for engine in (Fast(), Naive())}


def find_engine(name: str) -> Convolution:
    """The engine called ``name``.

    Raises:
        DefinitionError: there is no such engine.
    """
    if not isinstance(name, str) or name not in ENGINES:
        raise DefinitionError(f"engine: found '{name}'; expected {one_of(ENGINES)}{did_you_mean(str(name), ENGINES)}")
    return ENGINES[name]
