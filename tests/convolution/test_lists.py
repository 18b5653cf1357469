"""The lists themselves, by hand; and the compiled core together with threads, forks, caches and other processors."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution.geometry import Geometry
from minigraph.convolution.layer import Layer
from minigraph.convolution.lists import Axis, Lists, Phase
from minigraph.steps import compiling, threads
from tests.helpers import ROOT, Array, assert_close, assert_exact


def test_windows_at_a_border_meet_fewer_taps() -> None:
    # three taps over a map of four rows, with one row of padding on both sides
    assert Axis(4, 3, 4, -1, 1, 1).stretches() == [(0, 1, 1, 3), (1, 3, 0, 3), (3, 4, 0, 2)]
    # of a window beyond the map no tap is inside
    assert Axis(3, 1, 2, -1, 1, 2).stretches() == [(0, 1, 0, 0), (1, 2, 0, 1), (2, 3, 0, 0)]


def test_a_row_of_the_answer_is_one_run_and_each_tap_an_offset() -> None:
    x, answer = np.zeros((2, 3, 4, 16)), np.zeros((1, 2, 3, 16))
    found = Lists.of(x, answer, Axis(2, 2, 3, 0, 1, 1), Axis(3, 2, 4, 0, 1, 1), groups=1)
    # begins in map and answer, length, rows, steps from row to row, first tap, taps
    assert found.runs.tolist() == [[0, 0, 3 * 16, 2, 4 * 16, 3 * 16, 0, 8]]
    row, channel = 4 * 16, 3 * 4 * 16
    # (row, channel, column) of the taps, which are numbered in this order, in the order of the list
    assert found.taps.tolist() == [
        [0, 0], [16, 1], [channel, 2], [channel + 16, 3],
        [row, 4], [row + 16, 5], [row + channel, 6], [row + channel + 16, 7],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "taps", "start", "kernel"),
    [(0, 2, 0, [2, 0]), (1, 1, 0, [1])],
)
def test_a_phase_of_the_stride_meets_every_other_tap(number: int, taps: int, start: int, kernel: list[int]) -> None:
    layer = Layer(1, 1, (7, 7), 1, (3, 3), (3, 3), Geometry((2, 2)), 8)
    phase = Phase.of(layer, 0, number)
    assert phase is not None
    assert (phase.axis.taps, phase.axis.start + (number == 0)) == (taps, start)
    assert list(range(3))[phase.kernel] == kernel
    assert list(range(7))[phase.places] == list(range(number, 7, 2))


def test_a_phase_that_no_tap_reaches_is_none() -> None:
    layer = Layer(1, 1, (7, 7), 1, (1, 1), (3, 3), Geometry((3, 3)), 8)
    assert [Phase.of(layer, 0, number) is None for number in range(3)] == [False, True, True]


@pytest.mark.parametrize("lanes", [1, 2, 3, 7, 30])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_lanes_have_every_run_and_output_once(lanes: int, rows: int) -> None:
    x, answer = np.zeros((3, 9, 10, 4)), np.zeros((11, 9, 8, 4))
    whole = Lists.of(x, answer, Axis(9, 3, 9, -1, 1, 1), Axis(8, 3, 10, 0, 1, 1), groups=1)
    cut, found, owners = whole.cut(11, 4, lanes, rows)
    assert len(found) <= 2 * lanes
    seen = np.zeros((11, answer[0].size), int)
    for first, last, o0, o1 in found:
        for run in cut.runs[first:last]:
            for row in range(run[3]):
                begin = run[1] + row * run[5]
                seen[o0:o1, begin : begin + run[2]] += 1
    assert (seen == 1).all()
    assert sorted(set(owners.tolist())) == list(range(owners.max() + 1))
    assert owners.max() < rows


def large() -> tuple[mg.Model, Array, Array]:
    graph = mg.Graph("large", dtype="float32")
    x = graph.input("x", (8, 24, 24))
    conv = graph.add("conv", mg.Conv(kernel_size=3, out_channels=16, padding="same"), x)
    graph.output(graph.add("back", mg.ConvTranspose(kernel_size=3, out_channels=8, padding=1), conv))
    model = mg.Model(graph, seed=0)
    return model, *np.random.default_rng(0).normal(size=(2, 16, 8, 24, 24)).astype(np.float32)


LARGE = "from tests.convolution.test_lists import large\n"


def run_alone(code: str, **environment: str) -> str:
    """What a program prints in a process of its own; nothing may stand on its standard error."""
    program = "import numpy as np, minigraph as mg\n" + code
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout.strip()


def test_the_large_model_runs_on_lists() -> None:
    model, x, _ = large()
    model.backward(model.forward(x))
    with model.whole_pass(16, training=False) as plan:
        assert {one.name for found in plan.convolutions.values() for one in found} == {"lists"}


def test_models_trained_in_two_threads_are_those_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_chosen", 2)

    def trained() -> Array:
        model, x, target = large()
        mg.train(model, x, target, loss="mse", optimizer=mg.SGD(learning_rate=0.1), steps=5)
        return model.parameters.flat

    wanted = trained()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(trained) for _ in range(4)]:
            assert_exact(done.result(), wanted)


# Windows starts every process anew: no child there takes over the threads and locks of a parent.
@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is missing: no child takes over a parent's threads here")
def test_a_forked_child_goes_on_alone_with_the_same_bits() -> None:
    code = (
        LARGE
        + """
