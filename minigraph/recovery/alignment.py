"""Alignment: what the answers cannot tell is taken out of parameters before they are compared with a teacher's.

Between two nodes whose channels nobody else reads, channels can be reordered; scaled, where what stands between is
homogeneous (ReLU), also by negative numbers where it is linear; then even mixed by any invertible matrix, and a bias
can move into the next one. Each is undone in closed form by a :class:`Link`. Directions of the Jacobian's null space
that no link explains are no symmetry of this kind: parameters that differ along them stay different.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from minigraph.arrays import Array
from minigraph.graph.graph import Graph

LINEAR, HOMOGENEOUS, ODD, ORDER = "linear", "homogeneous", "odd", "order"
Named = Mapping[str, Array]


@dataclass(frozen=True)
class Link:
    """Two nodes with channels between them that nobody else reads.

    Attributes:
        upper, lower: the nodes; channels: how many.
        freedom: "linear", "homogeneous", "odd" or "order".
        biases: whether a constant of the upper can move into the lower's bias.
    """

    upper: str
    lower: str
    channels: int
    freedom: str
    biases: bool

    def turned(self, parameters: Named, above: Array, below: Array) -> dict[str, Array]:
        """The parameters with ``above`` times the upper's channels and the lower's times ``below``, (m, m) each."""
        kernel, lower = parameters[f"{self.upper}.kernel"], parameters[f"{self.lower}.kernel"]
        inner = lower.reshape(len(lower), self.channels, -1)
        changed = {
            f"{self.upper}.kernel": np.tensordot(above, kernel, 1),
            f"{self.lower}.kernel": np.einsum("oik,ij->ojk", inner, below).reshape(lower.shape),
        }
        if f"{self.upper}.bias" in parameters:
            changed[f"{self.upper}.bias"] = above @ parameters[f"{self.upper}.bias"]
        return {**parameters, **changed}

    def shifted(self, parameters: Named, shift: Array) -> dict[str, Array]:
        """The parameters with ``shift`` (m,) added to the upper's bias and its effect taken from the lower's."""
        lower = parameters[f"{self.lower}.kernel"]
        sums = lower.reshape(len(lower), self.channels, -1).sum(axis=2)
        upper_bias, lower_bias = f"{self.upper}.bias", f"{self.lower}.bias"
        return {
            **parameters,
            upper_bias: parameters[upper_bias] + shift,
            lower_bias: parameters[lower_bias] - sums @ shift,
        }

    def tangents(self, parameters: Named) -> Iterator[tuple[str, dict[str, Array]]]:
        """The directions in which the answers do not change, each with its name."""
        nothing = {name: np.zeros_like(array) for name, array in parameters.items()}
        units = np.eye(self.channels)
        of_channel = [f", channel {i}" * (self.channels > 1) for i in range(self.channels)]
        for i in range(self.channels if self.freedom in (LINEAR, HOMOGENEOUS) else 0):
            for j in range(self.channels):
                if i == j or self.freedom == LINEAR:
                    unit = np.outer(units[i], units[j])
                    turned = self.turned(parameters, unit, -unit)
                    touched = (f"{self.upper}.kernel", f"{self.upper}.bias", f"{self.lower}.kernel")
                    name = f"scale between {self.upper} and {self.lower}{of_channel[i]}"
                    if i != j:
                        name = f"mixing channel {j} of {self.upper} into channel {i}, undone in {self.lower}"
                    yield name, {**nothing, **{key: turned[key] for key in touched if key in turned}}
        for i in range(self.channels if self.biases else 0):
            moved = self.shifted(parameters, units[i])
            name = f"bias line {self.upper}.bias / {self.lower}.bias{of_channel[i]}"
            yield name, {key: moved[key] - parameters[key] for key in parameters}


def links(graph: Graph) -> list[Link]:
    """A graph's links, from its inputs to its outputs."""
    nodes, shapes = graph.nodes, graph.shapes
    shared = {node.share for node in nodes.values()}
    readers: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for source in node.inputs:
            readers.setdefault(source, []).append(name)

    def movable(name: str) -> bool:
        node = nodes[name]
        alone = node.share is None and name not in shared and node.trainable
        return alone and node.op.mixes_channels

    chain = []
    for upper in graph.order:
        if not movable(upper):
            continue
        name, freedoms, padded = upper, {LINEAR}, False
        while len(readers.get(name, [])) == 1 and name not in graph.outputs:
            name = readers[name][0]
            op = nodes[name].op
            if movable(name):
                padded |= op.pads(shapes[nodes[name].inputs[0]])
                freedom = _common(freedoms)
                both = all(f"{end}.bias" in graph.parameters for end in (upper, name))
                chain.append(Link(upper, name, shapes[upper][0], freedom, both and freedom == LINEAR and not padded))
                break
            if op.commutes is None:
                break
            freedoms.add(op.commutes)
            padded |= op.pads(shapes[nodes[name].inputs[0]])
    return chain


