"""One contract that every registered op keeps; a new op needs a line in EXAMPLES and its stored figures."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from pydantic import ValidationError

import minigraph as mg
from minigraph.errors import DefinitionError
from minigraph.ops import OPS, Context, Errors, Op, Parameter, attribute, register_op
from minigraph.ops.base import PlanBackward, Slot
from minigraph.steps import steps
from minigraph.steps.steps import Step
from tests.helpers import FIGURES, Array, Case, assert_close, assert_exact, central_difference, context, figure_cases
from tests.ops.planning import filled_batch_last, planned

Shapes = list[tuple[int, ...]]

MAP, VECTOR = (3, 6, 7), (5,)
EXAMPLES: dict[str, list[tuple[dict[str, Any], Shapes]]] = {
    "Add": [
        ({}, [MAP, MAP]),
        ({}, [MAP] * 4),
        ({}, [VECTOR] * 3),
        ({}, [MAP, (3, 1, 1)]),
        ({}, [(1, 6, 7), MAP]),
        ({}, [(3, 1, 1), (1, 6, 1), (1, 1, 7), (1, 6, 7)]),
        ({}, [VECTOR, (1,), VECTOR]),
    ],
    "AvgPool": [
        ({"kernel_size": 2}, [MAP]),
        ({"kernel_size": [4, 3], "stride": [1, 2], "padding": [1, 0, 2, 1]}, [MAP]),
        ({"kernel_size": [2, 3], "padding": 1, "count_include_pad": True}, [MAP]),
        ({"kernel_size": [3, 2], "stride": [2, 3], "padding": "same"}, [MAP]),
        ({"kernel_size": [2, 3], "stride": [3, 2], "ceil_mode": True}, [(2, 6, 6)]),
        ({"kernel_size": [2, 3], "stride": [1, 2], "dilation": [3, 2], "padding": [1, 2, 0, 3]}, [MAP]),
        (
            {"kernel_size": 2, "stride": 3, "dilation": 2, "padding": 1, "ceil_mode": True, "count_include_pad": True},
            [MAP],
        ),
        ({"kernel_size": [3, 2], "stride": 2, "dilation": [1, 4], "padding": "same", "count_include_pad": True}, [MAP]),
        ({"kernel_size": 3, "stride": 2, "dilation": [2, 1], "ceil_mode": True}, [MAP]),
    ],
    "BatchNorm": [({}, [MAP]), ({"epsilon": 0.01, "momentum": 0.3}, [VECTOR])],
    "Concat": [
        ({}, [MAP, (1, 6, 7)]),
        ({}, [(2, 4, 5), (1, 4, 5), (3, 4, 5)]),
        ({}, [VECTOR, (4,)]),
        ({"axis": 2}, [(2, 4, 5), (2, 1, 5)]),
        ({"axis": 3}, [(2, 4, 3), (2, 4, 1), (2, 4, 2)]),
    ],
    "Conv": [
        ({"kernel_size": 3}, [MAP]),
        ({"kernel_size": [2, 4], "out_channels": 4, "stride": [3, 2], "bias": False}, [MAP]),
        ({"kernel_size": [4, 3], "out_channels": 4, "padding": "same", "stride": 2}, [MAP]),
        ({"kernel_size": 2, "out_channels": 6, "groups": 3, "padding": [2, 1]}, [MAP]),
        ({"kernel_size": [2, 3], "padding": [1, 0, 2, 3], "dilation": [3, 2], "stride": [2, 1]}, [MAP]),
        ({"kernel_size": [3, 2], "padding": "valid"}, [(1, 5, 4)]),
    ],
    "ConvTranspose": [
        ({"kernel_size": 3}, [(3, 4, 5)]),
        ({"kernel_size": [2, 4], "out_channels": 4, "stride": [3, 2], "bias": False}, [(3, 4, 5)]),
        ({"kernel_size": 2, "out_channels": 6, "groups": 3, "padding": [1, 0]}, [(3, 4, 5)]),
        ({"kernel_size": 3, "stride": [3, 2], "output_padding": [2, 1], "padding": [1, 0, 2, 3]}, [(2, 4, 5)]),
        ({"kernel_size": [2, 3], "stride": 2, "padding": "same"}, [(2, 4, 5)]),
        ({"kernel_size": 2, "stride": 3, "padding": "same", "dilation": [1, 2]}, [(2, 4, 5)]),
    ],
    "Dense": [({"out_features": 4}, [VECTOR]), ({"out_features": 1, "bias": False}, [VECTOR])],
    "Flatten": [({}, [(3, 4, 5)]), ({}, [VECTOR])],
    "GlobalAvgPool": [({}, [MAP]), ({}, [(3, 1, 7)])],
    "LeakyReLU": [({}, [MAP]), ({"slope": 0.2}, [VECTOR])],
    "MaxPool": [
        ({"kernel_size": 2}, [MAP]),
        ({"kernel_size": [4, 3], "stride": [1, 2], "padding": [1, 0, 2, 1]}, [MAP]),
        ({"kernel_size": [3, 2], "stride": [2, 3], "padding": "same"}, [MAP]),
        ({"kernel_size": [2, 3], "stride": [3, 2], "ceil_mode": True}, [(2, 6, 6)]),
        ({"kernel_size": [2, 3], "stride": [1, 2], "dilation": [3, 2], "padding": [1, 2, 0, 3]}, [MAP]),
        ({"kernel_size": 2, "stride": 3, "dilation": 2, "padding": 1, "ceil_mode": True}, [MAP]),
        ({"kernel_size": [3, 2], "stride": 2, "dilation": [1, 4], "padding": "same"}, [MAP]),
    ],
    "Multiply": [
        ({}, [MAP, MAP]),
        ({}, [MAP] * 4),
        ({}, [VECTOR] * 3),
        ({}, [MAP, (3, 1, 1)]),
        ({}, [(1, 6, 7), MAP]),
        ({}, [(3, 1, 1), (1, 6, 1), (1, 1, 7), (1, 6, 7)]),
        ({}, [VECTOR, (1,), VECTOR]),
    ],
    "ReLU": [({}, [MAP]), ({}, [VECTOR])],
    "Sigmoid": [({}, [MAP]), ({}, [VECTOR])],
    "Softmax": [({}, [MAP]), ({}, [VECTOR]), ({"axis": 2}, [MAP]), ({"axis": 3}, [MAP])],
    "Tanh": [({}, [MAP]), ({}, [VECTOR])],
}
"""For each op, attributes and input shapes without the batch: large enough to show a mistake, small to be quick."""


@dataclass(frozen=True)
class Trial:
    """An op with random inputs, parameters and error, in one engine."""

    op: Op
    shapes: Shapes
    inputs: tuple[Array, ...]
    parameters: dict[str, Array]
    error: Array
    engine: str = "fast"
    state: dict[str, Array] = field(default_factory=dict)
    training: bool = False

    @classmethod
    def of(cls, op: Op, shapes: Shapes, engine: str = "fast", training: bool = False) -> "Trial":
        batch, generator = 2, np.random.default_rng(len(shapes))

        def draw(*shape: int) -> Array:
            drawn = generator.normal(size=shape)
            return drawn + np.where(drawn < 0, -0.1, 0.1)  # away from the kink that some ops have at 0

        return cls(
            op,
            shapes,
            tuple(draw(batch, *shape) for shape in shapes),
            {name: draw(*parameter.shape) for name, parameter in op.parameters(*shapes).items()},
            draw(batch, *op.output_shape(*shapes)),
            engine,
            {name: np.abs(draw(*item.shape)) for name, item in op.state(*shapes).items()},
            training,
        )

    @property
    def context(self) -> Context:
        return context(self.parameters, self.engine, self.state, self.training)

    def mapped(self, change: Callable[[Array], Array]) -> "Trial":
        """The same trial with every array changed."""
        return replace(
            self,
            inputs=tuple(map(change, self.inputs)),
            parameters={name: change(array) for name, array in self.parameters.items()},
            error=change(self.error),
            state={name: change(array) for name, array in self.state.items()},
        )

    def forward(self) -> Array:
        return self.op.forward(self.inputs, self.context)

    def planned(self, unwanted: int | None = None) -> tuple[Array, tuple[Array, ...], Mapping[str, Array]]:
        return planned(self.op, self.inputs, self.error, self.context, unwanted)

    def backward(self, output: Array | None = None) -> Errors:
        given = self.forward() if output is None else output
        return self.op.backward(self.error, self.inputs, given, self.context)

    def next_state(self) -> dict[str, Array]:
        return self.op.next_state(self.inputs, self.context)


# The contract: what holds for every op in every engine.


def shapes_are_those_that_the_op_declares(trial: Trial) -> None:
    assert trial.forward().shape == trial.error.shape
    found = trial.backward()
    assert [error.shape for error in found.inputs] == [x.shape for x in trial.inputs]
    assert {name: gradient.shape for name, gradient in found.parameters.items()} == {
        name: array.shape for name, array in trial.parameters.items()
    }
    assert {name: array.shape for name, array in trial.next_state().items()} == {
        name: array.shape for name, array in trial.state.items()
    }


def nothing_is_written_into_an_argument(trial: Trial) -> None:
    def locked(array: Array) -> Array:
        copy = array.copy()
        copy.flags.writeable = False
        return copy

    kept = trial.mapped(locked)
    output = kept.forward()
    assert_exact(output, trial.forward())
    kept.backward(locked(output))
    kept.next_state()
    for array, original in zip(
        [*kept.inputs, *kept.parameters.values(), *kept.state.values(), kept.error],
        [*trial.inputs, *trial.parameters.values(), *trial.state.values(), trial.error],
        strict=True,
    ):
        assert_exact(array, original)


def float32_stays_float32(trial: Trial) -> None:
    single = trial.mapped(lambda array: array.astype(np.float32))
    found = single.backward()
    answers = [single.forward(), *found.inputs, *found.parameters.values(), *single.next_state().values()]
    assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}


def a_batch_is_its_samples_one_by_one(trial: Trial) -> None:
    if trial.training:
        return  # where a state is learned from the batch, its samples depend on each other
    together, output = trial.backward(), trial.forward()
    sums = {name: np.zeros_like(array) for name, array in trial.parameters.items()}
    for n in range(len(trial.error)):
        single = replace(trial, inputs=tuple(x[n : n + 1] for x in trial.inputs), error=trial.error[n : n + 1])
        found = single.backward()
        assert_close(single.forward()[0], output[n])
        for error, all_errors in zip(found.inputs, together.inputs, strict=True):
            assert_close(error[0], all_errors[n])
        for name, gradient in found.parameters.items():
            sums[name] += gradient
    for name, gradient in together.parameters.items():
        assert_close(gradient, sums[name])


def its_plan_computes_what_the_pair_computes(trial: Trial) -> None:
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        for count in (1, len(trial.error)):
            part = trial.mapped(lambda array: array.astype(dtype))  # noqa: B023  # called at once
            part = replace(part, inputs=tuple(x[:count] for x in part.inputs), error=part.error[:count])
            wanted_output, wanted = part.forward(), part.backward()
            for few in (steps.FEW_NUMBERS, -1):  # with -1 all work is cut into lanes
                with patch.object(steps, "FEW_NUMBERS", few), patch.object(steps, "FEW_PRODUCTS", few):
                    output, errors, gradients = part.planned()
                assert_close(output, wanted_output, tolerance)
                for error, wanted_error in zip(errors, wanted.inputs, strict=True):
                    assert_close(error, wanted_error, tolerance)
                assert set(gradients) == set(wanted.parameters)
                for name, gradient in wanted.parameters.items():
                    assert_close(gradients[name], gradient, tolerance)


def its_plan_leaves_out_an_error_that_is_not_wanted(trial: Trial) -> None:
    wanted = trial.backward()
    for unwanted in range(len(trial.inputs)):
        _, errors, gradients = trial.planned(unwanted)
        for index, (error, wanted_error) in enumerate(zip(errors, wanted.inputs, strict=True)):
            if index != unwanted:
                assert_close(error, wanted_error)
        for name, gradient in wanted.parameters.items():
            assert_close(gradients[name], gradient)


def backward_is_the_slope_of_forward(trial: Trial) -> None:
    def loss() -> float:
        return float((trial.forward() * trial.error).sum())

    found = trial.backward()
    for array, gradient in [
        *zip(trial.inputs, found.inputs, strict=True),
        *((trial.parameters[name], gradient) for name, gradient in found.parameters.items()),
    ]:
        assert_close(gradient, central_difference(loss, array, 1e-5), 1e-8)


def the_op_is_what_it_writes(trial: Trial) -> None:
    kind = type(trial.op)
    assert kind(**trial.op.written()) == trial.op
    assert kind(**json.loads(json.dumps(trial.op.written()))) == trial.op
    assert eval(repr(trial.op), {kind.__name__: kind}) == trial.op


def the_op_cannot_be_changed(trial: Trial) -> None:
    for name in [*type(trial.op).model_fields, "new_name"]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(trial.op, name, 1)


def a_misspelt_attribute_is_an_error_that_names_the_right_one(trial: Trial) -> None:
    kind = type(trial.op)
    for name in [*kind.model_fields, "trainable"]:
        with pytest.raises(DefinitionError) as caught:
            kind(**trial.op.written(), **{name + "x": 1})
        known = ", ".join([*kind.common_keys, *kind.model_fields])
        assert str(caught.value) == (f"{name}x: unknown key '{name}x'; expected one of {known}; did you mean '{name}'?")


def every_attribute_is_documented_and_refuses_null(trial: Trial) -> None:
    kind = type(trial.op)
    assert kind.__doc__
    for name, described in kind.model_fields.items():
        assert described.description
        if described.default is None:
            continue
        with pytest.raises(DefinitionError, match=f"{name}: found null; expected "):
            kind(**{**trial.op.written(), name: None})


CONTRACT: list[Callable[[Trial], None]] = [
    shapes_are_those_that_the_op_declares,
    nothing_is_written_into_an_argument,
    float32_stays_float32,
    a_batch_is_its_samples_one_by_one,
    its_plan_computes_what_the_pair_computes,
    its_plan_leaves_out_an_error_that_is_not_wanted,
    backward_is_the_slope_of_forward,
    the_op_is_what_it_writes,
    the_op_cannot_be_changed,
    a_misspelt_attribute_is_an_error_that_names_the_right_one,
    every_attribute_is_documented_and_refuses_null,
]


def all_examples() -> Iterator[Any]:
    """Every example of every op; where the op keeps a state, in training as well."""
    for name in OPS:
        for index, (attributes, shapes) in enumerate(EXAMPLES.get(name, [])):
            op = OPS.find(name)(**attributes)
            yield pytest.param(op, shapes, False, id=f"{name}-{index}")
            if op.state(*shapes):
                yield pytest.param(op, shapes, True, id=f"{name}-{index}-training")


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("op", "shapes", "training"), list(all_examples()))
def test_every_op_keeps_the_contract(
    op: Op, shapes: Shapes, training: bool, check: Callable[[Trial], None], engine: str
) -> None:
    check(Trial.of(op, shapes, engine, training))


@pytest.mark.parametrize("name", list(OPS))
def test_every_op_has_examples_and_stored_figures(name: str) -> None:
    assert name in EXAMPLES, f"op {name} has no examples: add attributes and input shapes to EXAMPLES here"
    assert (FIGURES / f"{figure_file(name)}.npz").is_file(), (
        f"op {name} has no figures: add it to tests/figures/make_ops.py, which writes {figure_file(name)}.npz"
    )


def test_every_example_is_of_a_registered_op() -> None:
    assert set(EXAMPLES) <= set(OPS)


def figure_file(op: str) -> str:
    """The name of an op's stored figures: ConvTranspose has conv_transpose.npz, ReLU relu.npz."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", op).lower()


