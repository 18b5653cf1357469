"""A model's plans: kept within bounds, one for each thread, right after copies, pickles and failures."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import minigraph as mg
from minigraph.model import model as module
from tests.helpers import Array, assert_close, assert_exact, diamond, raises


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("used", [False, True])
def test_a_copied_model_has_parameters_of_its_own_and_trains(copied, used: bool) -> None:  # type: ignore[no-untyped-def]
    graph = mg.Graph("small")
    conv = graph.add("conv", mg.Conv(kernel_size=2, out_channels=2), graph.input("x", (4, 5)))
    graph.output(graph.add("norm", mg.BatchNorm(), conv))
    model, x = mg.Model(graph, seed=0), draw(3, 1, 4, 5)
    if used:
        model.forward(x)
    other = copied(model)
    assert_exact(other.forward(x), model.forward(x))
    before = model.parameters.flat.copy()
    target = draw(3, 2, 3, 4, seed=1)
    history = mg.train(other, x, target, loss="mse", optimizer=mg.SGD(learning_rate=0.1), steps=20)
    assert history.loss[-1] < 0.9 * history.loss[0]
    assert_exact(model.parameters.flat, before)
    assert_exact(other.parameters["conv.kernel"].ravel(), other.parameters.flat[: 2 * 4])
    assert not np.array_equal(other.parameters["conv.kernel"], model.parameters["conv.kernel"])
    trained = mg.train(model, x, target, loss="mse", optimizer=mg.SGD(learning_rate=0.1), steps=20)
    assert_exact(trained.loss, history.loss)
    assert_exact(other.state["norm.mean"], model.state["norm.mean"])


def test_a_dense_node_that_two_nodes_share_trains_as_by_hand() -> None:
    graph = mg.Graph("shared")
    flat = graph.add("flat", mg.Flatten(), graph.input("x", (2, 2)))
    first = graph.add("a", mg.Dense(out_features=4), flat)
    second = graph.add("b", mg.Dense(out_features=4), first, share="a")
    graph.output(graph.add("sum", mg.Add(), first, second))
    model, x, target = mg.Model(graph, seed=0), draw(3, 1, 2, 2), draw(3, 4, seed=1)
    kernel, bias = (model.parameters[f"a.{name}"].copy() for name in ("kernel", "bias"))
    mg.train(model, x, target, loss="sse", optimizer=mg.SGD(learning_rate=0.01), steps=1)
    inner = x.reshape(3, 4)
    a = inner @ kernel.T + bias
    error = 2 * (a + a @ kernel.T + bias - target)
    error_of_a = error + error @ kernel
    assert_close(model.parameters["a.kernel"], kernel - 0.01 * (error.T @ a + error_of_a.T @ inner))
    assert_close(model.parameters["a.bias"], bias - 0.01 * (error + error_of_a).sum(axis=0))


def test_threads_have_passes_of_their_own() -> None:
    model, count = mg.Model(diamond(), seed=0), 4
    inputs = [draw(2, 3, 6, 7, seed=seed) for seed in range(count)]
    upstream = [draw(*model.forward(x).shape, seed=9) for x in inputs]
    wanted = []
    for x, error in zip(inputs, upstream, strict=True):
        answer = model.forward(x)
        wanted.append((answer, model.values["conv"], model.backward(error)))
    together = Barrier(count)

    def work(index: int) -> None:
        for _ in range(20):
            together.wait()
            answer = model.forward(inputs[index])
            together.wait()  # now every thread has run its forward
            gradients = model.backward(upstream[index])
            assert_exact(answer, wanted[index][0])
            assert_exact(model.values["conv"], wanted[index][1])
            for name, gradient in wanted[index][2].parameters.items():
                assert_exact(gradients.parameters[name], gradient)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work, index) for index in range(count)]:
            done.result()


def test_backward_and_values_belong_to_the_thread_of_the_forward() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(3, 6, 7)
    answer = model.forward(x)
    with ThreadPoolExecutor(1) as pool:
        elsewhere = "forward has not run yet; call forward first: it has run in another thread"
        with raises(mg.CallOrderError, f"backward: {elsewhere}"):
            pool.submit(model.backward, answer).result()
        with raises(mg.CallOrderError, f"values: {elsewhere}"):
            pool.submit(lambda: model.values).result()


def test_a_model_keeps_few_plans_within_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = mg.Model(diamond(), seed=0)
    for batch in range(1, 20):
        model.forward(draw(batch, 3, 6, 7))
    assert len(model._idle) == module.MOST_PLANS
    first = model._idle[0][1]
    monkeypatch.setattr(module, "MOST_BYTES", first.bytes + 1)
    model.forward(draw(1, 3, 6, 7))
    assert len(model._idle) <= 1


def test_the_same_plan_serves_the_next_call_of_its_kind() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(2, 3, 6, 7)
    first = model.forward(x)
    plan = model._last.plan  # type: ignore[union-attr]  # it has run
    model.forward(draw(1, 3, 6, 7))
    assert_exact(model.forward(x), first)
    assert model._last.plan is plan  # type: ignore[union-attr]  # likewise


def test_what_is_given_to_the_user_stays_as_it_is() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(2, 3, 6, 7)
    answer = model.forward(x)
    values, gradients = model.values, model.backward(answer)
    given = [answer, *values.values(), *gradients.parameters.values(), *gradients.inputs.values()]
    given += gradients.errors.values()
    kept = [array.copy() for array in given]
    model.backward(model.forward(draw(2, 3, 6, 7, seed=5)))
    for array, before in zip(given, kept, strict=True):
        assert array.flags.c_contiguous
        assert_exact(array, before)


def test_values_stay_those_of_forward_after_backward() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(2, 3, 6, 7)
    answer = model.forward(x)
    before = model.values
    model.backward(answer)
    for name, value in model.values.items():
        assert_exact(value, before[name])


def test_a_forward_that_fails_leaves_none_to_go_back_through() -> None:
    model, x = mg.Model(diamond(), seed=0), draw(3, 6, 7)
    answer = model.forward(x)

    class Broken(mg.Op):
        def output_shape(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
            return inputs[0]

        def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
            raise ZeroDivisionError

        def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
            raise NotImplementedError

    graph = mg.Graph("broken")
    graph.output(graph.add("bad", Broken(), graph.input("x", (2, 2))))
    broken = mg.Model(graph)
    with pytest.raises(ZeroDivisionError):
        broken.forward(np.ones((2, 2)))
    with raises(mg.CallOrderError, "backward: forward has not run yet; call forward first"):
        broken.backward(np.ones((2, 2)))
    assert model.backward(answer).inputs["image"].shape == (3, 6, 7)


@pytest.mark.parametrize("samples", [2, 5])
def test_a_stack_of_maps_is_a_batch_of_one_channel_and_stays_a_stack(samples: int) -> None:
    graph = mg.Graph("stack")
    one = graph.add("one", mg.Conv(kernel_size=2), graph.input("x", (4, 5)))
    two = graph.add("two", mg.Conv(kernel_size=2, out_channels=2), one)
    graph.output(one, two, graph.add("flat", mg.Flatten(), two))
    model, x = mg.Model(graph, seed=0), draw(samples, 4, 5)
    answer, whole = model.forward(x), mg.Model(graph, seed=0).forward(x[:, None])
    assert_exact(answer["one"], whole["one"][:, 0])
    assert_exact(answer["two"], whole["two"])
    assert_exact(answer["flat"], whole["flat"])
    gradients = model.backward(answer)
    assert gradients.inputs["x"].shape == x.shape
    assert gradients.errors["one"].shape == (samples, 3, 4)
    for batch_size in (None, 1, 2):
        for name, array in mg.predict(model, x, batch_size).items():
            assert_exact(array, answer[name])
    assert model.forward(x[:1])["one"].shape == (1, 3, 4)


def test_a_stack_is_read_as_one_sample_where_it_has_one_map() -> None:
    model = mg.load("two_conv", seed=0)
    assert model.forward(np.ones((1, 20, 20))).shape == (1, 8, 8)
    assert model.forward(np.ones((2, 20, 20))).shape == (2, 8, 8)
    assert model.forward(np.ones((1, 1, 20, 20))).shape == (1, 1, 8, 8)
