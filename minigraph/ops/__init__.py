"""The ops, one to a file. Importing this package registers them all."""

from __future__ import annotations

from minigraph.ops.add import Add
from minigraph.ops.base import OPS, Context, Errors, Op, Parameter, attribute, register_op
from minigraph.ops.concat import Concat
from minigraph.ops.conv import Conv
from minigraph.ops.relu import ReLU
from minigraph.ops.sigmoid import Sigmoid

__all__ = [
    "OPS",
    "Add",
    "Concat",
    "Context",
    "Conv",
    "Errors",
    "Op",
    "Parameter",
    "ReLU",
    "Sigmoid",
    "attribute",
    "register_op",
]
