from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import CommandLine


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)
