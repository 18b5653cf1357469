"""The benchmarks' harness, on made-up figures: no peer is imported and nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import harness, report
from benchmarks.growth import line_through
from benchmarks.harness import Goal, Line, Row, agree, in_turns, timed
from benchmarks.report import digits, markdown, quantity, write
from tests.helpers import ROOT

CONDITIONS = {
    "command": "python -m benchmarks made up",
    "date": "2020-01-02 03:04 UTC",
    "processor": "Abacus",
    "threads": 2,
    "system": "Linux x86_64",
    "versions": {"minigraph": "9.9", "python": "3.99"},
    "others": 0.25,
}


@pytest.fixture
def rows() -> list[Row]:
    """Two rows: one with two sides in seconds and a remark, one in bytes with a side missing in a line."""
    times = Line("a step", {"minigraph": [2e-5, 9e-5, 3e-5], "peer": [6e-4, 1e-4, 3e-4]}, {"work": "7"})
    step = Row(
        "1. step",
        "s",
        [times],
        [
            Goal("times faster", times.ratio("peer"), "at least", 9),
            Goal("times faster", times.ratio("peer"), "at least", 12),
        ],
        ["a note"],
    )
    memory = Row(
        "6. memory",
        "B",
        [Line("small", {"minigraph": [2e6], "peer": [8e6]}), Line("large", {"minigraph": [64e6]})],
        [Goal("of its peak", 0.25, "at most", 0.5)],
    )
    return [step, memory]


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for and not made."""
    pauses: list[float] = []
    monkeypatch.setattr(harness.time, "sleep", pauses.append)
    return pauses


def test_the_sides_run_in_turn_and_the_first_turn_is_not_counted(asleep: list[float]) -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[], float]:
        def measure() -> float:
            order.append(name)
            return float(len(order))

        return measure

    assert in_turns({"A": side("A"), "B": side("B")}, turns=3) == {"A": [3, 5, 7], "B": [4, 6, 8]}
    assert "".join(order) == "ABABABAB"
    assert asleep == [harness.PAUSE] * 8


def test_a_short_run_is_repeated_and_the_time_is_that_of_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def run() -> None:
        nonlocal now
        now += 3

    monkeypatch.setattr(harness.time, "perf_counter", lambda: now)
    assert timed(run)() == 3
    assert now == 3
    assert timed(run, per=6, shortest=10)() == 0.5
    assert now == 3 + 2 * 4 * 3  # as many seconds before that are not counted


def test_the_ratio_is_that_of_medians_to_the_first_side() -> None:
    line = Line("", {"A": [1, 100, 2, 3], "B": [10, 5, 0]})
    assert line.median("A") == 2.5
    assert (line.ratio("A"), line.ratio("B")) == (1, 2)


def test_a_goal_keeps_its_bound_as_measured_and_not_as_printed() -> None:
    assert Goal("", 2.0, "at least", 2).reached
    assert not Goal("", 1.9999, "at least", 2).reached
    assert Goal("", 2.0, "at most", 2).reached
    assert not Goal("", 2.0001, "at most", 2).reached


def test_sides_that_answer_differently_are_not_compared() -> None:
    agree({"A": (1.0, np.array([1.0, 1e-9])), "B": (1.0, np.array([1.0, 0.0]))}, 1e-6)
    with pytest.raises(AssertionError, match=r"^B is off A by 0\.01 in array 1; allowed 1e-06$"):
        agree({"A": (1.0, np.array([1.0, 0.5])), "B": (1.0, np.array([1.0, 0.51]))}, 1e-6)


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (2.512e-5, "s", "25.1 us"),
        (0.0012, "s", "1.20 ms"),
        (12.34, "s", "12.3 s"),
        (1234.5, "s", "1234 s"),
        (3e-10, "s", "0.300 ns"),
        (-2e-5, "s", "-20.0 us"),
        (64.7e6, "B", "64.7 MB"),
        (314e6, "B", "314 MB"),
    ],
)
def test_quantities_have_three_digits_and_their_unit(figure: float, unit: str, text: str) -> None:
    assert quantity(figure, unit) == text


def test_numbers_have_no_exponent() -> None:
    assert [digits(number) for number in (0.01234, 1.0, 131.4, 12345.0)] == ["0.0123", "1.00", "131", "12345"]