def all_figures() -> Iterator[Any]:
    for name in OPS:
        if (FIGURES / f"{figure_file(name)}.npz").is_file():
            for case in figure_cases(figure_file(name)):
                yield pytest.param(name, case, id=f"{name}-{case.name}")


@pytest.mark.parametrize(("name", "case"), list(all_figures()))
def test_every_op_answers_what_pytorch_answers(name: str, case: Case, engine: str) -> None:
    op = OPS.find(name)(**case.about["attributes"])
    inputs = case.numbered("input")
    shapes = [x.shape[1:] for x in inputs]
    assert op.output_shape(*shapes) == case.arrays["output"].shape[1:]
    assert {key: parameter.shape for key, parameter in op.parameters(*shapes).items()} == {
        key: array.shape for key, array in case.under("parameter").items()
    }
    trial = Trial(
        op,
        shapes,
        inputs,
        case.under("parameter"),
        case.arrays["error"],
        engine,
        case.under("state"),
        case.about.get("training", False),
    )
    assert_close(trial.forward(), case.arrays["output"])
    found = trial.backward()
    for error, wanted in zip(found.inputs, case.numbered("input_error"), strict=True):
        assert_close(error, wanted)
    assert set(found.parameters) == set(case.under("gradient"))
    for key, wanted in case.under("gradient").items():
        assert_close(found.parameters[key], wanted)
    answer, errors, gradients = trial.planned()
    assert_close(answer, case.arrays["output"])
    for error, wanted in zip(errors, case.numbered("input_error"), strict=True):
        assert_close(error, wanted)
    for key, wanted in case.under("gradient").items():
        assert_close(gradients[key], wanted)
    if trial.training:
        after = trial.next_state()
        for key, wanted in case.under("state_after").items():
            assert_close(after[key], wanted)


