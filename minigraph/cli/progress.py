"""What a training run shows while it goes on: lines now and then, and on a terminal a live one below them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minigraph.cli.bar import live_bar
from minigraph.cli.output import Output
from minigraph.wording import figures

if TYPE_CHECKING:
    from minigraph.training import Trainer

Show = Callable[["Trainer"], None]


class Lines:
    """The lines of a run: one for every ``log_every`` steps or, where the length is told in epochs, for each epoch."""

    def __init__(self, trainer: Trainer) -> None:
        self._told = trainer.step
        self._every = trainer.settings.log_every

    def new(self, trainer: Trainer) -> list[str]:
        """The lines that are due since the last time."""
        first, self._told = self._told, trainer.step
        if trainer.settings.epochs is not None:
            epochs, per_epoch = trainer.settings.epochs, trainer.batches.per_epoch
            return [
                f"epoch {round(row['step'] / per_epoch):{len(str(epochs))}d}  loss {figures(row['loss'])}{_judged(row)}"
                for row in trainer.evaluations
                if row["step"] > first
            ]
        digits = len(str(trainer.length - 1))
        judged = {int(row["step"]) - 1: _judged(row) for row in trainer.evaluations if row["step"] > first}
        return [
            f"step {step:{digits}d}  loss {figures(trainer.losses[step])}{judged.get(step, '')}"
            for step in range(first, trainer.step)
            if (step + 1) % self._every == 0 or step == 0
        ]


def _judged(row: dict[str, float]) -> str:
    told = {key.replace("validation_", "validation "): row[key] for key in row if key not in ("step", "loss")}
    return "".join(f"  {key} {figures(value)}" for key, value in told.items())


@contextmanager
def showing(output: Output, trainer: Trainer) -> Iterator[Show]:
    """A function to be told now and then: it prints the lines that are due, above a live one on a terminal."""
    lines = Lines(trainer)

    def say(trainer: Trainer) -> None:
        for line in lines.new(trainer):
            output.say(line)

    if output.quiet:
        yield lambda trainer: None
    elif not output.stream.isatty():
        yield say
    else:
        with _live(output, trainer, lines) as show:
            yield show


@contextmanager
def _live(output: Output, trainer: Trainer, lines: Lines) -> Iterator[Show]:
    from minigraph.views.sparkline import sparkline

    with live_bar(output, "", trainer.length, trainer.step, width=20) as update:
        first, started = trainer.step, time.perf_counter()

        def show(trainer: Trainer) -> None:
            pace = (trainer.step - first) / max(time.perf_counter() - started, 1e-9)
            judged = _judged(trainer.evaluations[-1]) if trainer.evaluations else ""
            curve = sparkline(trainer.losses[:: 1 + trainer.step // 10_000])
            beside = f"loss {figures(trainer.losses[-1])} {curve}{judged}  rate {trainer.rate:.3g}  {pace:,.0f} steps/s"
            update(trainer.step, beside, lines.new(trainer))

        yield show
