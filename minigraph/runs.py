"""Run folders: what a training run or a recovery leaves behind."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from minigraph.data import Data
from minigraph.definition import Definition
from minigraph.errors import DataError
from minigraph.files import write_npz, write_text
from minigraph.model import Model

if TYPE_CHECKING:
    from minigraph.recovery import Recovery

Array = NDArray[Any]


@dataclass(frozen=True)
class RunSummary:
    """What ``summary.json`` says.

    Attributes:
        loss_first, loss_final: the losses before the first and before the last update.
        seconds: wall time of the training loop.
        out: the run's folder.
        diverged_at: the step whose loss was not finite, if there was one.
    """

    name: str
    engine: str
    seed: int
    steps: int
    loss_first: float
    loss_final: float
    seconds: float
    out: str
    diverged_at: int | None = None

    def plain(self) -> dict[str, Any]:
        """The facts for JSON, which has no infinity: a loss that is not finite is told as null."""
        facts = asdict(self)
        return {key: None if isinstance(fact, float) and not isfinite(fact) else fact for key, fact in facts.items()}


def new_folder(name: str, out: Path | None) -> Path:
    """A new folder for a run: ``out``, or the next free ``runs/NAME/NNN``.

    Raises:
        DataError: ``out`` has files already, or the folder cannot be made.
    """
    try:
        if out is not None:
            if out.is_dir() and any(out.iterdir()):
                raise DataError(
                    f"{out}: found a folder with files; expected a new or empty folder: nothing is overwritten"
                )
            out.mkdir(parents=True, exist_ok=True)
            return out
        family = Path("runs") / name
        family.mkdir(parents=True, exist_ok=True)
        number = max((int(run.name) for run in family.iterdir() if run.name.isdecimal()), default=0)
        while True:
            number += 1
            try:
                (family / f"{number:03d}").mkdir()
            except FileExistsError:
                continue  # another run took the number first
            return family / f"{number:03d}"
    except OSError as error:
        raise DataError(f"{error.filename}: the run's folder cannot be made: {error.strerror}") from None


def write_run(folder: Path, definition: Definition, model: Model, losses: Array, summary: RunSummary) -> None:
    """Write ``definition.toml``, ``weights.npz``, ``history.csv`` and ``summary.json``, each whole or not at all."""
    definition.save(folder / "definition.toml")
    model.save(folder / "weights.npz")
    rows = "".join(f"{step},{loss!r}\n" for step, loss in enumerate(losses.tolist()))
    write_text(folder / "history.csv", "step,loss\n" + rows)
    write_text(folder / "summary.json", json.dumps(summary.plain(), indent=2) + "\n")


def write_plots(folder: Path, definition: Definition, model: Model, losses: Array, data: Data) -> None:
    """Write ``loss.png`` and ``graph.png``, and for a teacher ``kernels.png`` and ``reconstruction.png``."""
    from minigraph.views import plots

    graph = definition.graph
    plots.plot_loss(losses, folder / "loss.png", graph.name)
    plots.plot_graph(graph, folder / "graph.png")
    if data.teacher is None:
        return
    plots.plot_kernels(dict(model.parameters), data.teacher, folder / "kernels.png")
    answer = model.forward(data.inputs)
    first = graph.outputs[0]
    plots.plot_reconstruction(
        data.targets[first],
        answer if len(graph.outputs) == 1 else answer[first],
        folder / "reconstruction.png",
        first,
    )


def write_recovery(folder: Path, definition: Definition, found: Recovery, seed: int) -> None:
    """Write ``definition.toml``, ``weights.npz`` (aligned with a teacher) and ``recovery.json``, each whole or not."""
    definition.save(folder / "definition.toml")
    write_npz(folder / "weights.npz", found.parameters)
    facts = {"name": definition.graph.name, "seed": seed, **found.plain()}
    write_text(folder / "recovery.json", json.dumps(facts, indent=2) + "\n")


def write_recovery_plots(folder: Path, definition: Definition, found: Recovery, data: Data) -> None:
    """Write ``starts.png`` and ``ends.png``, and ``kernels.png`` for a teacher, else ``reconstruction.png``."""
    from minigraph.views import plots
    from minigraph.views.plots.starts import plot_ends, plot_starts

    graph = definition.graph
    verdicts = [start.verdict.name for start in found.starts]
    count = f"{len(verdicts)} start{'s' * (len(verdicts) > 1)}"
    model = Model(graph, 0, dtype="float64")
    for name, array in (data.teacher or found.parameters).items():
        model.parameters[name] = array
    losses = [start.losses for start in found.starts]
    plot_starts(losses, verdicts, folder / "starts.png", f"{graph.name}: {count}")
    goal = None if data.teacher is None else model.parameters.trainable
    ends = [start.parameters for start in found.starts]
    plot_ends(ends, verdicts, folder / "ends.png", f"{graph.name}: where {count} ended", goal)
    if data.teacher is not None:
        title = "Kernels: teacher and learned, aligned"
        plots.plot_kernels(found.parameters, data.teacher, folder / "kernels.png", title)
        return
    answer, first = model.forward(data.inputs), graph.outputs[0]
    plots.plot_reconstruction(
        data.targets[first],
        answer if len(graph.outputs) == 1 else answer[first],
        folder / "reconstruction.png",
        first,
    )
