"""Definitions: a graph, its data and its training in a TOML or JSON file."""

from __future__ import annotations

from minigraph.definition.definition import Definition, Override
from minigraph.definition.sections import ArrayFile, DataSection, HeldOut

__all__ = ["ArrayFile", "DataSection", "Definition", "HeldOut", "Override"]
