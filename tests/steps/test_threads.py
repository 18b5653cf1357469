"""Lanes are shared by threads, and scratch memory is each worker's own."""

import threading
from pathlib import Path

import numpy as np
import pytest

from minigraph.errors import DefinitionError
from minigraph.steps import threads
from tests.helpers import raises


@pytest.fixture(params=[1, 2, 3])
def count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(threads, "_chosen", request.param)
    threads._forget_pool()
    return int(request.param)


def test_every_lane_runs_once_and_neighbours_on_one_worker(count: int) -> None:
    ran: list[tuple[int, int]] = []
    threads.run_lanes([lambda worker, lane=lane: ran.append((lane, worker)) for lane in range(7)])
    assert sorted(lane for lane, _ in ran) == list(range(7))
    workers = [worker for _, worker in sorted(ran)]
    assert workers == sorted(workers)
    assert set(workers) == set(range(count))


def test_lanes_of_several_threads_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_chosen", 2)
    threads._forget_pool()
    meeting = threading.Barrier(2, timeout=10)
    threads.run_lanes([lambda worker: meeting.wait(), lambda worker: meeting.wait()])


def test_an_exception_of_a_lane_is_raised_after_all_have_ended(count: int) -> None:
    ran: list[int] = []

    def bad(worker: int) -> None:
        raise ValueError("lane 0")

    with raises(ValueError, "lane 0"):
        threads.run_lanes([bad, *[lambda worker, lane=lane: ran.append(lane) for lane in range(1, 6)]])


def test_workers_have_memory_of_their_own_that_steps_take_in_turn() -> None:
    workspace = threads.Workspace()
    small, large = workspace.reserve((3,), (2, 2), dtype="float32"), workspace.reserve((5, 7), dtype="float64")
    first, second = small.arrays(0)
    assert (first.shape, second.shape, first.dtype) == ((3,), (2, 2), np.float32)
    assert not np.shares_memory(first, second)
    assert np.shares_memory(first, large.arrays(0)[0])
    assert not np.shares_memory(large.arrays(0)[0], large.arrays(1)[0])
    assert workspace.bytes == -(-5 * 7 * 8 // threads.ALIGNMENT) * threads.ALIGNMENT


@pytest.mark.parametrize("wrong", [0, -1, True, 2.0])
def test_a_count_that_is_none_is_told(wrong: object) -> None:
    with raises(DefinitionError, f"threads: found {wrong}; expected an integer of at least 1"):
        threads.set_threads(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({}, 1_000_000),
        ({"mine/cpu.max": "max 100000"}, 1_000_000),
        ({"mine/cpu.max": "200000 100000"}, 2),
        ({"mine/cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "100000 100000", "mine/cpu.max": "max 100000"}, 1),
        ({"cpu,cpuacct/mine/cpu.cfs_quota_us": "300000", "cpu,cpuacct/mine/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu,cpuacct/mine/cpu.cfs_quota_us": "-1", "cpu,cpuacct/mine/cpu.cfs_period_us": "100000"}, 1_000_000),
        ({"mine/cpu.max": "nonsense"}, 1_000_000),
    ],
)
def test_a_containers_quota_is_found_in_either_version_of_control_groups(
    files: dict[str, str], granted: int, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.write_text("12:cpu,cpuacct:/mine\n3:memory:/other\n0::/mine\n")
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    assert threads.quota(tmp_path / "groups", own) == granted
    assert threads.quota(tmp_path / "groups", tmp_path / "missing") == 1_000_000


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({"MINIGRAPH_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": "none"}, None),
        ({"MINIGRAPH_NUM_THREADS": "0"}, None),
    ],
)
def test_variables_say_how_many_threads_there_are(
    variables: dict[str, str], count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MINIGRAPH_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    here = threads._available.__wrapped__()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert threads._available.__wrapped__() == (here if count is None else count)
