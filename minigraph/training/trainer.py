"""The trainer: forward, loss, backward, update, again; and all that has to be kept to go on from any step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any, Literal

import numpy as np

from minigraph.arrays import Array
from minigraph.data.samples import Samples
from minigraph.errors import TrainingDiverged
from minigraph.model.model import Model
from minigraph.recipe.optimizers import Optimizer
from minigraph.recipe.settings import TrainSection
from minigraph.training.batches import Batches
from minigraph.training.diagnosis import beyond_reason, divergence_text, first_not_finite
from minigraph.training.evaluation import columns, evaluate
from minigraph.wording import counted, figures

OnStep = Callable[[int, float], object]
Ending = Literal["steps", "epochs", "patience", "interrupted", "diverged"]
"""What ended a run: its length, told in steps or in epochs, or what came before that."""


def told_figures(row: Mapping[str, float]) -> str:
    """What an evaluation tells, in a line."""
    return "  ".join(f"{key} {figures(value)}" for key, value in row.items() if key != "step")


@dataclass(frozen=True)
class History:
    """What a training run saw. Its text is how it ended.

    Attributes:
        loss: (steps,), the loss before each update, in float64.
        seconds: wall time of the loop, since it was last resumed.
        evaluations: one table for each evaluation: "step" (how many updates were done), "loss" (that of the steps since
            the last one, each sample weighed alike: their mean, of a loss that sums over samples times their number),
            the metrics and, with validation samples, "validation_loss" and their metrics.
        best: the evaluation with the lowest validation loss, if there are validation samples.
        stopped: what ended the run: "steps", "epochs", "patience", "interrupted" or "diverged".
    """

    loss: Array
    seconds: float
    evaluations: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] | None = None
    stopped: Ending | None = None

    def __str__(self) -> str:
        lines = [f"{counted(len(self.loss), 'step')}, {self.seconds:.2f} s"]
        if len(self.loss):
            first, last = figures(float(self.loss[0])), figures(float(self.loss[-1]))
            lines[0] += f", loss {first} before the first update, {last} before the last"
        lines += map(told_figures, self.evaluations[-1:])
        if self.best is not None:
            lines.append(f"best after {counted(int(self.best['step']), 'step')}: {told_figures(self.best)}")
        if self.stopped not in (None, "steps", "epochs"):
            lines.append(f"ended early: {self.stopped}")
        return "\n".join(lines)

    __repr__ = __str__


class Trainer:
    """A training run between two steps.

    Args:
        model: its parameters are changed in place.
        samples: what it is trained on; validation: what it is judged by between the steps, if anything.
        settings: how.
        detect_anomaly: look at every node's value and error in each step.
        on_step: called with (step from 0, loss before its update).

    Raises:
        DataError: the loss cannot take what the model answers. DefinitionError: see :class:`Batches`.

    Attributes:
        step: how many updates are done; length: how many there will be.
        evaluations: see :class:`History`.
        best: the weights at the best evaluation, by name; best_row: that evaluation. Empty until there is one.
        loss_first: the loss of all samples before the first update, as :func:`evaluate` has it; NaN before
            :meth:`begin`.
        seconds: wall time of the steps and evaluations so far.
        stopped: what ends the run before its length, if anything does.
        notes: what else its checkpoints keep, as plain tables.
    """

    def __init__(
        self,
        model: Model,
        samples: Samples,
        validation: Samples | None,
        settings: TrainSection,
        detect_anomaly: bool = False,
        on_step: OnStep | None = None,
    ) -> None:
        self.model, self.settings, self.samples, self.validation = model, settings, samples, validation
        self._gradient = np.zeros_like(model.parameters.trainable)
        self.batches = Batches(model, samples, settings, self._gradient)
        # A solver takes no single steps: it remembers nothing between them.
        self._optimizer = settings.optimizer if isinstance(settings.optimizer, Optimizer) else None
        self._state = {} if self._optimizer is None else self._optimizer.state(model.parameters.trainable)
        self._memory: dict[str, Any] = {}
        self._detect_anomaly, self._on_step = detect_anomaly, on_step
        epochs = settings.epochs
        self.length = settings.steps or (epochs or 0) * self.batches.per_epoch
        self.step = 0
        self._losses = np.empty(self.length)
        self._limit = inf
        self._waited, self._lowest = 0, inf
        self.evaluations: list[dict[str, float]] = []
        self.best: dict[str, Array] = {}
        self.best_row: dict[str, float] = {}
        self.loss_first = nan
        self.stopped: Ending | None = None
        self._snapshots: list[dict[str, Array]] = []
        self._good: dict[str, Array] | None = None
        self._least = inf
        watched = settings.schedule is not None and settings.schedule.watches
        asked = validation or settings.metrics or settings.patience or settings.evaluate_every or watched or epochs
        self._evaluates = bool(asked)
        self.seconds = 0.0
        self.notes: dict[str, Any] = {}
        with np.errstate(over="ignore", invalid="ignore"):  # what the loss cannot take shows before anything is written
            first = self.batches.at(0)
            first.forward()
            first.loss()

    # -- where the run is -----------------------------------------------------------------------------

    @property
    def losses(self) -> Array:
        """The losses so far, (step,)."""
        return self._losses[: self.step]

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.length or self.stopped is not None

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient of the last step was anything but zeros."""
        return bool(self._gradient.any())

    @property
    def columns(self) -> list[str]:
        """What the evaluations tell beside the step and the mean loss of training."""
        names = columns(self.model, self.settings)
        return names[1:] if self.validation is None else [f"validation_{name}" for name in names]

    @property
    def optimizer_state(self) -> dict[str, Array]:
        """Copies of what the optimizer remembers, by name."""
        return {name: array.copy() for name, array in self._state.items()}

    @property
    def rate(self) -> float:
        """The learning rate of the next step; NaN of a solver, which has none."""
        schedule, rate = self.settings.schedule, nan if self._optimizer is None else self._optimizer.learning_rate
        if schedule is None:
            return rate
        unit = self.batches.per_epoch if self.settings.epochs else 1
        return rate * schedule.scale(self.step / unit, self.length / unit, self._memory)

    @property
    def history(self) -> History:
        """What the run has seen so far."""
        length: Ending = "epochs" if self.settings.epochs else "steps"
        stopped = length if self.step >= self.length else self.stopped
        return History(self.losses.copy(), self.seconds, self.evaluations, self.best_row or None, stopped)

    # -- going on -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Judge all samples before the first update: what a summary needs, and nothing else does."""
        if self.step == 0:
            with np.errstate(over="ignore", invalid="ignore"):
                self.loss_first = evaluate(self.model, self.samples, self.settings)["loss"]

    def next_evaluation(self) -> int:
        """The step at which :meth:`evaluate` is due next; beyond the length if it never is."""
        if not self._evaluates:
            return self.length + 1
        every = self.settings.evaluate_every or self.batches.per_epoch
        return min((self.step // every + 1) * every, self.length)

    def take_steps(self, until: int) -> None:
        """Take steps until so many are done. Between two calls everything can be kept and restored.

        Raises:
            TrainingDiverged: a loss is not finite or beyond reason. The trainer goes back to the last call that began
                with a loss that was not on the way there yet: below the first one, or ten times the least.
        """
        before, started = self.step, time.perf_counter()
        self._snapshots = [*self._snapshots[-1:], self.snapshot()]
        try:
            with self.batches.blas_held(), np.errstate(over="ignore", invalid="ignore"):
                diverged = self._steps(until)
                losses = self._losses[before : self.step]
                if len(losses) and losses[0] <= max(self._losses[0], 10 * self._least):
                    self._good = self._snapshots[-1]
                if diverged is not None:
                    raise self._diverged(diverged)
                self._least = min(self._least, float(losses.min()))
        finally:
            self.seconds += time.perf_counter() - started
            self.model.parameters.version += 1  # the model's own last forward is out of date

    def _steps(self, until: int) -> float | None:
        """Take steps; answer the loss that is not sound, if one is not, before its update."""
        model, settings, losses, limit = self.model, self.settings, self._losses, self._limit
        parameters, gradient, state = model.parameters.trainable, self._gradient, self._state
        assert self._optimizer is not None, "a solver takes no single steps"
        update, rate, scheduled = self._optimizer.update, self.rate, settings.schedule is not None
        clip_norm, on_step, stateful = settings.clip_norm, self._on_step, len(model.state) > 0
        whole, batch = self.batches.whole, self.batches.whole
        for step in range(self.step, until):
            if whole is None:
                batch = self.batches.at(step)
            assert batch is not None, "there is a whole batch or one for each step"
            batch.forward()
            loss = batch.loss()
            losses[step] = loss
            if on_step is not None:
                on_step(step, loss)
            if not loss < limit:
                return loss
            if self._detect_anomaly and first_not_finite(model, batch):
                return loss
            batch.backward()
            if clip_norm is not None:
                clip(gradient, clip_norm)
            if scheduled:
                rate = self.rate
            update(parameters, gradient, state, rate)
            if stateful:
                batch.plan.update_state()
            self.step = step + 1
            if limit == inf:
                limit = self._limit = beyond_reason(loss, batch)
        return None

    def evaluate(self) -> None:
        """Judge the run as it stands, tell schedule and patience, and keep the weights if they are the best so far."""
        started, since = time.perf_counter(), int(self.evaluations[-1]["step"]) if self.evaluations else 0
        sizes = self.batches.sizes(since, self.step)
        seen = self.losses[since:] if self.settings.loss.sums else self.losses[since:] * sizes
        loss = float(seen.sum() / sizes.sum())
        row = {"step": self.step, "loss": loss * len(self.samples) if self.settings.loss.sums else loss}
        with np.errstate(over="ignore", invalid="ignore"):
            if self.validation is not None:
                judged = evaluate(self.model, self.validation, self.settings)
                row |= {f"validation_{name}": value for name, value in judged.items()}
            elif self.settings.metrics:
                judged = evaluate(self.model, self.samples, self.settings)
                row |= {name: value for name, value in judged.items() if name != "loss"}
        self.seconds += time.perf_counter() - started
        self.evaluations.append(row)
        watched = row.get("validation_loss", row["loss"])
        if self.settings.schedule is not None:
            self.settings.schedule.watch(watched, self._memory)
        self._waited += 1
        if watched < self._lowest:
            self._lowest, self._waited = watched, 0
            if self.validation is not None:
                self.best, self.best_row = self.weights(), row
        self._judge_patience()

    def _judge_patience(self) -> None:
        patience = self.settings.patience
        self.stopped = "patience" if patience is not None and self._waited >= patience else None

    def stop(self) -> None:
        """Let the run end here, to be gone on with later."""
        self.stopped = "interrupted"

    def weights(self) -> dict[str, Array]:
        """Copies of parameters and state by full name."""
        return {name: array.copy() for name, array in {**self.model.parameters, **self.model.state}.items()}

    def put(self, weights: Mapping[str, Array]) -> None:
        """Put what :meth:`weights` answered in place of the weights."""
        for arrays in (self.model.parameters, self.model.state):
            for name, array in arrays.items():
                array[...] = weights[name]
        self.model.parameters.version += 1  # the model's own last forward is out of date

    # -- keeping and restoring ------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Array]:
        """All that the next step depends on, as arrays that a checkpoint stores."""
        memory = {
            "generator": self.batches.state_at(self.step),
            "schedule": self._memory,
            "limit": self._limit,
            "lowest": self._lowest,
            "waited": self._waited,
        }
        epoch, position = divmod(self.step, self.batches.per_epoch)
        return {
            "step": np.array(self.step),
            "epoch": np.array(epoch),
            "position": np.array(position),
            **{f"parameters/{name}": array.copy() for name, array in self.model.parameters.items()},
            **{f"state/{name}": array.copy() for name, array in self.model.state.items()},
            **{f"optimizer/{name}": array.copy() for name, array in self._state.items()},
            "memory": np.array(json.dumps(memory)),
        }

    def saved(self) -> dict[str, Array]:
        """What a checkpoint holds of the run: a snapshot and what was seen on the way to it."""
        return {
            **self.snapshot(),
            **{f"best/{name}": array for name, array in self.best.items()},
            "loss_first": np.array(self.loss_first),
            "losses": self.losses,
            "evaluations": np.array(json.dumps(self.evaluations)),
            "best_row": np.array(json.dumps(self.best_row)),
            "notes": np.array(json.dumps(self.notes)),
        }

    def resume(self, saved: Mapping[str, Array]) -> None:
        """Go on from what :meth:`saved` answered."""
        losses = saved["losses"]
        self._losses[: len(losses)] = losses
        self.loss_first = float(saved["loss_first"])
        self.evaluations = json.loads(str(saved["evaluations"]))
        self.best_row = json.loads(str(saved["best_row"]))
        self.best = {name[5:]: array for name, array in saved.items() if name.startswith("best/")}
        self.restore(saved)

    def restore(self, earlier: Mapping[str, Array]) -> None:
        """Go back to what :meth:`snapshot` kept."""
        for prefix, arrays in (
            ("parameters", self.model.parameters),
            ("state", self.model.state),
            ("optimizer", self._state),
        ):
            for name, array in arrays.items():
                array[...] = earlier[f"{prefix}/{name}"]
        self.step = int(earlier["step"])
        memory = json.loads(str(earlier["memory"]))
        self.batches.rewind(memory["generator"])
        self._memory, self._limit = memory["schedule"], memory["limit"]
        # The best weights stay, also when they are from later on: they are what best.npz holds.
        self._lowest = min(memory["lowest"], self.best_row.get("validation_loss", inf))
        self._waited = memory["waited"]
        self.evaluations = [row for row in self.evaluations if row["step"] <= self.step]
        self._judge_patience()

    def _diverged(self, loss: float) -> TrainingDiverged:
        """The error for an unsound loss of the current step; puts the trainer back to where all was well."""
        step, losses = self.step, self._losses[: self.step + 1].copy()
        place = first_not_finite(self.model, self.batches.at(step))
        text = divergence_text(loss, losses, self._earlier(step - 1) or place, self._limit)
        history = History(losses, self.seconds, self.evaluations, self.best_row or None, "diverged")
        error = TrainingDiverged(text, step, history)
        if self._good is not None:
            self.restore(self._good)
        return error

    def _earlier(self, step: int) -> str | None:
        """What :func:`first_not_finite` finds in a step of this call of :meth:`take_steps`, or of the one before."""
        earlier, limit = (
            next((earlier for earlier in reversed(self._snapshots) if int(earlier["step"]) <= step), None),
            self._limit,
        )
        if earlier is None:
            return None
        on_step, self._on_step = self._on_step, None
        self.restore(earlier)
        self._steps(step)
        self._on_step, self._limit = on_step, limit
        place = first_not_finite(self.model, self.batches.at(step))
        return place and f"{place}, at step {step}"


def clip(gradient: Array, longest: float) -> None:
    """Shorten a gradient in place to the length ``longest``, as torch.nn.utils.clip_grad_norm_ does."""
    gradient *= min(1.0, longest / (float(np.sqrt(np.vdot(gradient, gradient))) + 1e-6))