# An op of the user's own, and the contract's power to catch a wrong one.


class Scale(Op):
    """(C, H, W) to (C, H, W): each channel times a learned factor, plus an offset."""

    offset: float = attribute(0.0, "added to every entry")

    def output_shape(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
        return inputs[0]

    def parameters(self, *inputs: tuple[int, ...]) -> dict[str, Parameter]:
        return {"factor": Parameter((inputs[0][0],), 1.0)}

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return inputs[0] * context.parameters["factor"].reshape(-1, 1, 1) + self.offset

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        (x,) = inputs
        factor = context.parameters["factor"].reshape(-1, 1, 1)
        return Errors((error * factor,), {"factor": (error * x).sum(axis=(0, 2, 3))})


class SlightlyWrong(Scale):
    """Scale, whose error of the input is 0.1 % too large."""

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        found = super().backward(error, inputs, output, context)
        return Errors((found.inputs[0] * 1.001,), found.parameters)


class WrongGradient(Scale):
    """Scale, whose gradient of the factor is 0.1 % too small."""

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: Context) -> Errors:
        found = super().backward(error, inputs, output, context)
        return Errors(found.inputs, {"factor": found.parameters["factor"] * 0.999})


class InPlace(Scale):
    """Scale, which spoils its input."""

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        inputs[0][...] *= context.parameters["factor"].reshape(-1, 1, 1)
        return inputs[0] + self.offset


