"""The settings of a training run: the table ``[train]`` of a definition, and the keywords of ``mg.train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, PlainValidator, field_validator

from minigraph.arrays import Shape
from minigraph.declared.base import Declared, expected
from minigraph.declared.fields import Count, Number, Positive, also_called
from minigraph.declared.registry import Registry
from minigraph.declared.tables import from_table, to_table
from minigraph.errors import DefinitionError, Problem
from minigraph.ops import Op
from minigraph.recipe.losses import LOSSES, Loss, SumSquaredError
from minigraph.recipe.metrics import METRICS
from minigraph.recipe.optimizers import OPTIMIZERS, Optimizer
from minigraph.recipe.schedules import SCHEDULES, Schedule
from minigraph.solvers import Solver, solvers
from minigraph.wording import describe, did_you_mean, one_of


def _loss(value: object) -> Loss:
    if isinstance(value, Loss):
        return value
    if isinstance(value, dict):
        return from_table(LOSSES, "name", value)
    if not isinstance(value, str) or value not in LOSSES:
        near = did_you_mean(value, LOSSES) if isinstance(value, str) else ""
        raise expected(f"{one_of(LOSSES)}{near}")
    return LOSSES.find(value)()


def _optimizer(value: object) -> Optimizer | Solver:
    return value if isinstance(value, Optimizer | Solver) else from_table(optimizers(), "name", value)


def optimizers() -> Registry[Optimizer | Solver]:
    """All that ``[train]`` may name as its optimizer: optimizers, and the solvers that can train."""
    known: Registry[Optimizer | Solver] = Registry("optimizer")
    for name, kind in [*OPTIMIZERS.items(), *((name, kind) for name, kind in solvers().items() if kind.trains)]:
        known.register(name)(kind)
    return known


def _schedule(value: object) -> Schedule | None:
    if isinstance(value, Schedule | None):
        return value
    return from_table(SCHEDULES, "name", {"name": value} if isinstance(value, str) else value)


def _metrics(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise expected(f"an array of {one_of(METRICS)}")
    for index, name in enumerate(value):
        try:
            METRICS.find(name)
        except DefinitionError as error:
            raise DefinitionError([problem.below(index) for problem in error.problems]) from None
    return tuple(dict.fromkeys(value))


LENGTHS = ("steps", "epochs")
"""Either tells a run's length."""


class TrainSection(Declared):
    """``[train]``: how the graph is trained."""

    loss: Annotated[Loss, PlainValidator(_loss)] = Field(
        default_factory=SumSquaredError, description='a name, or a table such as { name = "huber", delta = 0.5 }'
    )
    loss_weights: dict[str, Number] = Field(
        default_factory=dict, description="what each output's loss is multiplied by; 1 when left out"
    )
    optimizer: Annotated[Optimizer | Solver, PlainValidator(_optimizer)] = Field(
        description='a table such as { name = "sgd", learning_rate = 3e-5 }'
    )
    schedule: Annotated[Schedule | None, PlainValidator(_schedule)] = Field(
        None, description='how the rate changes: a name, or a table such as { name = "cosine", warmup = 20 }'
    )
    clip_norm: Positive | None = Field(None, description="a gradient that is longer is shortened to this length")
    steps: Count | None = Field(
        None, description="how many updates; or 'epochs'", json_schema_extra=also_called("iterations", "max_iter")
    )
    epochs: Count | None = Field(None, description="how many times every sample is seen; or 'steps'")
    batch_size: Count | None = Field(None, description="samples in a step; all of them when left out")
    seed: int = Field(0, ge=0, description="seeds the initial parameters, the drawn data, the splits and the shuffling")
    metrics: Annotated[tuple[str, ...], PlainValidator(_metrics)] = Field(
        (), description="what each evaluation tells beside the loss, of the validation samples or else of all"
    )
    evaluate_every: Count | None = Field(
        None, description="steps between evaluations (validation, metrics, plateau, patience); an epoch when left out"
    )
    patience: Count | None = Field(
        None, description="training stops when so many evaluations in a row bring no better loss"
    )
    checkpoint_every: Count | None = Field(
        None, description="steps between checkpoints; about ten seconds when left out"
    )
    log_every: Count = Field(
        100,
        description="the loss is printed every so many steps; of a length in epochs, after each epoch",
        json_schema_extra=also_called("log_interval", "display"),
    )

    def __init__(self, **values: Any) -> None:
        lengths = [key for key in LENGTHS if values.get(key) is not None]
        problems: list[Problem] = []
        if not lengths:
            problems.append(Problem(("steps",), "missing key 'steps': how many updates; or 'epochs'", on="key"))
        elif len(lengths) == 2:
            problems.append(Problem(("epochs",), "found 'epochs' beside 'steps'; expected one or the other", on="key"))
        try:
            super().__init__(**values)
        except DefinitionError as error:
            problems = [*error.problems, *problems]
        if problems:
            raise DefinitionError(problems)

    @field_validator("loss_weights")
    @classmethod
    def _not_negative(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if weight < 0:
                text = f"found {describe(weight)}; expected a number of at least 0"
                raise DefinitionError([Problem((name,), text)])
        return weights


def train_problems(outputs: Sequence[str], train: TrainSection) -> list[Problem]:
    """What in ``[train]`` does not fit a graph with these outputs."""
    return [
        Problem(
            ("loss_weights", name),
            f"unknown output '{name}'; expected {one_of(outputs, name)}{did_you_mean(name, outputs)}",
            on="key",
        )
        for name in train.loss_weights
        if name not in outputs
    ] + (_solver_problems(outputs, train) if isinstance(train.optimizer, Solver) else [])


def loss_doubts(outputs: Mapping[str, tuple[Op, Shape]], loss: Loss) -> list[Problem]:
    """Where a loss and the ops that answer, with their shapes, hardly belong together."""
    return _of_loss({name: loss.doubt(op, shape) for name, (op, shape) in outputs.items()})


def loss_advice(outputs: Mapping[str, tuple[Op, Shape]], loss: Loss) -> list[Problem]:
    """Where another loss would do better."""
    return _of_loss({name: loss.advice(op) for name, (op, _) in outputs.items()})


def _of_loss(texts: Mapping[str, str | None]) -> list[Problem]:
    return [Problem(("train", "loss"), f"output '{name}': {text}") for name, text in texts.items() if text]


def _solver_problems(outputs: Sequence[str], train: TrainSection) -> list[Problem]:
    """What in ``[train]`` does not go with a solver."""
    name = to_table(optimizers(), "name", train.optimizer)["name"]
    keys = ("loss_weights", "schedule", "clip_norm", "epochs", "batch_size", "evaluate_every", "patience")
    problems = [
        Problem(
            (key,),
            f"found '{key}' beside the optimizer '{name}', which takes all samples and steps at once; expected none",
            on="key",
        )
        for key in keys
        if getattr(train, key)
    ]
    if train.loss.squares(1) is None or (len(outputs) > 1 and not train.loss.sums):
        loss = to_table(LOSSES, "name", train.loss)["name"]
        squares = [(f"'{name}'", kind.sums) for name, kind in LOSSES.items() if kind().squares(1) is not None]
        wanted = ", or ".join(name if sums else f"{name} of a single output" for name, sums in squares)
        problems.append(
            Problem(("loss",), f"found '{loss}' beside the optimizer '{name}'; expected a sum of squares: {wanted}")
        )
    return problems
