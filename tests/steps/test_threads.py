"""Lanes are shared by threads, and scratch memory is each worker's own."""

import threading

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
    threads.run([lambda worker, lane=lane: ran.append((lane, worker)) for lane in range(7)])
    assert sorted(lane for lane, _ in ran) == list(range(7))
    workers = [worker for _, worker in sorted(ran)]
    assert workers == sorted(workers)
    assert set(workers) == set(range(count))


def test_lanes_of_several_threads_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_chosen", 2)
    threads._forget_pool()
    meeting = threading.Barrier(2, timeout=10)
    threads.run([lambda worker: meeting.wait(), lambda worker: meeting.wait()])


def test_an_exception_of_a_lane_is_raised_after_all_have_ended(count: int) -> None:
    ran: list[int] = []

    def bad(worker: int) -> None:
        raise ValueError("lane 0")

    with raises(ValueError, "lane 0"):
        threads.run([bad, *[lambda worker, lane=lane: ran.append(lane) for lane in range(1, 6)]])


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
