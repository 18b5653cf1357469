"""The tables of a definition, as strict declared classes: what may stand in each and what it means."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from minigraph.declared.base import Declared, expected
from minigraph.declared.fields import Count, Number, also_called
from minigraph.errors import Problem
from minigraph.graph.initialization import Explicit, Initializer, Normal, Uniform, initializer
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
    trainable: bool = Field(True, description="false keeps its parameters as they are in training")
    share: str | None = Field(None, description="a node of the same op whose parameters it uses")
    init: dict[str, AnyInitializer] = Field(
        default_factory=dict, description="initial values by parameter: a number, an array or a table"
    )


COLUMNS = re.compile(r"\s*(-?\d+)\s*|\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
"""A column's number, or a slice of columns."""


def _columns(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and len(text) < 40 and COLUMNS.fullmatch(text):
        return text.replace(" ", "")
    raise expected("a column counted from 0, or columns as a slice such as '1:' or '1:785'")


Columns = Annotated[
    str,
    PlainValidator(_columns),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": f"^(?:{COLUMNS.pattern})$"}]}),
]


def _sound_path(path: str) -> str:
    if any(ord(letter) < 32 for letter in path):
        raise expected("a path without tabs and line ends: \\t and the like are one letter, so write \\\\ or /")
    return path


FilePath = Annotated[str, Field(min_length=1), AfterValidator(_sound_path)]
"""A file's path; what a backslash has made of ``"data\\train.csv"`` is told."""


class ArrayFile(Declared):
    """``{ file = "map.npy" }``: an array in a file of its own, or one of an npz."""

    file: FilePath = Field(description="npy, npz, csv, png or jpg; relative to the definition")
    key: str | None = Field(None, description="the array's name in an npz; the input's or output's own when left out")
    columns: Columns | None = Field(
        None, description="of a csv with a sample in each row: the columns that are read, such as '1:', counted from 0"
    )


ArraySource = ArrayFile | Explicit | Normal | Uniform
GivenArray = ArrayFile | Explicit


def _array_source(value: object) -> ArraySource:
    if isinstance(value, Normal | Uniform):
        return value
    if isinstance(value, dict) and "file" not in value:
        if "distribution" not in value:
            raise expected("a table with 'file' or 'distribution', or an array of numbers")
        drawn = initializer(value)
        assert isinstance(drawn, Normal | Uniform), "a table with 'distribution' is a distribution"
        return drawn
    return _given_array(value, "a table with 'file' or 'distribution', or an array of numbers")


def _given_array(value: object, wanted: str = "a table with 'file', or an array of numbers") -> GivenArray:
    if isinstance(value, ArrayFile | Explicit):
        return value
    if isinstance(value, dict):
        return ArrayFile(**value)
    if isinstance(value, list | tuple | np.ndarray):
        array = initializer(value)
        assert isinstance(array, Explicit), "an array stands for itself"
        return array
    raise expected(wanted)


ArraysGiven = dict[str, Annotated[GivenArray, PlainValidator(_given_array)]]


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

    file: FilePath | None = Field(None, description="an npz with an array for each input and output")
    inputs: ArraysGiven = Field(
        default_factory=dict, description="each input's file or array", json_schema_extra=also_called("input")
    )
    outputs: ArraysGiven = Field(default_factory=dict, description="each output's target file or array")


HELD_OUT = ("validation", "test")
ARRAYS = ("inputs", "outputs", "samples", "teacher")
"""The keys of [data] that say where the arrays come from, beside 'source' and 'file'."""


def _class_names(value: object) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, list | tuple) else ()
    if names and all(isinstance(name, str) and name.strip() for name in names) and len({*names}) == len(names):
        return names
    raise expected('an array of different names, such as ["cat", "dog"]')


Classes = Annotated[
    tuple[str, ...],
    PlainValidator(_class_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}),
]


class DataSection(Declared):
    """``[data]``: what the graph is trained on."""

    source: Literal["teacher", "file"] = Field(
        description="teacher: the targets are the graph's answers with the teacher's parameters; file: they are read"
    )
    file: FilePath | None = Field(None, description="an npz with an array for each input and output")
    samples: Count = Field(1, description="how many samples a distribution draws")
    inputs: dict[str, Annotated[ArraySource, PlainValidator(_array_source)]] = Field(
        default_factory=dict,
        description="each input's file, array or distribution",
        json_schema_extra=also_called("input"),
    )
    outputs: ArraysGiven = Field(default_factory=dict, description="each output's target file or array")
    classes: Classes | None = Field(
        None, description="the names of the classes, in the order of their numbers, for pictures and predictions"
    )
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
