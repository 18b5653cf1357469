"""The gradient check holds where backward is right, sees kinks, and catches what is off by 0.1 %."""

from collections.abc import Callable

import numpy as np
import pytest

import minigraph as mg
from minigraph.convolution.gemm import Gemm
from minigraph.convolution.naive import Naive
from minigraph.model import gradient_check
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


def test_it_counts_the_kinks_and_compares_them_nearby() -> None:
    x = np.array([[1.0, 0.0, -2.0], [-0.0, 0.5, 3.0]])
    checked = mg.gradcheck(relu_of_scaled(), x)
    assert checked.ok
    assert {row.name: (row.kinks, row.checked, row.missed) for row in checked.rows} == {
        "y.kernel": (0, 1, ()),
        "x": (2, 6, ()),
    }


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


def test_entries_that_all_lie_at_kinks_are_all_compared_nearby() -> None:
    checked = mg.gradcheck(relu_of_scaled(), np.zeros((2, 3)))
    assert checked.ok
    assert (checked.rows[1].kinks, checked.rows[1].checked) == (6, 6)
    assert checked.rows[1].backward != 0.0


def deep() -> mg.Graph:
    """x (2, 8, 8) -> Conv, ReLU, Conv, ReLU, MaxPool, Dense: on a black image all biases of zero lie at kinks."""
    graph = mg.Graph("deep")
    name = graph.input("x", shape=(2, 8, 8))
    for index in (1, 2):
        name = graph.add(f"conv{index}", mg.Conv(kernel_size=3, out_channels=3), name)
        name = graph.add(f"relu{index}", mg.ReLU(), name)
    graph.add("pool", mg.MaxPool(kernel_size=2), name)
    graph.output(graph.add("score", mg.Dense(out_features=3), graph.add("flat", mg.Flatten(), "pool")))
    return graph


