"""Search: one recovery's starts, each with a seed of its own, solved and judged alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod, sqrt
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np

from minigraph.arrays import Array
from minigraph.errors import DefinitionError
from minigraph.graph.graph import Graph
from minigraph.graph.initialization import Explicit
from minigraph.model.model import Model, default_initializer
from minigraph.randomness import stream
from minigraph.recovery.alignment import Named, align, links, parameter_errors
from minigraph.recovery.composite import Composite, CompositeFit, why_not_linear
from minigraph.recovery.composite_solver import RecoverySystem
from minigraph.recovery.equations import GraphEquations
from minigraph.recovery.identifiability import POINTS, RANK, ROWS, Openness, openness, probes
from minigraph.recovery.verdict import (
    EQUIVALENT,
    EXACT,
    FITTED,
    NEAR,
    RECOVERED,
    SAME,
    SEVERAL,
    UNCONVERGED,
    UNDETERMINED,
    UNKNOWNS,
    Verdict,
    minimum,
)
from minigraph.solvers import SOLVERS, Equations, Solution, Solver, solvers, sum_of_squares

AUTO = "auto"
"""Lets the system choose its solver."""
HELD_OUT = 0.2
"""Without a teacher this part of the targets can be held out to check the fit on."""


@dataclass(frozen=True)
class Start:
    """One start and where it ended.

    Attributes:
        index: its number, which with the search's seed gives its first parameters.
        parameters: (P,), the trainable ones, aligned with the teacher where there is one.
        losses: (evaluations,), at each point that the solver tried.
        loss: the sum of squared differences at the end.
        verdict: what was found; kernel_error: by node, relative to the teacher's largest entry.
    """

    index: int
    parameters: Array
    losses: Array
    loss: float
    verdict: Verdict
    kernel_error: dict[str, float]


@dataclass(frozen=True)
class Task:
    """What a search is about: plain data, so that it can go to another process.

    Attributes:
        inputs, targets: in float64, (N, C, H, W) or (N, F); teacher: in full shape, or None.
        solver: a name in SOLVERS, or :data:`AUTO`; seed: of the starts and of what is held out.
        hold_out: whether a part of the targets is left out of the fit.
    """

    graph: Graph
    inputs: dict[str, Array]
    targets: dict[str, Array]
    teacher: dict[str, Array] | None
    solver: str
    seed: int
    hold_out: bool = False


@dataclass(frozen=True)
class Choice:
    """The solver that was chosen: its name and why."""

    name: str
    why: str


class Search:
    """The starts of one task; another process gets the task and makes its own search, once."""

    made: ClassVar[tuple[str, Search] | None] = None

    def __init__(self, task: Task) -> None:
        self.task = task
        self.graph = task.graph
        self.model = Model(task.graph, task.seed, dtype="float64")
        self.all = GraphEquations(self.model, task.inputs, task.targets)
        self.links = links(task.graph)
        self.size = sqrt(sum_of_squares(self.all.target)) or 1.0
        kept = self._kept() if task.hold_out else None
        self.fitted = self.all if kept is None else GraphEquations(self.model, task.inputs, task.targets, kept)
        self.composite: Composite | None = None
        self.baseline: CompositeFit | None = None
        not_linear = why_not_linear(task.graph)
        if not not_linear:
            self.composite = Composite(self.model)
            self.baseline = self._compose(kept)
        rows, unknowns = len(self.fitted.kept), self.model.parameters.trainable.size
        pushed = max(prod(shape) for shape in self.graph.shapes.values())
        self.system = RecoverySystem(self.fitted, rows, unknowns, pushed, self.composite, self.baseline, not_linear)
        self._solver, self.solver = choose(task.solver, self.system)
        self._draws = self._initializers()
        self._name = uuid4().hex

    @classmethod
    def _again(cls, name: str, task: Task) -> Search:
        """The search of this name in this process."""
        if cls.made is None or cls.made[0] != name:
            cls.made = name, cls(task)
        return cls.made[1]

    def __reduce__(self) -> tuple[Any, ...]:
        return Search._again, (self._name, self.task)

    def _kept(self) -> Array:
        """The equations that are fitted where a part is held out: whole positions, with all their channels."""
        generator = stream(self.task.seed, "held out")
        masks = []
        for name in self.graph.outputs:
            target = self.task.targets[name]
            places = (len(target), 1, *target.shape[2:]) if target.ndim == 4 else target.shape
            masks.append(np.broadcast_to(generator.random(places) >= HELD_OUT, target.shape).ravel())
        return np.flatnonzero(np.concatenate(masks))

    def _compose(self, kept: Array | None) -> CompositeFit:
        assert self.composite is not None, "asked of linear cascades only"
        target = self.task.targets[self.graph.outputs[0]]
        positions = None
        if kept is not None:
            mask = np.zeros(target.size, bool)
            mask[kept] = True
            positions = np.flatnonzero(mask.reshape(target.shape)[:, 0])
        return self.composite.fit(self.task.inputs, target, positions)

    def equations(self, kept: Array) -> Equations:
        """Those ``kept``, or for a linear cascade fewer that amount to the same: JᵀJ is one for both."""
        if self.composite is not None:
            return self.composite.equations(self._compose(kept))
        return GraphEquations(self.model, self.task.inputs, self.task.targets, kept)

    def _initializers(self) -> dict[str, Any]:
        """How each trainable parameter is drawn: as declared, but where constants would make all starts alike."""
        graph, draws = self.graph, {}
        for name in self.model.parameters.views_of(self.model.parameters.trainable):
            node, key = name.split(".")
            parameter = graph.parameters[name]
            declared = graph.nodes[node].init.get(key)
            constant = declared is None or (isinstance(declared, Explicit) and isinstance(parameter.default, str))
            draws[name] = default_initializer(parameter) if constant else declared
        return draws

    def first(self, index: int) -> Array:
        """The first parameters (P,) of a start."""
        generator = stream(self.task.seed, "starts", index)
        p = np.zeros_like(self.model.parameters.trainable)
        for name, view in self.model.parameters.views_of(p).items():
            view[...] = self._draws[name].draw(self.graph.parameters[name], generator)
        return p

    def solve(self, p: Array) -> Solution:
        """Where the solver gets from ``p``, on the equations that are fitted."""
        return self._solver.solve(self.system, p)

    def attempt(self, index: int) -> Start:
        """Run one start to its end and judge it."""
        return self.judged(index, self.solve(self.first(index)))

    def judged(self, index: int, solution: Solution) -> Start:
        """A solution with its verdict."""
        p, losses = solution.parameters, solution.losses
        loss = sum_of_squares(self.fitted.residual(p)) if np.isfinite(p).all() else float("inf")
        teacher, errors = self.task.teacher, {}
        if teacher is not None and np.isfinite(loss):
            learned = self.named(p)
            aligned = align(self.links, learned, teacher)
            p = self.flat(aligned)
            errors = parameter_errors(aligned, teacher, only="kernel")
        if not np.isfinite(loss):
            verdict = Verdict(UNCONVERGED, "the parameters have run out of bounds")
        elif sqrt(loss) > EXACT * self.size:
            outside = 0.0 if self.baseline is None or self.solver.name != "composite" else self.baseline.outside
            verdict = minimum(solution.equations, solution.parameters, outside)
        elif teacher is None:
            opened, text = self.openness(p), f"the residual is {sqrt(loss) / self.size:.1g} of the target"
            verdict = Verdict(FITTED, text) if opened is None else Verdict(UNDETERMINED, f"{text}; {opened}")
        else:
            verdict = self._against(teacher, p, loss)
        return Start(index, p, losses, loss, verdict, errors)

    def _against(self, teacher: Named, p: Array, loss: float) -> Verdict:
        """What an exact fit found, when the teacher is known: ``p`` is aligned."""
        found = self.openness(p)
        if found is not None:
            return Verdict(UNDETERMINED, str(found))
        worst = max(parameter_errors(self.named(p), teacher).values())
        residual = sqrt(loss) / self.size
        text = f"residual {residual:.1g} of the target, parameters off by {worst:.1g} after alignment"
        if worst <= SAME:
            return Verdict(RECOVERED, text)
        other = self.difference(p, self.flat(teacher))
        if other > sqrt(EXACT):
            text += f"; the same answers to these data, but {other:.1g} off on others"
            if residual > RANK * other:
                return Verdict(UNCONVERGED, f"{text}: it may still move")
            return Verdict(UNDETERMINED, f"{text}: {SEVERAL}")
        if worst < NEAR:
            return Verdict(UNCONVERGED, f"{text}; near the teacher, where the equations are almost singular")
        return Verdict(EQUIVALENT, f"{text}; the same answers to any data with other kernels")

    def difference(self, p: Array, other: Array) -> float:
        """How far the answers to random inputs are apart, relative to those of ``other``."""
        wanted = self._probes.residual(other)
        return float(np.linalg.norm(self._probes.residual(p) - wanted) / (np.linalg.norm(wanted) or 1.0))

    def openness(self, p: Array) -> Openness | None:
        """What the data, all of them, leave open at ``p``; None also where that takes too long to look at."""
        if p.size > UNKNOWNS or (self.baseline is not None and self.baseline.rank == self.baseline.unknowns):
            return None
        if self.composite is not None:
            jacobian = self.equations(self.all.kept).jacobian(p)
        else:
            jacobian = self.some(ROWS * p.size).jacobian(p)
        return openness(self.model, jacobian, self.task.inputs, p, self.task.seed)

    @cached_property
    def always_open(self) -> Openness | None:
        """What the data leave open at random points, and so wherever a start ends."""
        found = None
        for index in range(POINTS):
            found = self.openness(self.first(index))
            if found is None:
                return None
        return found

    def some(self, rows: int) -> GraphEquations:
        """All equations, or so many of them, spread evenly."""
        count = self.all.target.size
        if rows >= count:
            return self.all
        kept = np.unique(np.linspace(0, count - 1, rows).astype(int))
        return GraphEquations(self.model, self.task.inputs, self.task.targets, kept)

    @cached_property
    def _probes(self) -> GraphEquations:
        """The graph's answers to other inputs."""
        return probes(self.model, self.task.seed, self.task.inputs)

    def named(self, p: Array) -> dict[str, Array]:
        """All parameters by name, with ``p`` for the trainable ones."""
        self.model.parameters.trainable[...] = p
        return {name: array.copy() for name, array in self.model.parameters.items()}

    def flat(self, parameters: Named) -> Array:
        """The trainable ones of named parameters as one vector."""
        p = np.zeros_like(self.model.parameters.trainable)
        for name, view in self.model.parameters.views_of(p).items():
            view[...] = parameters[name]
        return p


def choose(name: str, system: RecoverySystem) -> tuple[Solver, Choice]:
    """The solver of this name, or the one that suits a system best, and why.

    Raises:
        DefinitionError: the solver of this name cannot be used for the system.
    """
    if name != AUTO:
        solver = SOLVERS.find(name)()
        refused = solver.refused(system)
        if refused:
            others = ", ".join([AUTO, *(other for other in solvers() if other != name)])
            raise DefinitionError(f"solver '{name}': {refused}, or another solver: {others}")
        return solver, Choice(name, "as asked")
    reasons: list[str] = []
    for known, kind in solvers().items():
        solver = kind()
        unsuited = solver.unsuited(system)
        if not unsuited:
            suited = solver.suited(system)
            return solver, Choice(known, ", and ".join([*reasons, *([suited] if suited else [])]))
        reasons.append(unsuited)
    raise AssertionError("one solver suits every system")
