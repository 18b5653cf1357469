"""Tasks give the same results in this process, in two, and on a Dask cluster of two workers."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import minigraph as mg
from minigraph.executors import cluster, run_tasks
from minigraph.executors.execution import THREADS
from tests.executors import tasks
from tests.executors.clusters import Cluster, running_cluster
from tests.helpers import ROOT, assert_exact, raises


@pytest.fixture(params=["serial", "processes", "dask"])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where tasks run, as arguments of ``run``."""
    if request.param == "dask":
        return {"scheduler": request.getfixturevalue("dask_cluster").address}
    return {"workers": 1 if request.param == "serial" else 2}


@pytest.fixture(params=["processes", "dask"])
def elsewhere(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The places that are other processes."""
    return {"scheduler": request.getfixturevalue("dask_cluster").address} if request.param == "dask" else {"workers": 2}


def test_results_come_in_the_order_of_the_tasks_and_each_is_told(place: dict[str, Any]) -> None:
    told: dict[int, int] = {}
    assert run_tasks(tasks.late_first, iter(range(5)), on_result=told.__setitem__, **place) == [0, 1, 2, 3, 4]
    assert told == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}
    if place != {"workers": 1}:
        assert next(iter(told)) != 0, "task 0 was to end last"


def test_no_tasks_have_no_results(place: dict[str, Any]) -> None:
    assert run_tasks(tasks.square, [], **place) == []


def test_the_bits_are_the_same(place: dict[str, Any]) -> None:
    for answer, seed in zip(run_tasks(tasks.eigenvalues, range(3), **place), range(3), strict=True):
        (wanted,) = run_tasks(tasks.eigenvalues, [seed])
        assert_exact(answer, wanted)


def test_blas_has_one_thread_in_a_task_and_as_many_as_before_behind_it(place: dict[str, Any]) -> None:
    before, environment = tasks.threads(0), dict(os.environ)
    counts = run_tasks(tasks.threads, range(2), **place)
    assert [set(count) for count in counts] == [{1}, {1}]
    assert tasks.threads(0) == before
    assert dict(os.environ) == environment


def test_a_users_own_thread_counts_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS[0], "7")
    run_tasks(tasks.square, range(2))
    assert os.environ[THREADS[0]] == "7"


def test_a_stop_is_decided_in_the_order_of_the_tasks(place: dict[str, Any]) -> None:
    seen: list[list[int]] = []

    def stop(results: Any) -> bool:
        seen.append(list(results))
        return sum(results) >= 3

    assert run_tasks(tasks.late_first, range(8), stop=stop, **place) == [0, 1, 2]
    assert seen == [[0], [0, 1], [0, 1, 2]]


def test_the_error_is_that_of_the_first_task_in_order_that_fails(place: dict[str, Any]) -> None:
    with raises(ValueError, "1 is odd"):
        run_tasks(tasks.odd_fails, range(6), **place)
    assert run_tasks(tasks.odd_fails, range(6), stop=lambda results: True, **place) == [0]


def test_a_minigraph_error_arrives_whole(place: dict[str, Any]) -> None:
    with raises(mg.TrainingDiverged, "diverged at 4") as caught:
        run_tasks(tasks.diverges, [4], **place)
    assert caught.value.step == 4
    assert_exact(caught.value.history.loss, [0.0, 1.0, 2.0])


def test_every_error_of_a_definition_survives_pickling() -> None:
    with pytest.raises(mg.DefinitionError) as caught:
        mg.Conv(kernel_sze=3, stride=0)  # type: ignore[call-arg]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.problems == caught.value.problems


def test_a_killed_worker_costs_nothing_but_time(elsewhere: dict[str, Any], tmp_path: Path) -> None:
    mark = tmp_path / "killed"
    assert run_tasks(tasks.kills_once, [(number, str(mark)) for number in range(6)], **elsewhere) == [0, 1, 2, 3, 4, 5]
    assert mark.exists()


def test_a_task_that_always_kills_its_worker_ends_the_run_with_what_was_found() -> None:
    with pytest.raises(mg.ExecutorError) as caught:
        run_tasks(tasks.kills_always, range(3), workers=2)
    assert str(caught.value) == (
        "worker processes ended 4 times without an answer to task 2: they were killed, as for memory, or could not "
        'begin (a script that starts workers needs if __name__ == "__main__":)'
    )
    assert caught.value.finished == {0: 0, 1: 1}


def test_a_task_that_always_kills_its_worker_ends_a_clusters_run_too() -> None:
    with pytest.raises(mg.ExecutorError) as caught:
        run_tasks(tasks.kills_always, range(3), workers=2, scheduler="local")
    assert str(caught.value) == "local cluster: 4 workers were lost, each with task 2 to do"
    assert caught.value.finished == {0: 0, 1: 1}


def test_a_lost_scheduler_ends_the_run_with_what_was_found() -> None:
    with running_cluster() as doomed, pytest.raises(mg.ExecutorError) as caught:
        run_tasks(tasks.kills_its_family, [(number, doomed.group) for number in range(4)], scheduler=doomed.address)
    assert str(caught.value) == f"scheduler {doomed.address}: it was lost before an answer to task 3"
    assert caught.value.finished == {0: 0, 1: 1, 2: 2}


def test_a_worker_without_minigraph_is_told(dask_cluster: Cluster) -> None:
    message = (
        f"scheduler {dask_cluster.address}: a worker says: No module named 'minigraph'; "
        "expected this minigraph to be installed there"
    )
    with raises(mg.ExecutorError, message):
        run_tasks(tasks.absent_module, range(2), scheduler=dask_cluster.address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "Timed out trying to connect to tcp://127.0.0.1:1 after 0.2 s"),
        ("nowhere", "missing port number in address 'nowhere'"),
    ],
)
def test_an_address_without_a_scheduler_is_told(address: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    message = (
        f"scheduler {address}: cannot be reached: {reason}; expected the address of a running Dask scheduler, "
        "such as tcp://127.0.0.1:8786, or 'local'"
    )
    with raises(mg.ExecutorError, message) as caught:
        run_tasks(tasks.square, range(3), scheduler=address)
    assert caught.value.finished == {}


def test_a_cluster_without_workers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    with running_cluster(workers=0) as empty:
        message = f"scheduler {empty.address}: it has no workers; expected one within 0.5 s"
        with raises(mg.ExecutorError, message):
            run_tasks(tasks.square, range(3), scheduler=empty.address)


def test_dask_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with raises(mg.ExecutorError, "Dask is not installed; expected it, as by: pip install 'minigraph[cluster]'"):
        run_tasks(tasks.square, range(3), scheduler="local")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers: found 0 (an integer); expected an integer of at least 1"),
        ({"workers": 2.0}, "workers: found 2.0 (a number); expected an integer of at least 1"),
        (
            {"workers": 2, "scheduler": "tcp://127.0.0.1:1"},
            "workers: found 2 beside scheduler tcp://127.0.0.1:1, which has its own; leave it out",
        ),
    ],
    ids=str,
)
def test_a_wrong_number_of_workers_is_told(given: dict[str, Any], message: str) -> None:
    with raises(mg.DefinitionError, message):
        run_tasks(tasks.square, range(3), **given)


@pytest.mark.parametrize("place", ["workers=2", "workers=2, scheduler='local'"])
def test_ctrl_c_ends_all_processes_and_prints_nothing_of_theirs(place: str, tmp_path: Path) -> None:
    code = f"""
from minigraph.executors import (run_tasks)
from tests.executors.tasks import sleeps
try:
    run_tasks(sleeps, [{str(tmp_path)!r}] * 4, {place})
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    for worker in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(worker.name), 0)
