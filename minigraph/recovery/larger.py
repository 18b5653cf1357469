"""Larger kernels: what a ring of further taps around each kernel would change, without changing it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from minigraph.arrays import Array
from minigraph.declared.fields import pair
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.ops.conv import Conv
from minigraph.recovery.alignment import Named
from minigraph.recovery.equations import GraphEquations


def ring_slopes(model: Model, inputs: Named, targets: Named, rows: Array, p: Array) -> tuple[Array, Array]:
    """The Jacobian (n, P) at ``p`` of the equations ``rows``, and its columns (n, V) for taps that each trainable Conv
    does not have: a ring around its kernel, of zeros at ``p``, so that all answers are the same.
    """
    graph, nodes = model.graph, model.graph.nodes
    model.parameters.trainable[...] = p
    larger = Graph(graph.name)
    for name, shape in graph.inputs.items():
        larger.input(name, shape)
    grown = {name for name in graph.order if isinstance(nodes[name].op, Conv) and nodes[graph.owner(name)].trainable}
    for name in graph.order:
        node = nodes[name]
        op = node.op
        if name in grown and isinstance(op, Conv):
            _, height, width = graph.shapes[node.inputs[0]]
            dilation = pair(op.dilation)
            padding = [
                side + dilation[axis % 2] for axis, side in enumerate(op.geometry((height, width)).padding)
            ]  # (top, left, bottom, right)
            kernel_size = [size + 2 for size in pair(op.kernel_size)]
            op = op.model_copy(update={"kernel_size": tuple(kernel_size), "padding": tuple(padding)})
        larger.declare(name, replace(node, op=op, init={}))
    larger.output(*graph.outputs)
    wide = Model(larger, seed=0, dtype="float64")
    for name, array in model.parameters.items():
        own = wide.parameters[name]
        if own.shape == array.shape:
            wide.parameters[name] = array
        else:
            embedded = np.zeros(own.shape)
            embedded[..., 1:-1, 1:-1] = array
            wide.parameters[name] = embedded
    start = wide.parameters.trainable.copy()
    further = np.ones(start.size, bool)
    for name, view in wide.parameters.views_of(further).items():
        if view.shape == model.parameters[name].shape:
            view[...] = False
        else:
            view[..., 1:-1, 1:-1] = False
    jacobian = GraphEquations(wide, inputs, targets, rows).jacobian(start)
    return jacobian[:, ~further], jacobian[:, further]