class Widening(Scale):
    """Scale, which answers in float64."""

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return super().forward(inputs, context).astype(np.float64)


class BatchMixing(Scale):
    """Scale, which mixes the samples of a batch."""

    def forward(self, inputs: tuple[Array, ...], context: Context) -> Array:
        return super().forward(inputs, context) - inputs[0].mean(axis=0)


class WrongPlan(Scale):
    """Scale, whose plan forgets the offset."""

    def plan(self, slot: Slot) -> tuple[list[Step], PlanBackward]:
        _, backward = super().plan(slot)
        factor = slot.context.parameters["factor"].reshape(-1, 1, 1)
        return [partial(np.multiply, slot.inputs[0], factor, slot.output)], backward


@pytest.fixture
def scale() -> Iterator[type[Scale]]:
    """Scale as a registered op, for the length of a test."""
    yield register_op(Scale)
    OPS._members.pop("Scale")


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.usefixtures("scale")
def test_an_op_of_the_users_own_keeps_the_contract(check: Callable[[Trial], None]) -> None:
    check(Trial.of(Scale(offset=0.5), [MAP]))


@pytest.mark.parametrize(
    ("op", "check"),
    [
        (SlightlyWrong(), backward_is_the_slope_of_forward),
        (WrongGradient(), backward_is_the_slope_of_forward),
        (Widening(), float32_stays_float32),
        (BatchMixing(), a_batch_is_its_samples_one_by_one),
        (WrongPlan(offset=0.5), its_plan_computes_what_the_pair_computes),
    ],
    ids=lambda item: getattr(item, "__name__", type(item).__name__),
)
def test_the_contract_catches_a_wrong_op(op: Op, check: Callable[[Trial], None]) -> None:
    with pytest.raises(AssertionError):
        check(Trial.of(op, [MAP]))


