"""Locks: one process in a folder, named to the next; what a dead one left does not block."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minigraph.errors import DataError
from minigraph.runs.locking import LOCK, locked

# Windows has no flock: `locked` says that it guards nothing there, so that there is no lock to test.
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no flock: folders are not locked here")

HOLD = """
import sys, time
from pathlib import Path
from minigraph.runs.locking import (locked)
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_another_process_is_named_and_a_dead_one_does_not_block(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(DataError) as caught, locked(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    wanted = rf"{re.escape(str(tmp_path))}: in use by process {other.pid} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d; "
    assert re.fullmatch(wanted + "expected a folder that no other run writes to", str(caught.value))
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / LOCK).read_text()
    assert list(tmp_path.iterdir()) == []


def test_no_link_is_followed_and_nothing_else_is_taken_for_a_lock(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / LOCK).symlink_to("mine")
    with pytest.raises(DataError, match=r"\.lock: cannot be opened to lock the folder: "), locked(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "kept"
    (tmp_path / LOCK).unlink()
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(DataError, match="found no regular file; expected the lock of a run's folder"), locked(tmp_path):
        pass
    assert (tmp_path / LOCK).is_fifo()


def test_only_one_at_a_time_is_inside(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, entered
        while entered < 200:
            try:
                with locked(tmp_path):
                    with guard:
                        inside, entered = inside + 1, entered + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except DataError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside) == (1, 0)
