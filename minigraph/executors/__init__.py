"""Spread tasks over this process, several processes or a Dask cluster, with the same results from each.

Results come in the order of the tasks, a stop is decided on the longest finished beginning of that order, and BLAS runs
on one thread everywhere, so that neither the place nor the number of workers changes a bit.
"""

from __future__ import annotations

from minigraph.executors.execution import run_tasks

__all__ = ["run_tasks"]