@pytest.mark.parametrize("seed", [0, 1])
def test_a_black_image_is_no_way_to_pass(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinks follow kinks there, and the gradients of all kernels are zero: all is compared nearby."""
    model, x = mg.Model(deep(), seed=seed), np.zeros((1, 2, 8, 8))
    checked = mg.gradcheck(model, x, seed=seed)
    assert checked.ok
    assert all(row.checked == row.entries and row.backward != 0.0 for row in checked.rows)
    assert {row.name for row in checked.rows if row.kinks} == {"conv1.bias", "conv2.bias", "x"}
    spoil(monkeypatch, "parameter_gradients", lambda kernel: np.multiply(kernel, 1.001, kernel))
    failed = mg.gradcheck(model, x, seed=seed)
    assert {row.name for row in failed.rows if row.max_error > 0.9e-3} == {"conv1.kernel", "conv2.kernel"}


@pytest.mark.parametrize("behind", [False, True], ids=["an output", "inside"])
@pytest.mark.parametrize(
    ("at_zero", "fine"), [(0.0, True), (0.5, True), (1.0, True), (-0.001, False), (1.001, False), (2.0, False)]
)
@pytest.mark.usefixtures("plain_plans")
def test_at_a_kink_backward_lies_between_the_slopes_of_both_sides(
    at_zero: float, fine: bool, behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backward(self: mg.Op, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        return Errors((error * np.where(inputs[0] == 0, at_zero, inputs[0] > 0),))

    monkeypatch.setattr(ReLU, "backward", backward)
    graph = mg.Graph("kinks")
    graph.input("x", shape=(2, 3))
    name = graph.add("relu", mg.ReLU(), "x")
    if behind:
        name = graph.add("y", mg.Sigmoid(), graph.add("conv", mg.Conv(kernel_size=(2, 1), out_channels=3), name))
    graph.output(name)
    checked = mg.gradcheck(mg.Model(graph, seed=0), np.array([[1.0, 0.0, -2.0], [0.3, 0.5, 0.0]]))
    row = next(row for row in checked.rows if row.name == "x")
    assert (checked.ok, row.kinks, row.checked) == (fine, 2, 6)
    if not fine:
        assert row.index in ((0, 0, 0, 1), (0, 0, 1, 2))
        side = 0.0 if at_zero < 0 else 1.0
        assert row.backward * side == pytest.approx(row.difference * at_zero, rel=1e-3, abs=1e-12)


def test_where_nothing_can_be_compared_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    model, x = relu_of_scaled(), np.ones((2, 3))
    monkeypatch.setattr(ReLU, "plan", Op.plan)
    monkeypatch.setattr(ReLU, "forward", lambda self, inputs, context: inputs[0] + generator.normal(size=(1, 1, 2, 3)))
    checked = mg.gradcheck(model, x)
    assert not checked.ok
    assert [(row.checked, len(row.missed)) for row in checked.rows[:2]] == [(0, 1), (0, 6)]
    monkeypatch.setattr(ReLU, "forward", lambda self, inputs, context: np.full_like(inputs[0], np.nan))
    checked = mg.gradcheck(model, x)
    assert not checked.ok
    assert [(row.checked, len(row.missed)) for row in checked.rows] == [(0, 1), (0, 6)]


# Modes and noise


def normalized(*ops: mg.Op, shape: tuple[int, ...] = (3, 4, 5)) -> mg.Model:
    """x -> ops in a row."""
    graph = mg.Graph("normalized")
    name = graph.input("x", shape=shape)
    for index, op in enumerate(ops):
        name = graph.add(f"n{index}", op, name)
    graph.output(name)
    return mg.Model(graph, seed=0)


def test_both_modes_are_checked_where_they_differ() -> None:
    model, x = normalized(mg.Conv(kernel_size=2, out_channels=2), mg.BatchNorm()), draw(4, 3, 4, 5)
    checked = mg.gradcheck(model, x)
    assert checked.ok
    assert [row.mode for row in checked.rows] == ["inference"] * 5 + ["training"] * 5
    for training, mode in ((True, "training"), (False, "inference")):
        assert {row.mode for row in mg.gradcheck(model, x, training=training).rows} == {mode}
    assert {row.mode for row in mg.gradcheck(normalized(mg.ReLU()), x).rows} == {"both"}


def test_an_op_that_differs_without_a_state_is_checked_in_both_modes() -> None:
    class Halved(mg.Op):
        """x, halved outside of training; backward forgets it."""

        def output_shape(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
            return inputs[0]

        def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
            return inputs[0] * (1.0 if context.training else 0.5)

        def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
            return Errors((error * 0.5,))

    checked = mg.gradcheck(normalized(Halved()), draw(3, 4, 5))
    assert {row.mode: row.max_error > 0.4 for row in checked.rows} == {"inference": False, "training": True}


def forget_statistics(
    self: mg.BatchNorm, error: Array, inputs: tuple[Array, ...], output: Array, context: Context
) -> Errors:
    """BatchNorm's backward as if mean and variance did not depend on the input."""
    normal, deviation = self._normalized(inputs[0], context)
    gradients = {"scale": (error * normal).sum(axis=(0, 2, 3)), "bias": error.sum(axis=(0, 2, 3))}
    return Errors((error * context.parameters["scale"].reshape(-1, 1, 1) / deviation,), gradients)


def test_a_batch_norm_that_forgets_mean_and_variance_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = normalized(mg.BatchNorm()), draw(4, 3, 4, 5)
    monkeypatch.setattr(mg.BatchNorm, "backward", forget_statistics)
    checked = mg.gradcheck(model, x)
    assert not checked.ok
    assert [(row.name, row.mode) for row in checked.rows if row.max_error > 1e-3] == [("x", "training")]
    assert mg.gradcheck(model, x, training=False).ok


@pytest.mark.parametrize("seed", range(3))
def test_the_upstream_error_is_not_the_users_own_numbers(seed: int) -> None:
    """With x for the error the gradient would be exactly zero, and noise would decide."""
    assert mg.gradcheck(normalized(mg.BatchNorm()), draw(4, 3, 4, 5, seed=seed), seed=seed).ok


def test_rounding_noise_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    x = draw(4, 3, 4, 5)
    # A bias before BatchNorm, and an error along the input: gradients that are zero, and come out as 1e-17.
    biased = normalized(mg.Conv(kernel_size=2, out_channels=2), mg.BatchNorm(), mg.Tanh())
    checked = mg.gradcheck(biased, 100.0 + x, training=True)
    assert checked.ok
    bias = next(row for row in checked.rows if row.name == "n0.bias")
    assert 0 < abs(bias.backward) + abs(bias.difference) < 1e-6
    own = gradient_check.stream
    monkeypatch.setattr(gradient_check, "stream", lambda seed, purpose: Repeating(x, own(seed, purpose)))
    for offset in (0.0, 1000.0):
        assert mg.gradcheck(normalized(mg.BatchNorm()), x + offset, training=True).ok


class Repeating:
    """A generator whose first normal numbers are given ones."""

    def __init__(self, first: Array, generator: np.random.Generator) -> None:
        self._first, self._generator = [first], generator

    def normal(self, size: tuple[int, ...]) -> Array:
        return self._first.pop() if self._first else self._generator.normal(size=size)

    def __getattr__(self, name: str) -> object:
        return getattr(self._generator, name)


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
