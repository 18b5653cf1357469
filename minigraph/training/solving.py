"""Solving: a run whose optimizer is a solver, which takes all its steps in one go."""

from __future__ import annotations

import time
from math import prod

import numpy as np

from minigraph.errors import TrainingDiverged
from minigraph.recovery.equations import GraphEquations
from minigraph.solvers import Solver, System
from minigraph.training.trainer import History, Trainer


class SolverTrainer(Trainer):
    """A trainer whose steps are the points that a solver tries; it ends where the loss falls no further."""

    def next_evaluation(self) -> int:
        return -1  # there is nothing between the steps: what judges is asked once, at the end

    def take_steps(self, until: int) -> None:
        """Take all steps, whatever ``until``.

        Raises:
            TrainingDiverged: the first loss is not finite. DefinitionError: the graph has a BatchNorm.
        """
        started = time.perf_counter()
        parameters, dtype = self.model.parameters, self.model.dtype
        inputs, targets = (
            {name: np.ascontiguousarray(array, dtype) for name, array in arrays.items()}
            for arrays in self.samples.read(slice(None))
        )
        equations, start = GraphEquations(self.model, inputs, targets), parameters.trainable.astype(np.float64)
        scale, solver = self.settings.loss.squares(equations.target.size), self.settings.optimizer
        assert scale is not None, "the settings are checked for a sum of squares"
        assert isinstance(solver, Solver), "others take single steps"
        left = self.length - self.step
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                first = scale * float(np.sum(equations.residual(start) ** 2))
            if not np.isfinite(first):
                text = f"training diverged: the first loss is {first}; expected a finite one"
                history = History(np.array([first]), self.seconds, stopped="diverged")
                raise TrainingDiverged(text, self.step, history)
            largest = max(prod(shape) for shape in self.model.graph.shapes.values())
            system = System(equations, equations.target.size, start.size, largest)
            solution = solver.solve(system, start, left)
            parameters.trainable[...] = solution.parameters
        finally:
            parameters.version += 1  # the model's own last forward is out of date
        losses = scale * solution.losses[:left]
        if self._on_step is not None:
            for step, loss in enumerate(losses.tolist(), start=self.step):
                self._on_step(step, loss)
        self._losses[self.step : self.step + len(losses)] = losses
        self.step += len(losses)
        self.length = self.step
        self.seconds += time.perf_counter() - started
        if self._evaluates:
            self.evaluate()
