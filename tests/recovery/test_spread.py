"""The same starts end in the same bits in this process, in two, and on a Dask cluster of two workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.recovery import Recovery, Start, recover
from tests.executors.clusters import Cluster
from tests.helpers import assert_exact


def search(**options: Any) -> Recovery:
    """The bundled problem, of whose first starts some succeed."""
    definition = mg.Definition.load("two_conv")
    data = load_data(definition, "float64", 0)
    return recover(definition.graph, data.inputs, data.targets, teacher=data.teacher, solver="lm", seed=0, **options)


@pytest.fixture(scope="module")
def alone() -> Recovery:
    return search(restarts=10, every=True)


@pytest.fixture(params=["processes", "dask"])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Two workers, as arguments of ``recover``."""
    return {"scheduler": request.getfixturevalue("dask_cluster").address} if request.param == "dask" else {"workers": 2}


def assert_same(found: Recovery, wanted: Recovery) -> None:
    """All starts are the same, bit by bit, and so is what is made of them."""
    assert len(found.starts) == len(wanted.starts)
    for one, other in zip(found.starts, wanted.starts, strict=True):
        assert (one.index, one.verdict, one.loss, one.kernel_error) == (
            other.index,
            other.verdict,
            other.loss,
            other.kernel_error,
        )
        assert_exact(one.parameters, other.parameters)
        assert_exact(one.losses, other.losses)
    assert (found.verdict, found.best, found.successes) == (wanted.verdict, wanted.best, wanted.successes)
    for name, array in wanted.parameters.items():
        assert_exact(found.parameters[name], array)


def test_some_starts_succeed_and_some_do_not(alone: Recovery) -> None:
    assert 0 < alone.successes < len(alone.starts)


def test_all_starts_end_in_the_same_bits(alone: Recovery, place: dict[str, Any]) -> None:
    told: list[int] = []
    found = search(restarts=10, every=True, on_start=lambda start: told.append(start.index), **place)
    assert_same(found, alone)
    assert sorted(told) == list(range(10))


def test_a_search_stops_behind_the_same_start(alone: Recovery, place: dict[str, Any]) -> None:
    wanted = search(restarts=10)
    assert len(wanted.starts) < len(alone.starts)
    assert_same(search(restarts=10, **place), wanted)


def kill_a_process(_: Cluster) -> None:
    multiprocessing.active_children()[0].kill()


def kill_a_dask_worker(cluster: Cluster) -> None:
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


@pytest.mark.parametrize(
    ("kill", "place"),
    [(kill_a_process, "processes"), (kill_a_dask_worker, "dask")],
    indirect=["place"],
    ids=["processes", "dask"],
)
def test_a_worker_killed_in_the_middle_costs_nothing_but_time(
    kill: Callable[[Cluster], None], place: dict[str, Any], alone: Recovery, dask_cluster: Cluster
) -> None:
    told: list[int] = []

    def note(start: Start) -> None:
        told.append(start.index)
        if len(told) == 2:
            kill(dask_cluster)

    assert_same(search(restarts=10, every=True, on_start=note, **place), alone)
    assert sorted(told) == list(range(10))
