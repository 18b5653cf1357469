"""Functions that other processes can import, for the tests of what spreads work."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

import minigraph as mg


def square(number: int) -> int:
    return number * number


def late_first(number: int) -> int:
    """The first task ends last."""
    time.sleep(0.2 if number == 0 else 0.0)
    return number


def odd_fails(number: int) -> int:
    """The first that fails is not the first to fail."""
    time.sleep(0.2 if number == 1 else 0.0)
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def diverges(number: int) -> NoReturn:
    """A minigraph error with more in it than its text."""
    raise mg.TrainingDiverged(f"diverged at {number}", number, mg.History(np.arange(3.0), 0.5))


def absent_module(number: int) -> NoReturn:
    raise ModuleNotFoundError("No module named 'minigraph'")


def kills_once(task: tuple[int, str]) -> int:
    """Task 2 kills its worker, unless the mark says that it has done so."""
    number, mark = task
    if number == 2 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def kills_always(number: int) -> int:
    """Task 2 kills its worker; the others have time to end before."""
    if number == 2:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def kills_its_family(task: tuple[int, int]) -> int:
    """Task 3 kills a whole group of processes: a cluster's scheduler, say, and its workers."""
    number, group = task
    if number == 3:
        time.sleep(0.3)
        os.killpg(group, signal.SIGKILL)
    return number


def sleeps(folder: str) -> None:
    """Leaves the number of its process in a folder, and does not end."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def eigenvalues(seed: int) -> NDArray[np.float64]:
    """What LAPACK and a matrix product of a size that BLAS would share among threads answer."""
    matrix = np.random.default_rng(seed).normal(size=(400, 400))
    return np.linalg.eigvalsh(matrix @ matrix.T)


def threads(_: int) -> list[int]:
    """The threads of every BLAS library that is loaded."""
    from threadpoolctl import threadpool_info

    return [library["num_threads"] for library in threadpool_info()]
