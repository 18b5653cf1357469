"""Identifiability: what data can tell about a graph's parameters, said before anything is solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any

import numpy as np

from minigraph.arrays import Array, ArraysLike, by_name, canonical
from minigraph.files.plain import plain
from minigraph.graph.graph import Graph
from minigraph.model.model import Model
from minigraph.randomness import stream
from minigraph.recovery.alignment import Link, Named, links
from minigraph.recovery.composite import Composite, why_not_linear
from minigraph.recovery.equations import GraphEquations
from minigraph.solvers import Equations
from minigraph.wording import counted, noun

ROWS = 20
"""Of very many equations so many for each unknown are looked at."""
POINTS = 3
"""At so many random points the rank is taken."""
RANK = 1e-9
"""Singular values below this part of the largest count as 0."""
CLOSED = 1e-6
"""Other inputs close a direction if they see more of it than this part of what they see of any."""
MORE = 1000
"""So many further samples are tried."""


@dataclass(frozen=True)
class Identifiability:
    """What data can tell.

    Attributes:
        equations: entries of the targets; unknowns: trainable parameters.
        rank_at_random: the Jacobian's rank at random points; rank_at_teacher: at the teacher, if there is one.
        rank_of_graph: its rank on as many random inputs as it takes: what any data can tell at most.
        null_directions: names of the directions in which no answer changes, whatever the data.
        composite_unknowns, composite_rank, composite_condition: of a linear cascade's composite, else None.
        not_linear: why the graph is no linear cascade, or the empty text.
        warnings: what stands against recovery.
    """

    equations: int
    unknowns: int
    rank_at_random: list[int]
    rank_of_graph: int
    null_directions: list[str]
    rank_at_teacher: int | None = None
    composite_unknowns: int | None = None
    composite_rank: int | None = None
    composite_condition: float | None = None
    not_linear: str = ""
    warnings: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """The facts for JSON."""
        facts: dict[str, Any] = plain(asdict(self))
        return facts

    def __str__(self) -> str:
        lines = [
            f"{self.equations:,} equations, {self.unknowns:,} unknowns",
            f"Jacobian rank {' '.join(map(str, self.rank_at_random))} at random points"
            + ("" if self.rank_at_teacher is None else f", {self.rank_at_teacher} at the teacher")
            + f"; {self.rank_of_graph} on any number of inputs",
        ]
        lines += [f"free whatever the data: {name}" for name in self.null_directions]
        if self.composite_unknowns is None:
            lines.append(f"no composite: {self.not_linear}")
        else:
            lines.append(
                f"composite: {self.composite_unknowns} unknowns, rank {self.composite_rank}, "
                f"condition {self.composite_condition:.3g}"
            )
        return "\n".join(lines + [f"warning: {text}" for text in self.warnings])


@dataclass(frozen=True)
class Openness:
    """What data leave open that more data would close.

    Attributes:
        rank: how many combinations of parameters the data tell; directions: how many more the answers depend on.
        parameters: names of those that change along them.
        samples: how many more samples, as large as those there are but of random content, close all of them; None
            where very many do not.
    """

    rank: int
    directions: int
    parameters: list[str]
    samples: int | None

    def __str__(self) -> str:
        many, more = self.directions > 1, self.samples or MORE
        return (
            f"the data tell {self.rank} of the {self.rank + self.directions} combinations of parameters that the "
            f"answers depend on: {counted(self.directions, 'direction')} of {', '.join(self.parameters)} "
            f"{'are' if many else 'is'} open; {'more than ' * (not self.samples)}{more} more {noun(more, 'sample')} "
            f"as varied as noise would close {'them' if many else 'it'}"
        )


def openness(model: Model, data: Array, inputs: Named, p: Array, seed: int) -> Openness | None:
    """What data leave open at ``p``, or None: a direction that no data close, such as a scale, is not open.

    Args:
        data: (R, P), the Jacobian at ``p`` on the data, or one with the same JᵀJ; inputs: those of the data.
    """
    rich = probes(model, seed, inputs).jacobian(p)
    lengths = np.sqrt((data**2).sum(axis=0) + (rich**2).sum(axis=0))
    lengths[lengths == 0] = 1.0
    _, singular, across = np.linalg.svd(np.linalg.qr(data / lengths, mode="r"))
    known = int((singular > RANK * singular.max(initial=0.0)).sum())
    null = across[known:].T
    if not null.size:
        return None
    _, seen, turned = np.linalg.svd(rich / lengths @ null)
    count = int((seen > CLOSED * np.linalg.norm(rich / lengths, 2)).sum())
    if not count:
        return None
    directions = (null @ turned[:count].T) / lengths[:, None]
    sizes = {
        name: float(np.linalg.norm(np.array([model.parameters.views_of(d * lengths)[name] for d in directions.T])))
        for name in model.parameters.views_of(p)
    }
    touched = [name for name, size in sizes.items() if size > 0.05 * max(sizes.values())]
    return Openness(known, count, touched, _closing(model, inputs, p, directions, seed))


def _closing(model: Model, inputs: Named, p: Array, directions: Array, seed: int) -> int | None:
    """How many random samples see all directions (P, d)."""
    count, entries = directions.shape[1], sum(prod(model.graph.shapes[name]) for name in model.graph.outputs)
    seen, samples = np.zeros((0, count)), 0
    fewest = -(-count // entries)
    while samples < MORE:
        more = fewest if not samples else 1
        samples += more
        jacobian = random_equations(model, more, 3 * count + 10, seed, samples, inputs).jacobian(p)
        seen = np.asarray(np.linalg.qr(np.vstack([seen, jacobian @ directions]), mode="r"))
        if len(seen) >= count and rank(seen) == count:
            return samples
    return None


def identify(graph: Graph, x: ArraysLike, teacher: Named | None = None, seed: int = 0) -> Identifiability:
    """What the answers to ``x`` can tell about a graph's trainable parameters.

    Args:
        x: as for :meth:`minigraph.Model.forward`.
        teacher: parameters by full name, where they are known.
        seed: seeds the random points and inputs.

    Raises:
        DefinitionError: the graph has a BatchNorm. ShapeError, DataError: x does not fit.
    """
    model = Model(graph, seed, dtype="float64")
    arrays = by_name(x, list(graph.inputs), "input")
    inputs = {name: canonical(arrays[name], shape, name, "float64") for name, shape in graph.inputs.items()}
    samples = len(next(iter(inputs.values())))
    targets = {name: np.zeros((samples, *graph.shapes[name])) for name in graph.outputs}
    total, unknowns = sum(array.size for array in targets.values()), model.parameters.trainable.size
    generator = stream(seed, "points")
    points = [generator.normal(size=unknowns) for _ in range(POINTS)]
    composite_facts: tuple[int | None, int | None, float | None] = (None, None, None)
    equations: Equations
    reason = why_not_linear(graph)
    if reason:
        some = generator.choice(total, min(total, ROWS * unknowns), replace=False)
        equations = GraphEquations(model, inputs, targets, np.sort(some))
    else:
        composite = Composite(model)
        fit = composite.fit(inputs, targets[graph.outputs[0]])
        composite_facts = fit.unknowns, fit.rank, fit.condition
        equations = composite.equations(fit)
    ranks = [rank(equations.jacobian(point)) for point in points]
    jacobian = probes(model, seed, inputs).jacobian(points[0])
    most = rank(jacobian)
    at_teacher = None
    if teacher is not None:
        teacher_model = Model(graph, seed, dtype="float64")
        for name, array in teacher.items():
            teacher_model.parameters[name] = array
        model.parameters.flat[...] = teacher_model.parameters.flat
        at_teacher = rank(equations.jacobian(teacher_model.parameters.trainable.copy()))
    model.parameters.trainable[...] = points[0]
    directions = null_directions(links(graph), model, jacobian)
    warnings = _warnings(graph, total, max(ranks), most, at_teacher, teacher)
    return Identifiability(total, unknowns, ranks, most, directions, at_teacher, *composite_facts, reason, warnings)


def rank(jacobian: Array) -> int:
    """The numerical rank of a Jacobian whose columns are brought to one length first."""
    lengths = np.linalg.norm(jacobian, axis=0)
    singular = np.linalg.svd(jacobian[:, lengths > 0] / lengths[lengths > 0], compute_uv=False)
    return int((singular > RANK * singular.max(initial=0.0)).sum())


def probes(model: Model, seed: int, like: Named) -> GraphEquations:
    """Equations on random inputs, about three for each unknown: what they cannot tell, no data can.

    Args:
        like: inputs (N, ...) whose means and deviations the random ones have.
    """
    unknowns = model.parameters.trainable.size
    entries = sum(prod(model.graph.shapes[name]) for name in model.graph.outputs)
    samples = min(3 * unknowns // entries + 2, 3 * unknowns)
    return random_equations(model, samples, 3 * unknowns, seed, None, like)


def random_equations(
    model: Model, samples: int, rows: int, seed: int, index: int | None, like: Named
) -> GraphEquations:
    """Equations on so many random samples, at most so many ``rows`` of them, against zeros."""
    graph, generator = model.graph, stream(seed, "probes", index)
    inputs, own = {}, Model(graph, seed, dtype="float64")
    for name, shape in graph.inputs.items():
        axes = (0, 2, 3) if len(shape) == 3 else (0,)
        mean, spread = (take(like[name], axis=axes, keepdims=True) for take in (np.mean, np.std))
        alike = spread <= RANK * np.abs(mean)
        spread = np.where(alike, np.where(mean == 0, 1.0, np.abs(mean)), spread)
        inputs[name] = mean + spread * generator.normal(size=(samples, *shape))
    targets = {name: np.zeros((samples, *graph.shapes[name])) for name in graph.outputs}
    total = sum(array.size for array in targets.values())
    own.parameters.flat[...] = model.parameters.flat
    return GraphEquations(own, inputs, targets, np.sort(generator.choice(total, min(total, rows), replace=False)))


def null_directions(chain: list[Link], model: Model, jacobian: Array) -> list[str]:
    """Names of a basis of the Jacobian's null space at the model's parameters: those of the links, and what is left."""
    parameters, size = model.parameters, np.abs(jacobian).max(initial=0.0)
    names, independent = [], np.zeros((0, jacobian.shape[1]))
    for link in chain:
        for name, direction in link.tangents(dict(parameters)):
            vector = np.zeros(jacobian.shape[1])
            for key, view in parameters.views_of(vector).items():
                view[...] = direction[key]
            vector /= np.linalg.norm(vector) or 1.0
            if np.abs(jacobian @ vector).max() <= 1e-8 * size and rank(np.vstack([independent, vector]).T) > len(
                independent
            ):
                names.append(name)
                independent = np.vstack([independent, vector])
    nullity = jacobian.shape[1] - rank(jacobian)
    if nullity > len(names):
        _, _, across = np.linalg.svd(jacobian)
        rest = across[len(across) - nullity :]
        rest = rest - rest @ np.linalg.pinv(independent) @ independent
        _, _, basis = np.linalg.svd(rest)
        for vector in basis[: nullity - len(names)]:
            views: Mapping[str, Array] = parameters.views_of(vector)
            touched = [name for name, view in views.items() if np.abs(view).max() > 0.05 * np.abs(vector).max()]
            names.append(f"a direction of {', '.join(touched)}")
    return names


def _warnings(
    graph: Graph, equations: int, found: int, most: int, at_teacher: int | None, teacher: Named | None
) -> list[str]:
    warnings = []
    if found < most:
        cause = "there are too few samples or too large strides" if equations < 2 * most else "the inputs are too alike"
        warnings.append(
            f"the data tell {found} of the {most} combinations of parameters that the answers depend on: {cause}"
        )
    if at_teacher is not None and at_teacher < found:
        warnings.append(
            f"the Jacobian has rank {at_teacher} at the teacher and {found} elsewhere: a singular point, as of kernels "
            "with a common factor or of channels that never act; it is found slowly and not to full precision"
        )
    if teacher is not None:
        flat = [
            name
            for name, array in teacher.items()
            if array.ndim == 4
            and array.shape[:2] == (1, 1)
            and min(array.shape[2:]) > 1
            and np.linalg.matrix_rank(array[0, 0]) == 1
        ]
        if len(flat) > 1 and len(flat) == sum(name.endswith(".kernel") for name in teacher):
            warnings.append(
                f"{' and '.join(flat)} are separable (of rank 1): their composite is a product of polynomials in one "
                "variable, whose factors can be dealt out otherwise; zero loss need not mean these kernels"
            )
    return warnings