def _common(freedoms: set[str]) -> str:
    """What may be done to channels that pass all of these."""
    rest = freedoms - {LINEAR}
    return LINEAR if not rest else rest.pop() if len(rest) == 1 else ORDER


def align(chain: list[Link], learned: Named, teacher: Named) -> dict[str, Array]:
    """``learned``, turned by the links so that it comes near ``teacher``; it answers as before."""
    aligned = {name: array.copy() for name, array in learned.items()}
    for link in chain:
        above = _matched(link, aligned, teacher)
        aligned = link.turned(aligned, above, np.linalg.inv(above))
        if link.biases:
            bias = f"{link.upper}.bias"
            aligned = link.shifted(aligned, teacher[bias] - aligned[bias])
    return aligned


def _matched(link: Link, learned: Named, teacher: Named) -> Array:
    """The matrix (m, m), one of those that the link is free to apply, that takes the upper's channels to the teacher's.

    Channels are matched by the angle between them, in the assignment whose cosines have the largest sum.
    """
    names = [f"{link.upper}.kernel"]
    if not link.biases and f"{link.upper}.bias" in learned:
        names.append(f"{link.upper}.bias")
    ours, theirs = (
        np.hstack([arrays[name].reshape(link.channels, -1) for name in names]) for arrays in (learned, teacher)
    )
    if link.freedom == LINEAR and link.channels > 1 and np.linalg.matrix_rank(ours) == link.channels:
        mixing: Array = np.linalg.lstsq(ours.T, theirs.T, rcond=None)[0].T
        if np.linalg.cond(mixing) < 1e6:
            return mixing
    lengths = [np.linalg.norm(rows, axis=1) for rows in (ours, theirs)]
    cosines = theirs @ ours.T / np.maximum(np.outer(lengths[1], lengths[0]), np.finfo(float).tiny)
    signed = link.freedom in (LINEAR, ODD)
    if link.channels == 1:
        rows, columns = np.zeros(1, int), np.zeros(1, int)
    else:
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(np.abs(cosines) if signed else cosines, maximize=True)
    matrix = np.zeros((link.channels, link.channels))
    matrix[rows, columns] = np.where(signed & (cosines[rows, columns] < 0), -1.0, 1.0)
    if link.freedom in (LINEAR, HOMOGENEOUS):
        sound = (lengths[0][columns] > 0) & (lengths[1][rows] > 0)
        ratios = np.where(sound, lengths[1][rows], 1.0) / np.where(sound, lengths[0][columns], 1.0)
        matrix[rows, columns] *= ratios
    return matrix


def parameter_errors(learned: Named, teacher: Named, only: str = "") -> dict[str, float]:
    """For each node the largest difference of its parameters, relative to the largest of the teacher's.

    Args:
        only: such as "kernel", to compare the parameters of this name alone.
    """
    nodes: dict[str, list[str]] = {}
    for name in teacher:
        node, kind = name.split(".")
        if only in ("", kind):
            nodes.setdefault(node, []).append(name)
    return {
        node: max(float(np.abs(learned[name] - teacher[name]).max()) for name in names)
        / (max(float(np.abs(teacher[name]).max()) for name in names) or 1.0)
        for node, names in nodes.items()
    }
