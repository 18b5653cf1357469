"""What is written reads back as it was: random graphs, sections, data files from another folder."""

import json
import tomllib
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.definition import Definition
from minigraph.definition.writing import to_json, to_toml
from minigraph.errors import DataError, DefinitionError, ShapeError
from minigraph.ops import OPS
from minigraph.ops.base import SchemeName
from tests.helpers import TWO_CONV, assert_exact, diamond, raises
from tests.ops.test_op_contract import EXAMPLES

# Random graphs

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
sizes = st.integers(1, 3)


def pairs(least: int = 1) -> st.SearchStrategy[Any]:
    number = st.integers(least, 3)
    return number | st.lists(number, min_size=2, max_size=2)


distributions = st.one_of(
    st.fixed_dictionaries({"distribution": st.just("normal")}, optional={"mean": numbers, "std": st.floats(0, 1e9)}),
    st.fixed_dictionaries(
        {"distribution": st.just("uniform")}, optional={"low": st.floats(-9, 0), "high": st.floats(1, 9)}
    ),
    st.fixed_dictionaries({"scheme": st.sampled_from(get_args(SchemeName))}),
)

convs = st.fixed_dictionaries(
    {"kernel_size": pairs()},
    optional={
        "out_channels": sizes,
        "stride": pairs(),
        "dilation": pairs(),
        "groups": sizes,
        "bias": st.booleans(),
        "padding": st.sampled_from(["same", "valid"]) | pairs(0) | st.lists(st.integers(0, 3), min_size=4, max_size=4),
    },
)
ops = convs.map(lambda attributes: mg.Conv(**attributes)) | st.sampled_from(
    [
        OPS.find(name)(**attributes)
        for name, examples in EXAMPLES.items()
        if name in set(OPS)
        for attributes, _ in examples
    ]
)


@st.composite
def graphs(draw: st.DrawFn) -> mg.Graph:
    """Any sound graph: up to three inputs and eight nodes, with everything that a node may carry."""
    graph = mg.Graph(draw(names), description=draw(texts), dtype=draw(st.sampled_from(["float64", "float32"])))
    pool = draw(st.lists(names, min_size=2, max_size=11, unique=True))
    for name in pool[: draw(st.integers(1, min(3, len(pool) - 1)))]:
        graph.input(name, shape=draw(st.tuples(sizes, st.integers(4, 9), st.integers(4, 9))))
    shapes = dict(graph.inputs)
    for name in pool[len(graph.inputs) :]:
        op = draw(ops)
        count = op.min_inputs if op.max_inputs == op.min_inputs else draw(st.integers(op.min_inputs, 3))
        sources = draw(st.lists(st.sampled_from(list(shapes)), min_size=count, max_size=count))
        try:
            shape = op.output_shape(*(shapes[source] for source in sources))
        except ShapeError:
            op, sources, shape = mg.ReLU(), sources[:1], shapes[sources[0]]
        init = {}
        for key, parameter in op.parameters(*(shapes[source] for source in sources)).items():
            if draw(st.booleans()):
                values = np.arange(float(np.prod(parameter.shape))).reshape(parameter.shape) / 7
                init[key] = draw(numbers | distributions | st.just(values))
        graph.add(name, op, *sources, trainable=draw(st.booleans()), init=init)
        shapes[name] = shape
    graph.output(*draw(st.lists(st.sampled_from(list(graph.nodes)), min_size=1, unique=True)))
    return graph


@pytest.mark.parametrize("suffix", ["toml", "json"])
@settings(max_examples=150)
@given(graph=graphs())
def test_every_graph_reads_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, graph: mg.Graph
) -> None:
    path = tmp_path_factory.getbasetemp() / f"graph.{suffix}"
    graph.save(path)
    again = mg.Graph.load(path)
    assert again == graph
    assert (again.order, again.shapes) == (graph.order, graph.shapes)
    assert list(again.parameters) == list(graph.parameters)
    again.save(path.with_name(f"again.{suffix}"))
    assert path.with_name(f"again.{suffix}").read_bytes() == path.read_bytes()


plain: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(table=st.dictionaries(names.map("a_{}".format), plain, max_size=4))
def test_any_values_are_written_as_toml_and_json_that_say_the_same(table: dict[str, Any]) -> None:
    tables = {"name": "any", "inputs": {}, "nodes": {"node": {"op": "ReLU", **table}}}
    written = tomllib.loads(to_toml(tables))
    assert written.get("nodes") == tables["nodes"]
    assert json.loads(to_json(tables)) == tables


# Sections and files


def test_the_bundled_definition_reads_back_with_all_its_sections(tmp_path: Path) -> None:
    first = Definition.load("two_conv")
    for suffix in ("toml", "json"):
        first.save(tmp_path / f"again.{suffix}")
        again = Definition.load(tmp_path / f"again.{suffix}")
        assert again.graph == first.graph
        assert again.train == first.train
        assert again.data is not None
        assert first.data is not None
        assert again.data.teacher == first.data.teacher


