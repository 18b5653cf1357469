"""One contract that every registered op keeps; a new op needs a line in EXAMPLES and its stored figures."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import minigraph as mg
from minigraph.convolution import layer
from minigraph.errors import DefinitionError
from minigraph.ops import OPS, Context, Errors, Op, Parameter, attribute, register_op
from minigraph.steps import steps
from minigraph.testing import check_op
from tests.helpers import FIGURES, Array, Case, assert_close, assert_exact, context, figure_cases
from tests.ops.planning import planned

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


# What holds for every op as a declared class; the rest of the contract is check_op's.


def the_op_is_what_it_writes(op: Op) -> None:
    kind = type(op)
    assert kind(**op.written()) == op
    assert kind(**json.loads(json.dumps(op.written()))) == op
    assert eval(repr(op), {kind.__name__: kind}) == op


def the_op_cannot_be_changed(op: Op) -> None:
    for name in [*type(op).model_fields, "new_name"]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(op, name, 1)


def a_misspelt_attribute_is_an_error_that_names_the_right_one(op: Op) -> None:
    kind = type(op)
    for name in [*kind.model_fields, "trainable"]:
        with pytest.raises(DefinitionError) as caught:
            kind(**op.written(), **{name + "x": 1})
        known = ", ".join([*kind.common_keys, *kind.model_fields])
        assert str(caught.value) == (f"{name}x: unknown key '{name}x'; expected one of {known}; did you mean '{name}'?")


def every_attribute_is_documented_and_refuses_null(op: Op) -> None:
    kind = type(op)
    assert kind.__doc__
    for name, described in kind.model_fields.items():
        assert described.description
        if described.default is None:
            continue
        with pytest.raises(DefinitionError, match=f"{name}: found null; expected "):
            kind(**{**op.written(), name: None})


DECLARED: list[Callable[[Op], None]] = [
    the_op_is_what_it_writes,
    the_op_cannot_be_changed,
    a_misspelt_attribute_is_an_error_that_names_the_right_one,
    every_attribute_is_documented_and_refuses_null,
]


def all_examples() -> Iterator[Any]:
    """Every example of every op."""
    for name in OPS:
        for index, (attributes, shapes) in enumerate(EXAMPLES.get(name, [])):
            yield pytest.param(OPS.find(name)(**attributes), shapes, id=f"{name}-{index}")


@pytest.mark.parametrize(("op", "shapes"), list(all_examples()))
def test_every_op_keeps_the_contract(op: Op, shapes: Shapes, engine: str) -> None:
    check_op(op, *shapes, engine=engine)


@pytest.mark.parametrize(("op", "shapes"), list(all_examples()))
def test_every_op_keeps_the_contract_with_all_work_cut_into_lanes(
    op: Op, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((steps, "FEW_NUMBERS"), (steps, "FEW_PRODUCTS"), (layer, "FEW_PRODUCTS")):
        monkeypatch.setattr(module, name, -1)
    check_op(op, *shapes)


@pytest.mark.parametrize("check", DECLARED, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("op", "shapes"), list(all_examples()))
def test_every_op_is_declared_as_it_should(op: Op, shapes: Shapes, check: Callable[[Op], None]) -> None:
    check(op)


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


@pytest.fixture
def scale() -> Iterator[type[Scale]]:
    """Scale as a registered op, for the length of a test."""
    yield register_op(Scale)
    OPS._members.pop("Scale")


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


def test_no_op_takes_the_name_of_one_of_ours() -> None:
    ours = OPS.find("Conv")
    impostor = type("Conv", (Scale,), {"__doc__": "another", "__qualname__": "Conv", "__module__": "__main__"})
    with pytest.raises(DefinitionError, match=r"^the op name 'Conv' is minigraph's own; expected another name$"):
        register_op(impostor)
    assert OPS.find("Conv") is ours


@pytest.mark.usefixtures("scale")
def test_an_op_that_a_notebooks_cell_defines_anew_takes_the_place_of_the_earlier_one() -> None:
    anew = type("Scale", (Scale,), {"__doc__": "better", "__qualname__": "Scale", "__module__": "__main__"})
    register_op(anew)
    assert OPS.find("Scale") is anew


def test_an_unknown_op_is_named_with_the_nearest_one() -> None:
    with pytest.raises(DefinitionError, match=r"unknown op 'Relu'; expected one of .*; did you mean 'ReLU'\?"):
        OPS.find("Relu")


@pytest.mark.parametrize(("op", "shapes"), list(all_examples()))
def test_each_input_gets_an_error_in_memory_of_its_own(op: Op, shapes: Shapes) -> None:
    trial = Trial.of(op, shapes)
    arrays = [*trial.backward().inputs, trial.error]
    assert not any(np.shares_memory(one, other) for one, other in combinations(arrays, 2))
