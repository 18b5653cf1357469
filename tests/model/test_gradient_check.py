"""The gradient check holds where backward is right, sees kinks, and catches what is off by 0.1 %."""

from collections.abc import Callable

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.naive import Naive
from minigraph.ops import OPS, Add, Context, Errors, Op, ReLU, Sigmoid
from minigraph.steps.steps import Step
from tests.helpers import Array, assert_exact, diamond


@pytest.fixture
def plain_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every op be planned as the pair of its forward and backward."""
    for _, op in OPS.items():
        monkeypatch.setattr(op, "plan", Op.plan)


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def spoil(monkeypatch: pytest.MonkeyPatch, passes: str, change: Callable[[Array], object]) -> None:
    """Let a pass of planned convolutions end with ``change`` of the array that it fills."""
    right: Callable[..., list[Step]] = getattr(Gemm, passes)

    def wrong(self: Gemm, error: Array, filled: Array, *rest: Array) -> list[Step]:
        return [*right(self, error, filled, *rest), lambda: change(filled)]

    monkeypatch.setattr(Gemm, passes, wrong)


def relu_of_scaled(scale: float = 1.0) -> mg.Model:
    """x -> ReLU -> times ``scale``."""
    graph = mg.Graph("kinks")
    graph.input("x", shape=(2, 3))
    graph.add("relu", mg.ReLU(), "x")
    graph.output(graph.add("y", mg.Conv(kernel_size=1, bias=False), "relu", init={"kernel": scale}))
    return mg.Model(graph)


def test_it_holds_for_a_graph_with_branches(engine: str) -> None:
    checked = mg.gradcheck(mg.Model(diamond(), seed=0, engine=engine), draw(2, 3, 6, 7))
    assert checked.ok
    assert checked.max_error < 1e-7
    assert {row.name: row.entries for row in checked.rows} == {
        "conv.kernel": 4 * 3 * 2 * 3,
        "conv.bias": 4,
        "image": 2 * 3 * 6 * 7,
    }
    assert sum(row.kinks for row in checked.rows) == 0


def test_it_holds_for_the_bundled_graph() -> None:
    assert mg.gradcheck(mg.load("two_conv", seed=0), draw(20, 20)).max_error < 1e-8


def test_it_holds_for_several_inputs_outputs_and_a_dead_branch() -> None:
    graph = diamond()
    graph.input("other", shape=(4, 3, 5))
    graph.add("both", mg.Concat(), "other", "sum")
    graph.add("dead", mg.Conv(kernel_size=2), "both")
    graph.output("both")
    checked = mg.gradcheck(mg.Model(graph, seed=0), {"image": draw(3, 6, 7), "other": draw(4, 3, 5, seed=1)})
    assert checked.ok
    rows = {row.name: row for row in checked.rows}
    assert rows["dead.kernel"].max_error == rows["dead.kernel"].backward == 0.0


def test_it_compares_a_choice_of_the_entries_of_large_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = mg.Model(diamond(), seed=0), draw(2, 3, 6, 7)
    checked = mg.gradcheck(model, x, entries=10)
    assert checked.ok
    assert {row.name: row.checked for row in checked.rows} == {"conv.kernel": 10, "conv.bias": 4, "image": 10}
    spoil(monkeypatch, "parameter_gradients", lambda kernel: np.multiply(kernel, 1.001, kernel))
    assert not mg.gradcheck(model, x, entries=1).ok


def test_it_leaves_out_the_kinks_and_counts_them() -> None:
    x = np.array([[1.0, 0.0, -2.0], [-0.0, 0.5, 3.0]])
    checked = mg.gradcheck(relu_of_scaled(), x)
    assert checked.ok
    assert {row.name: row.kinks for row in checked.rows} == {"y.kernel": 0, "x": 2}


@pytest.mark.parametrize("scale", [1e-2, 1e-4, 1e-6, 1e4])
def test_it_sees_a_kink_however_small_or_steep_the_slopes_are(scale: float) -> None:
    x = np.array([[1.0, 0.0, -2.0], [0.0, 0.5, 3.0]])
    checked = mg.gradcheck(relu_of_scaled(scale), x)
    assert checked.ok
    assert checked.rows[1].kinks == 2


def test_a_kink_beside_an_entry_is_no_kink_of_it() -> None:
    checked = mg.gradcheck(relu_of_scaled(), np.array([[1e-5, -1e-5, 1.0], [2e-6, -2.0, -1e-6]]))
    assert checked.ok
    assert sum(row.kinks for row in checked.rows) == 0


def test_all_entries_at_kinks_are_no_failure() -> None:
    checked = mg.gradcheck(relu_of_scaled(), np.zeros((2, 3)))
    assert checked.ok
    assert checked.rows[1].kinks == 6


@pytest.mark.parametrize("factor", [1.001, 0.999, -1.0, 0.0])
@pytest.mark.parametrize("wrong", ["input_error", "kernel_gradient"])
@pytest.mark.parametrize("engine", ["fast", "naive"])
def test_it_catches_a_convolution_that_is_off_by_a_thousandth(
    monkeypatch: pytest.MonkeyPatch, engine: str, wrong: str, factor: float
) -> None:
    if engine == "fast":
        passes = "parameter_gradients" if wrong == "kernel_gradient" else wrong
        spoil(monkeypatch, passes, lambda filled: np.multiply(filled, factor, filled))
    else:
        right: Callable[..., Array] = getattr(Naive, wrong)
        monkeypatch.setattr(Naive, wrong, lambda *args: right(*args) * factor)
    checked = mg.gradcheck(mg.Model(diamond(), seed=0, engine=engine), draw(3, 6, 7))
    assert not checked.ok
    assert checked.max_error > 0.9e-3
    bad = {row.name for row in checked.rows if row.max_error > checked.tolerance}
    assert bad == ({"image"} if wrong == "input_error" else {"conv.kernel"})


@pytest.mark.parametrize("op", [Add, ReLU, Sigmoid])
@pytest.mark.usefixtures("plain_plans")
def test_it_catches_an_op_that_is_off_by_a_thousandth(monkeypatch: pytest.MonkeyPatch, op: type[mg.Op]) -> None:
    right = op.backward

    def wrong(self: mg.Op, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        found = right(self, error, inputs, output, context)
        return Errors((found.inputs[0] * 1.001, *found.inputs[1:]), found.parameters)

    monkeypatch.setattr(op, "backward", wrong)
    assert not mg.gradcheck(mg.Model(diamond(), seed=0), draw(3, 6, 7)).ok


def test_it_catches_a_single_wrong_entry_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(gradient: Array) -> None:
        gradient[3, 1, 0, 2] *= 1.001

    spoil(monkeypatch, "parameter_gradients", change)
    checked = mg.gradcheck(mg.Model(diamond(), seed=0), draw(3, 6, 7))
    row = next(row for row in checked.rows if row.name == "conv.kernel")
    assert not checked.ok
    assert row.index == (3, 1, 0, 2)
    assert row.backward == pytest.approx(1.001 * row.difference, rel=1e-6)


@pytest.mark.usefixtures("plain_plans")
def test_it_catches_a_gradient_that_is_not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "backward", lambda self, error, *rest: Errors((np.full_like(error, np.nan),), {}))
    assert not mg.gradcheck(mg.Model(diamond(), seed=0), draw(3, 6, 7)).ok


def test_a_float32_model_is_checked_in_float64() -> None:
    assert mg.gradcheck(mg.Model(diamond(), seed=0, dtype="float32"), draw(3, 6, 7)).max_error < 1e-7


def test_the_model_is_left_as_it_is() -> None:
    model = mg.Model(diamond(), seed=0)
    x = draw(3, 6, 7)
    answer = model.forward(x)
    before, values = model.parameters.flat.copy(), model.values
    x.flags.writeable = False
    mg.gradcheck(model, draw(2, 3, 6, 7, seed=1))
    assert_exact(model.parameters.flat, before)
    assert_exact(model.values["conv"], values["conv"])
    assert model.backward(answer).inputs["image"].shape == (3, 6, 7)


def test_the_tolerance_decides() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(3, 6, 7)
    assert not mg.gradcheck(model, x, tolerance=0.0).ok


def test_the_same_seed_gives_the_same_rows() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(3, 6, 7)
    assert mg.gradcheck(model, x, seed=3) == mg.gradcheck(model, x, seed=3)
    assert mg.gradcheck(model, x, seed=3).rows != mg.gradcheck(model, x, seed=4).rows


def test_what_does_not_fit_the_graph_is_refused() -> None:
    with pytest.raises(mg.ShapeError, match="'image': found shape 2x2"):
        mg.gradcheck(mg.Model(diamond()), np.zeros((2, 2)))
