"""The command line in this process: what it printed, and its exit status."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from minigraph.cli import main


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


class CommandLine:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str) -> Answer:
        with pytest.raises(SystemExit) as left:
            main(words)
        captured = self.capsys.readouterr()
        assert isinstance(left.value.code, int)
        assert "Traceback" not in captured.err
        return Answer(left.value.code, captured.out, captured.err)
