"""The door of the command line: its commands, usage, errors and exit statuses. Each command is in a file beside.

Nothing that is slow to import is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from io import TextIOWrapper
from typing import Annotated

import typer

from minigraph import __version__
from minigraph.cli import comparing, explaining, inspecting, recovering, sweeping, training, using
from minigraph.cli.output import INTERRUPTED_STATUS, REPLACED, complain, print_error
from minigraph.cli.usage import usage_text
from minigraph.errors import MinigraphError, TrainingDiverged
from minigraph.steps.compiling import told_to

# Typer shows its own usage errors' class only as this base, whether click is bundled in it or beside it.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="minigraph",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Declared convolutional graphs that you can read, trust, train and look inside.",
)
app.command("train")(training.train)
app.command("compare")(comparing.compare)
app.command("recover")(recovering.recover)
app.command("sweep")(sweeping.sweep)
app.command("check")(inspecting.check)
app.command("show")(inspecting.show)
app.command("gradcheck")(inspecting.gradcheck)
app.command("explain")(explaining.explain)
app.command("predict")(using.predict)
app.command("export")(using.export)
app.command("new")(using.new)
app.command("models")(using.models)
app.command("ops")(using.ops)
app.command("schema")(using.schema)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"minigraph {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of all commands."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    0: done. 1: it ran, and what was asked did not hold. 2: the input or the usage is wrong. 130: interrupted.
    """
    # Passes of the collector over the many objects that imports make would take a sixth of a short command's time, and
    # pydantic's search of all installed packages for plugins, of which we use none, another twentieth.
    gc.set_threshold(1_000_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Products as small as ours gain little from a second BLAS thread, and where other programs run beside ours the
    # threads wait for each other in a loop: a training step then takes ten to a hundred times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot draw lines (cp1252, ASCII) gets letters instead: no reason to fail.
            stream.reconfigure(errors=REPLACED)
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    with nullcontext() if "--quiet" in words else told_to(complain):
        sys.exit(_run([word for word in words if word != "--debug"], debug))


def _run(words: list[str], debug: bool) -> int:
    try:
        status = app(words, prog_name="minigraph", standalone_mode=False)
    except MinigraphError as error:
        if debug:
            raise
        print_error(error)
        return 1 if isinstance(error, TrainingDiverged) else 2
    except UsageError as error:
        if debug:
            raise
        message = str(error.format_message())  # type: ignore[attr-defined]  # every usage error has it
        complain(message if message.startswith("Usage") else f"error: {usage_text(message, words)}")
        return 2
    except MemoryError as error:
        if debug:
            raise
        complain(f"error: out of memory: {error}; expected smaller shapes or fewer samples")
        return 2
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        complain(f"error: {place}{error.strerror or error}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return INTERRUPTED_STATUS
    if status == INTERRUPTED_STATUS:  # so does newer Typer answer Ctrl-C
        complain("interrupted")
    return status if isinstance(status, int) else 0