EVERYTHING = """
[data]
source = "file"
file = "pairs.npz"
split = { validation = 0.25 }
test = { inputs = { image = { file = "x.npy" } }, outputs = { conv2 = { file = "y.npz", key = "y" } } }
[train]
loss = { name = "huber", delta = 0.5 }
loss_weights = { conv2 = 2.0 }
optimizer = { name = "adam", learning_rate = 0.01, betas = [0.8, 0.99] }
schedule = { name = "step", step_size = 3, warmup = 2 }
clip_norm = 1.0
epochs = 4
batch_size = 2
metrics = ["mae", "psnr"]
evaluate_every = 3
patience = 2
checkpoint_every = 5
seed = 7
log_every = 9
"""


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_every_setting_reads_back(suffix: str, tmp_path: Path) -> None:
    text = TWO_CONV.read_text(encoding="utf-8")
    (tmp_path / "all.toml").write_text(text[: text.index("# The targets")] + EVERYTHING)
    first = Definition.load(tmp_path / "all.toml")
    first.save(tmp_path / f"again.{suffix}")
    again = Definition.load(tmp_path / f"again.{suffix}")
    assert (again.data, again.train) == (first.data, first.train)
    assert first.train is not None
    assert first.train.model_fields_set >= set(type(first.train).model_fields) - {"steps"}


def test_names_of_data_files_hold_from_the_new_folder(tmp_path: Path) -> None:
    (tmp_path / "old" / "sub").mkdir(parents=True)
    (tmp_path / "new").mkdir()
    np.save(tmp_path / "old" / "sub" / "map.npy", np.arange(20.0).reshape(4, 5))
    np.save(tmp_path / "absolute.npy", np.ones((4, 5)))
    (tmp_path / "old" / "a.toml").write_text(
        'schema_version = 1\nname = "a"\noutputs = ["relu"]\n[inputs.x]\nshape = [4, 5]\n'
        '[nodes.relu]\nop = "ReLU"\ninputs = ["x"]\n[data]\nsource = "file"\n'
        'inputs.x = { file = "sub/map.npy" }\n'
        f"outputs.relu = {{ file = {json.dumps(str(tmp_path / 'absolute.npy'))} }}\n"
    )
    Definition.load(tmp_path / "old" / "a.toml").save(tmp_path / "new" / "b.json")
    again = Definition.load(tmp_path / "new" / "b.json")
    assert again.data is not None
    source: Any = again.data.inputs["x"]
    assert source.file == "../old/sub/map.npy"
    data = load_data(again, "float64", 0)
    assert_exact(data.inputs["x"], np.arange(20.0).reshape(4, 5))
    assert_exact(data.targets["relu"], np.ones((4, 5)))


def test_a_saved_definition_trains_to_the_same_loss(tmp_path: Path) -> None:
    Definition.load("two_conv").save(tmp_path / "again.toml")
    losses = []
    for definition in (Definition.load(TWO_CONV), Definition.load(tmp_path / "again.toml")):
        data = load_data(definition, "float64", 15)
        assert definition.train is not None
        history = mg.train(
            mg.Model(definition.graph, seed=15),
            data.inputs,
            data.targets,
            loss=definition.train.loss,
            optimizer=definition.train.optimizer,
            steps=20,
        )
        losses.append(history.loss.tolist())
    assert losses[0] == losses[1]


def test_toml_is_written_as_a_person_would_write_it(tmp_path: Path) -> None:
    graph = mg.Graph("small", description='a "small" graph')
    graph.input("x", shape=(9, 8))
    graph.input("y", shape=(2, 3, 4))
    init = {"kernel": {"scheme": "he_uniform"}, "bias": 0.5}
    graph.add("conv", mg.Conv(kernel_size=(3, 3), stride=[2, 1], padding="same"), "x", init=init)
    graph.add("relu", mg.ReLU(), "conv", trainable=False)
    graph.output("relu", "conv")
    graph.save(tmp_path / "a.toml")
    assert (tmp_path / "a.toml").read_text() == (
        "schema_version = 1\n"
        'name = "small"\n'
        'description = "a \\"small\\" graph"\n'
        'outputs = ["relu", "conv"]\n'
        "\n"
        "[inputs.x]\n"
        "shape = [9, 8]\n"
        "\n"
        "[inputs.y]\n"
        "shape = [2, 3, 4]\n"
        "\n"
        "[nodes.conv]\n"
        'op = "Conv"\n'
        'inputs = ["x"]\n'
        "kernel_size = 3\n"
        "stride = [2, 1]\n"
        'padding = "same"\n'
        'init.kernel = { scheme = "he_uniform" }\n'
        "init.bias = 0.5\n"
        "\n"
        "[nodes.relu]\n"
        'op = "ReLU"\n'
        'inputs = ["conv"]\n'
        "trainable = false\n"
    )


def test_a_long_array_has_a_line_for_each_row(tmp_path: Path) -> None:
    kernel = (np.arange(64.0).reshape(8, 8) / 7).tolist()
    graph = mg.Graph("long")
    graph.input("x", shape=(9, 8))
    graph.output(graph.add("conv", mg.Conv(kernel_size=8), "x", init={"kernel": kernel}))
    graph.save(tmp_path / "a.toml")
    text = (tmp_path / "a.toml").read_text()
    assert "init.kernel = [\n    [0.0, 0.14285714285714285, " in text
    assert mg.Graph.load(tmp_path / "a.toml") == graph


def test_another_ending_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with raises(DefinitionError, f"{tmp_path / 'a.yaml'}: found a name that ends in '.yaml'; expected .toml or .json"):
        diamond().save(tmp_path / "a.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_is_not_sound_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="the graph has no output"):
        mg.Graph("empty").save(tmp_path / "a.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.toml"
    with raises(DataError, f"{path}: cannot be written: No such file or directory"):
        diamond().save(path)


def test_a_description_that_is_no_unicode_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"schema_version": 1, "name": "a", "description": "\\ud800", "outputs": ["relu"], "inputs": {"x": {"shape": '
        '[4, 5]}}, "nodes": {"relu": {"op": "ReLU", "inputs": ["x"]}}}'
    )
    with pytest.raises(mg.MinigraphError):
        Definition.load(tmp_path / "a.json").save(tmp_path / "b.toml")
