"""The tables of a definition, as strict declared classes: what may stand in each and what it means."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator

from minigraph.declared import Count, Declared, expected, from_table
from minigraph.errors import DefinitionError, Problem, did_you_mean, one_of
from minigraph.initialization import Initializer, Normal, Uniform, initializer
from minigraph.losses import LOSSES
from minigraph.optimizers import OPTIMIZERS, Optimizer

SCHEMA_VERSION = 1

AnyInitializer = Annotated[Initializer, PlainValidator(initializer)]


class InputSection(Declared):
    """``[inputs.NAME]``: a map that the graph is given."""

    shape: list[Any] = Field(description="[H, W] for one channel, or [C, H, W]")


class NodeSection(Declared):
    """What every ``[nodes.NAME]`` may carry; the rest are its op's attributes."""

    op: str = Field(description='the op\'s name, such as "Conv"')
    inputs: list[str] = Field(description="the names of inputs or nodes that it reads")
    trainable: bool = Field(True, description="false keeps its parameters as they are in training")
    share: str | None = Field(None, description="a node of the same op whose parameters it uses")
    init: dict[str, AnyInitializer] = Field(
        default_factory=dict, description="initial values by parameter: a number, an array or a table"
    )


class ArrayFile(Declared):
    """``{ file = "map.npy" }``: an array in a file of its own, or one of an npz."""

    file: str = Field(min_length=1, description="npy, npz, csv, png or jpg; relative to the definition")
    key: str | None = Field(None, description="the array's name in an npz; the input's or output's own when left out")


ArraySource = ArrayFile | Normal | Uniform


def _array_source(value: object) -> ArraySource:
    if isinstance(value, ArrayFile | Normal | Uniform):
        return value
    if isinstance(value, dict) and "file" in value:
        return ArrayFile(**value)
    if isinstance(value, dict) and "distribution" in value:
        drawn = initializer(value)
        assert isinstance(drawn, Normal | Uniform), "a table with 'distribution' is a distribution"
        return drawn
    raise expected("a table with 'file' or 'distribution'")


class DataSection(Declared):
    """``[data]``: what the graph is trained on."""

    source: Literal["teacher", "file"] = Field(
        description="teacher: the targets are the graph's answers with the teacher's parameters; file: they are read"
    )
    file: str | None = Field(None, min_length=1, description="an npz with an array for each input and output")
    samples: Count = Field(1, description="how many samples a distribution draws")
    inputs: dict[str, Annotated[ArraySource, PlainValidator(_array_source)]] = Field(
        default_factory=dict, description="each input's file or distribution"
    )
    outputs: dict[str, ArrayFile] = Field(default_factory=dict, description="each output's target file")
    teacher: dict[str, AnyInitializer] = Field(
        default_factory=dict, description='the teacher\'s parameters by full name, such as "conv1.kernel"'
    )


def _loss(value: object) -> str:
    if not isinstance(value, str) or value not in LOSSES:
        near = did_you_mean(value, LOSSES) if isinstance(value, str) else ""
        raise expected(f"{one_of(LOSSES)}{near}")
    return value


def _optimizer(value: object) -> Optimizer:
    return value if isinstance(value, Optimizer) else from_table(OPTIMIZERS, "name", value)


class TrainSection(Declared):
    """``[train]``: how the graph is trained."""

    loss: Annotated[str, PlainValidator(_loss)] = Field("sse", description="the loss's name")
    optimizer: Annotated[Optimizer, PlainValidator(_optimizer)] = Field(
        description='a table such as { name = "sgd", learning_rate = 3e-5 }'
    )
    steps: Count = Field(description="how many updates")
    seed: int = Field(0, ge=0, description="seeds the initial parameters and the drawn data")
    log_every: Count = Field(100, description="the loss is printed every so many steps")


class DefinitionSections(Declared):
    """A whole definition file."""

    common_keys: ClassVar[tuple[str, ...]] = ()

    schema_version: int = Field(description=f"the format's version: {SCHEMA_VERSION}")
    name: str = Field(description="the graph's name")
    description: str = Field("", description="one line about it")
    dtype: Literal["float64", "float32"] = Field("float64", description="in which the graph computes")
    outputs: list[str] = Field(description="the names of the nodes whose values are the answer")
    inputs: dict[str, InputSection] = Field(description="the graph's inputs by name")
    nodes: dict[str, Any] = Field(description="the graph's nodes by name")
    data: DataSection | None = Field(None, description="what it is trained on")
    train: TrainSection | None = Field(None, description="how it is trained")


def version_problems(version: int) -> list[Problem]:
    """What is wrong with a ``schema_version``."""
    if version == SCHEMA_VERSION:
        return []
    newer = (
        "; this file was made for a newer minigraph: update minigraph to read it" if version > SCHEMA_VERSION else ""
    )
    return [Problem(("schema_version",), f"found {version}; expected {SCHEMA_VERSION}{newer}")]


def read_node(table: object) -> tuple[NodeSection | None, dict[str, Any], list[Problem]]:
    """A node's common part, its op's attributes, and what is wrong with the common part."""
    if not isinstance(table, dict):
        return None, {}, [Problem((), "found no table; expected a table with 'op' and 'inputs'")]
    common = {key: value for key, value in table.items() if key in NodeSection.model_fields}
    attributes = {key: value for key, value in table.items() if key not in common}
    try:
        return NodeSection(**common), attributes, []
    except DefinitionError as error:
        return None, attributes, list(error.problems)
