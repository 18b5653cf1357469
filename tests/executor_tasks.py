"""Functions that other processes can import, for the tests of what spreads work."""

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def late_first(number: int) -> int:
    """The first task ends last."""
    time.sleep(0.3 if number == 0 else 0.0)
    return number


def odd_fails(number: int) -> int:
    """The first that fails is not the first to fail."""
    time.sleep(0.2 if number == 1 else 0.0)
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def killed_once(task: tuple[int, str]) -> int:
    """Task 2 kills its worker, unless the mark says that it has done so."""
    number, mark = task
    if number == 2 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_always(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
