"""The live bar that a long command shows on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minigraph.cli.output import Output

Update = Callable[[int, str, Sequence[str]], None]


@contextmanager
def live_bar(
    output: Output, counted: str, total: int, done: int = 0, beside: str = "", width: int = 40
) -> Iterator[Update]:
    """A bar that vanishes at the end, and a function to move it on.

    Args:
        counted: a word before the count, such as "run", or nothing.
        done: how many of ``total`` are done at the beginning; beside: the text beside the bar then.

    The function is told how many are done, the text beside the bar, and lines that stay above it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(f"{counted} {{task.completed}}/{{task.total}}".lstrip()),
        BarColumn(width),
        TextColumn("{task.fields[beside]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=output.stream, highlight=False), transient=True) as progress:
        bar = progress.add_task("", total=total, completed=done, beside=beside)

        def update(done: int, beside: str, lines: Sequence[str]) -> None:
            for line in lines:
                progress.console.print(line)
            progress.update(bar, completed=done, beside=beside)

        yield update