def test_the_contract_catches_an_op_that_writes_into_its_input() -> None:
    with pytest.raises(ValueError, match="read-only"):
        nothing_is_written_into_an_argument(Trial.of(InPlace(), [MAP]))


@pytest.mark.usefixtures("scale")
def test_an_op_of_the_users_own_is_used_from_a_definition(tmp_path: Path) -> None:
    path = tmp_path / "scaled.toml"
    path.write_text(
        'schema_version = 1\nname = "scaled"\noutputs = ["scaled"]\n'
        "[inputs.image]\nshape = [3, 4, 5]\n"
        '[nodes.scaled]\nop = "Scale"\ninputs = ["image"]\noffset = 0.5\ninit.factor = [1, 2, 3]\n'
    )
    model = mg.load(path)
    assert_exact(model.forward(np.ones((3, 4, 5))), np.broadcast_to([[[1.5]], [[2.5]], [[3.5]]], (3, 4, 5)))
    assert mg.gradcheck(model, np.random.default_rng(0).normal(size=(3, 4, 5))).ok
    model.graph.save(tmp_path / "again.json")
    assert mg.Graph.load(tmp_path / "again.json") == model.graph


@pytest.mark.usefixtures("scale")
def test_two_ops_cannot_have_one_name() -> None:
    impostor = type("Scale", (Scale,), {"__doc__": "another", "__qualname__": "elsewhere.Scale"})
    with pytest.raises(DefinitionError, match=r"^the op name 'Scale' is already taken by Scale$"):
        register_op(impostor)


