"""The numerics behind Conv: interchangeable engines of one interface, chosen by name."""

from __future__ import annotations

from minigraph.convolution.base import Convolution
from minigraph.convolution.engines import ENGINES, find_engine
from minigraph.convolution.geometry import Geometry, resolve_padding, split_padding

__all__ = ["ENGINES", "Convolution", "Geometry", "find_engine", "resolve_padding", "split_padding"]