def test_the_table_shows_medians_ratios_and_what_was_not_reached(rows: list[Row]) -> None:
    assert markdown(rows, CONDITIONS) == (
        "# Benchmarks\n\n"
        "`python -m benchmarks made up`, 2020-01-02 03:04 UTC. Abacus, 2 threads for every side, Linux x86_64. "
        "minigraph 9.9, python 3.99.\n\n"
        "Other processes used 25% of the processors' time; run again on a quiet machine. " + report.HOW + "\n\n"
        "| row | what | to reach | measured | reached |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| 1. step | times faster | at least 9 | 10.0 | yes |\n"
        "| 1. step | times faster | at least 12 | 10.0 | no |\n"
        "| 6. memory | of its peak | at most 0.5 | 0.250 | yes |\n\n"
        "## 1. step\n\n"
        "|  | minigraph | peer | work |\n"
        "| --- | --- | --- | --- |\n"
        "| a step | 30.0 us | 300 us (10.0) | 7 |\n\n"
        "- times faster: 10.0; to reach: at least 9; reached\n"
        "- times faster: 10.0; to reach: at least 12; **not reached**\n"
        "- a note\n\n"
        "## 6. memory\n\n"
        "|  | minigraph | peer |\n"
        "| --- | --- | --- |\n"
        "| small | 2.00 MB | 8.00 MB (4.00) |\n"
        "| large | 64.0 MB | - |\n\n"
        "- of its peak: 0.250; to reach: at most 0.5; reached\n"
    )


def test_both_files_are_written_and_the_json_has_every_turn(rows: list[Row], tmp_path: Path) -> None:
    table, figures = write(rows, CONDITIONS, tmp_path / "results")
    assert (table.name, figures.name) == ("latest.md", "latest.json")
    assert table.read_text(encoding="utf-8") == markdown(rows, CONDITIONS)
    held = json.loads(figures.read_text(encoding="utf-8"))
    assert {key: held[key] for key in CONDITIONS} == CONDITIONS
    (line,) = held["rows"][0]["lines"]
    assert line == {
        "case": "a step",
        "median": {"minigraph": 3e-5, "peer": 3e-4},
        "ratio_to_first": {"minigraph": 1, "peer": pytest.approx(10)},
        "turns": {"minigraph": [2e-5, 9e-5, 3e-5], "peer": [6e-4, 1e-4, 3e-4]},
        "remarks": {"work": "7"},
    }
    assert [goal["reached"] for row in held["rows"] for goal in row["goals"]] == [True, False, True]
    assert report.plain([report.row_of(facts) for facts in held["rows"]], {})["rows"] == held["rows"]


def test_the_conditions_name_every_library_and_the_threads() -> None:
    found = report.conditions("made up")
    assert set(found["versions"]) == {"minigraph", "python", *report.LIBRARIES}
    assert found["versions"]["numpy"] == np.__version__
    assert found["threads"] == harness.THREADS
    assert found["processor"]


def test_a_straight_line_is_found_and_what_leaves_it_is_seen() -> None:
    work = {1: 10, 2: 100, 3: 1000, 4: 10_000}
    fixed, each, off = line_through(work, {size: 5 + 0.25 * pieces for size, pieces in work.items()})
    assert (fixed, each) == (pytest.approx(5), pytest.approx(0.25))
    assert max(map(abs, off.values())) < 1e-12
    *_, off = line_through(work, {1: 7.5, 2: 30.0, 3: 255.0, 4: 5000.0})
    assert max(map(abs, off.values())) > 0.2


def test_every_row_named_on_the_command_line_is_a_function_of_its_file() -> None:
    from benchmarks.__main__ import ROWS

    for name, file in ROWS.items():
        assert f"\ndef {name}() -> Row:\n" in (ROOT / "benchmarks" / f"{file}.py").read_text(encoding="utf-8")


def test_an_unknown_row_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from benchmarks.__main__ import main

    with pytest.raises(typer.BadParameter) as caught:
        main(["stp"])
    assert str(caught.value) == (
        "found 'stp'; expected any of step, process, layers, large, cnn, memory, growth, startup, "
        "users_path, jobs, threads, few_samples, one_thread, avx2"
    )


def test_nothing_that_counts_its_threads_is_imported_before_they_are_held() -> None:
    code = f"import sys, benchmarks.__main__; print({set(report.LIBRARIES)} & set(sys.modules) or 'nothing')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert answer.stdout.strip() == "nothing"