import os
mg.set_threads(2)
model, x, error = large()
first = model.forward(x)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(model.forward(x), first) else 7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    assert run_alone(code) == "0"


@pytest.mark.parametrize(
    "environment",
    [
        {"MINIGRAPH_COMPILED": "0"},
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
        {"NUMBA_THREADING_LAYER": "workqueue"},
    ],
    ids=lambda environment: next(iter(environment.values())),
)
def test_another_way_of_computing_answers_the_same(environment: dict[str, str], tmp_path: Path) -> None:
    model, x, _ = large()
    wanted = model.backward(model.forward(x)).parameters["conv.kernel"]
    code = f"""{LARGE}
mg.set_threads(2)
model, x, error = large()
np.save({str(tmp_path / "found.npy")!r}, model.backward(model.forward(x)).parameters["conv.kernel"])
"""
    run_alone(code, **environment)
    assert_close(np.load(tmp_path / "found.npy"), wanted, 1e-5)


def test_small_work_imports_no_numba() -> None:
    code = """
import sys
model = mg.load("two_conv", seed=0)
model.backward(model.forward(np.ones((20, 20))))
print("numba" in sys.modules)
"""
    assert run_alone(code) == "False"


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o777])
def test_a_cache_is_used_only_where_nobody_else_can_write(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    assert compiling.is_safe(str(folder)) == (not mode & 0o022)
    assert not compiling.is_safe(str(tmp_path / "missing"))


SLOWLY = f"""{LARGE}
from minigraph.steps.compiling import told_to
model, x, error = large()
with told_to(print):
    print(model.forward(x).shape)
"""
ANSWER = "(16, 8, 24, 24)"


@pytest.mark.parametrize("trouble", ["nowhere", "a file"])
def test_a_cache_that_cannot_be_used_is_passed_over(trouble: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    if trouble == "nowhere":
        folder = Path("/proc/nowhere")
    else:
        folder.write_text("")
    assert run_alone(SLOWLY, NUMBA_CACHE_DIR=str(folder)).splitlines()[-1] == ANSWER  # Numba may know another folder


def test_only_compiling_is_told_also_where_the_cache_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    compiled = f"{compiling.TEXT}\n{ANSWER}"
    assert run_alone(SLOWLY, NUMBA_CACHE_DIR=str(folder)) == compiled
    assert run_alone(SLOWLY, NUMBA_CACHE_DIR=str(folder)) == ANSWER
    for file in folder.rglob("*.nbi"):
        file.write_bytes(b"damaged")
    assert run_alone(SLOWLY, NUMBA_CACHE_DIR=str(folder)) == compiled


def test_kernels_of_any_contiguity_share_what_is_compiled() -> None:
    code = """
from minigraph.steps import compiled
for channels, outputs, size in ((1, 8, 3), (8, 1, 3), (8, 8, 1), (8, 8, 3)):
    graph = mg.Graph("one")
    x = graph.input("x", (channels, 40, 40))
    graph.output(graph.add("conv", mg.Conv(kernel_size=size, out_channels=outputs), x))
    model = mg.Model(graph, seed=0)
    model.backward(model.forward(np.ones((16, channels, 40, 40))))
print(len(compiled.multiply.signatures), len(compiled.correlate.signatures))
"""
    assert run_alone(code, MINIGRAPH_NUM_THREADS="1") == "1 1"
