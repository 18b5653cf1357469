"""The tables of a definition, as strict declared classes: what may stand in each and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from minigraph.declared.base import Declared, expected
from minigraph.declared.fields import Count, Number, also_called
from minigraph.errors import Problem
from minigraph.graph.initialization import Initializer, Normal, Uniform, initializer
from minigraph.recipe.settings import TrainSection

SCHEMA_VERSION = 1

AnyInitializer = Annotated[Initializer, PlainValidator(initializer)]


class InputSection(Declared):
    """``[inputs.NAME]``: a map that the graph is given."""

    shape: Any = Field(description="[H, W] for one channel, or [C, H, W]")


class NodeSection(Declared):
    """What every ``[nodes.NAME]`` may carry; the rest are its op's attributes."""

    op: str = Field(description='the op\'s name, such as "Conv"')
    inputs: list[str] = Field(description="the names of inputs or nodes that it reads")
    trainable: bool = Field(default=True, description="false keeps its parameters as they are in training")
    share: str | None = Field(default=None, description="a node of the same op whose parameters it uses")
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


def _array_file(value: object) -> ArrayFile:
    if isinstance(value, ArrayFile):
        return value
    if isinstance(value, dict):
        return ArrayFile(**value)
    raise expected("a table with 'file'")


ArrayFiles = dict[str, Annotated[ArrayFile, PlainValidator(_array_file)]]


class Split(Declared):
    """``split = { validation = 0.1, test = 0.2 }``: shares of the samples, drawn by the seed, not to be trained on."""

    validation: Number = Field(0.0, ge=0, lt=1, description="the share that training is judged by")
    test: Number = Field(0.0, ge=0, lt=1, description="the share that is kept for the end")

    @field_validator("test")
    @classmethod
    def _leaves_some(cls, test: float, info: ValidationInfo) -> float:
        if test + info.data.get("validation", 0.0) >= 1:
            raise expected("shares of less than 1 together")
        return test


class HeldOut(Declared):
    """``validation = { file = "validation.npz" }``: samples that are not trained on, in files of their own."""

    file: str | None = Field(None, min_length=1, description="an npz with an array for each input and output")
    inputs: ArrayFiles = Field(
        default_factory=dict, description="each input's file", json_schema_extra=also_called("input")
    )
    outputs: ArrayFiles = Field(default_factory=dict, description="each output's target file")


HELD_OUT = ("validation", "test")


class DataSection(Declared):
    """``[data]``: what the graph is trained on."""

    source: Literal["teacher", "file"] = Field(
        description="teacher: the targets are the graph's answers with the teacher's parameters; file: they are read"
    )
    file: str | None = Field(None, min_length=1, description="an npz with an array for each input and output")
    samples: Count = Field(1, description="how many samples a distribution draws")
    inputs: dict[str, Annotated[ArraySource, PlainValidator(_array_source)]] = Field(
        default_factory=dict, description="each input's file or distribution", json_schema_extra=also_called("input")
    )
    outputs: ArrayFiles = Field(default_factory=dict, description="each output's target file")
    split: Split | None = Field(None, description="shares of the samples that are held out")
    validation: HeldOut | None = Field(None, description="files of samples that training is judged by")
    test: HeldOut | None = Field(None, description="files of samples that are kept for the end")
    teacher: dict[str, AnyInitializer] = Field(
        default_factory=dict, description='the teacher\'s parameters by full name, such as "conv1.kernel"'
    )


class DefinitionSections(Declared):
    """A whole definition file."""

    schema_version: int = Field(description=f"the format's version: {SCHEMA_VERSION}")
    name: str = Field(description="the graph's name")
    description: str = Field("", description="one line about it")
    dtype: Literal["float64", "float32"] = Field("float64", description="in which the graph computes")
    outputs: list[str] = Field(description="the names of the nodes whose values are the answer")
    inputs: dict[str, InputSection] = Field(
        description="the graph's inputs by name", json_schema_extra=also_called("input")
    )
    nodes: dict[str, Any] = Field(description="the graph's nodes by name")
    data: DataSection | None = Field(None, description="what it is trained on")
    train: TrainSection | None = Field(None, description="how it is trained")


def version_problems(version: object) -> list[Problem]:
    """What is wrong with a ``schema_version`` that is an integer."""
    if not isinstance(version, int) or isinstance(version, bool) or version == SCHEMA_VERSION:
        return []
    newer = (
        "; this file was made for a newer minigraph: update minigraph to read it" if version > SCHEMA_VERSION else ""
    )
    return [Problem(("schema_version",), f"found {version}; expected {SCHEMA_VERSION}{newer}")]
