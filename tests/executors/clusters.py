"""A Dask cluster of two workers on loopback, in processes of its own, as a user would have one somewhere.

python -m tests.executors.clusters prints its address.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.helpers import ROOT


@dataclass(frozen=True)
class Cluster:
    """Its address and its group of processes."""

    address: str
    group: int


@contextmanager
def running_cluster(workers: int = 2) -> Iterator[Cluster]:
    """A cluster that is killed at the end, if it is not dead by then."""
    words = [sys.executable, "-m", __name__, str(workers)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield Cluster(process.stdout.readline().strip(), process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


if __name__ == "__main__":
    from distributed import LocalCluster

    with LocalCluster(n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        print(cluster.scheduler_address, flush=True)
        signal.pause()