def test_registering_a_class_again_as_a_notebook_does_is_no_error(scale: type[Scale]) -> None:
    assert register_op(scale) is scale


def test_an_unknown_op_is_named_with_the_nearest_one() -> None:
    with pytest.raises(DefinitionError, match=r"unknown op 'Relu'; expected one of .*; did you mean 'ReLU'\?"):
        OPS.find("Relu")


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.in_place])
def test_an_op_in_place_answers_the_same_over_its_own_input_and_error(name: str) -> None:
    trial = Trial.of(OPS.find(name)(), [MAP])
    wanted, (wanted_error,) = trial.forward(), trial.backward().inputs
    held, error = (filled_batch_last(array.shape, array) for array in (trial.inputs[0], trial.error))
    forward, backward = trial.op.plan(Slot("trial", (held,), (False,), held, trial.context))
    for step in [*forward, *backward(error, (error,), {})]:
        step()
    assert_close(held, wanted)
    assert_close(error, wanted_error)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if not op.reads_output])
def test_an_op_that_does_not_read_its_output_does_not(name: str) -> None:
    for attributes, shapes in EXAMPLES[name]:
        trial = Trial.of(OPS.find(name)(**attributes), shapes)
        wanted, found = trial.backward(), trial.backward(np.full(trial.error.shape, np.nan))
        for error, other in zip(found.inputs, wanted.inputs, strict=True):
            assert_exact(error, other)


@pytest.mark.parametrize(("op", "shapes", "training"), list(all_examples()))
def test_each_input_gets_an_error_in_memory_of_its_own(op: Op, shapes: Shapes, training: bool) -> None:
    trial = Trial.of(op, shapes, training=training)
    arrays = [*trial.backward().inputs, trial.error]
    assert not any(np.shares_memory(one, other) for one, other in combinations(arrays, 2))
