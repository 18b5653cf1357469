"""Looking inside: one training step of a graph, taken apart into steps that a person can follow."""

from __future__ import annotations

from minigraph.inside.explanation import Explanation, NodeExplanation, explain
from minigraph.inside.training import explain_training

__all__ = ["Explanation", "NodeExplanation", "explain", "explain_training"]
