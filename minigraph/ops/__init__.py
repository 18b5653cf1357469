"""The ops, one to a file. Importing this package registers them all."""

from __future__ import annotations

from minigraph.ops.add import Add
from minigraph.ops.avg_pool import AvgPool
from minigraph.ops.base import OPS, Context, Errors, Op, Parameter, attribute, register_op, required
from minigraph.ops.batch_norm import BatchNorm
from minigraph.ops.concat import Concat
from minigraph.ops.conv import Conv
from minigraph.ops.conv_transpose import ConvTranspose
from minigraph.ops.dense import Dense
from minigraph.ops.flatten import Flatten
from minigraph.ops.global_avg_pool import GlobalAvgPool
from minigraph.ops.leaky_relu import LeakyReLU
from minigraph.ops.max_pool import MaxPool
from minigraph.ops.multiply import Multiply
from minigraph.ops.relu import ReLU
from minigraph.ops.sigmoid import Sigmoid
from minigraph.ops.softmax import Softmax
from minigraph.ops.tanh import Tanh

__all__ = [
    "OPS",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Concat",
    "Context",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Errors",
    "Flatten",
    "GlobalAvgPool",
    "LeakyReLU",
    "MaxPool",
    "Multiply",
    "Op",
    "Parameter",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "attribute",
    "register_op",
    "required",
]
