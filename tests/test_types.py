"""What type checkers see of minigraph: users' code is clean under mypy --strict without plugins, and mistakes show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minigraph.declared.base import Declared
from minigraph.graph.initialization import Explicit, Normal, Scheme, Uniform
from minigraph.ops import OPS
from minigraph.recipe.losses import LOSSES
from minigraph.recipe.optimizers import OPTIMIZERS
from minigraph.recipe.schedules import SCHEDULES
from minigraph.solvers import SOLVERS
from tests.helpers import ROOT

FAMILIES = (OPS, OPTIMIZERS, SCHEDULES, LOSSES, SOLVERS)

OP = '''
import numpy as np
from numpy.typing import NDArray

import minigraph as mg

Array = NDArray[np.floating]
Shape = tuple[int, ...]


@mg.register_op
class Scale(mg.Op):
    """x times a fixed factor and a learned one."""

    factor: float = mg.attribute(1.0, "multiplies the input")

    def output_shape(self, x: Shape) -> Shape:
        return x

    def parameters(self, x: Shape) -> dict[str, mg.Parameter]:
        return {"gain": mg.Parameter(shape=(1,), default=1.0)}

    def forward(self, inputs: tuple[Array, ...], context: mg.Context) -> Array:
        return inputs[0] * self.factor * context.parameters["gain"]

    def backward(self, error: Array, inputs: tuple[Array, ...], output: Array, context: mg.Context) -> mg.Errors:
        gain = context.parameters["gain"]
        gradient = np.array([(error * inputs[0] * self.factor).sum()])
        return mg.Errors((error * self.factor * gain,), {"gain": gradient})


mg.testing.check_op(Scale(factor=2.0), (3, 6, 7))
Scale().factor.hex()
Scale(factr=2.0)  # type: ignore[call-arg]
Scale(factor="2")  # type: ignore[arg-type]
'''
"""An op of a user's own, as the documentation shows it, with types."""

USE = """
import numpy as np

import minigraph as mg

graph = mg.Graph("two_conv")
image = graph.input("image", shape=(20, 20))
conv1 = graph.add("conv1", mg.Conv(kernel_size=[3, 3], padding=[1, 0, 1, 0]), image, init={"kernel": 1.0})
conv2 = graph.add("conv2", mg.Conv(kernel_size=4, stride=(2, 1), padding="same"), conv1, trainable=False)
graph.output(conv2)
graph.save("two_conv.toml")
assert mg.Graph.load("two_conv.toml") == graph

model = mg.load("two_conv", seed=0, engine="fast", dtype="float64")
x = np.ones((20, 20))
error = 2 * (model.forward(x) - np.ones((8, 8)))
(mg.predict(model, x) ** 2).sum()
model.forward({"image": x})["conv2"].sum()
answer = mg.predict(model, {"image": x})
if isinstance(answer, dict):
    answer["conv2"].sum()
else:
    answer.sum()

gradients = model.backward(error)
gradients.parameters["conv1.kernel"].sum(), gradients.inputs["image"].sum(), gradients.errors["conv1"].sum()
model.parameters["conv1.kernel"] = model.values["conv1"][:3, :3]

for optimizer in (mg.SGD(learning_rate=3e-5), mg.Adam(betas=[0.9, 0.99]), mg.LM(), mg.LBFGS()):
    history = mg.train(model, x, np.ones((8, 8)), loss="sse", optimizer=optimizer, steps=2)
    history.loss.min()
assert mg.gradcheck(model, x).ok
print(mg.summary(graph))

mg.Conv(3)  # type: ignore[call-arg]
mg.Conv()  # type: ignore[call-arg]
mg.Conv(kernel_sze=3)  # type: ignore[call-arg]
mg.Conv(kernel_size="3")  # type: ignore[arg-type]
mg.Conv(kernel_size=3).stride = 2  # type: ignore[misc]
mg.SGD()  # type: ignore[call-arg]
"""
"""A session with graphs, models and training; each mistake below is one that has to be found."""

VALUES = {
    "kernel_size": "[3, 3]",
    "out_features": "3",
    "learning_rate": "0.1",
    "step_size": "2",
    "scheme": '"he_normal"',
    "values": "[1.0]",
}
"""For fields that have to be given."""


def constructors() -> Iterator[str]:
    """Each public declared class with what has to be given, with everything and, where it is an error, with none."""
    members = [kind for family in FAMILIES for _, kind in family.items()]
    kinds: list[type[Declared]] = [*members, Normal, Uniform, Scheme, Explicit]
    for kind in kinds:
        needed = {name: VALUES[name] for name, field in kind.model_fields.items() if field.is_required()}
        every = {name: repr(field.default) for name, field in kind.model_fields.items()} | needed
        yield f"from {kind.__module__} import {kind.__name__}"
        for given in (needed, every):
            yield f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in given.items())})"
        if needed:
            yield f"{kind.__name__}()  # type: ignore[call-arg]"


def readme() -> str:
    """The README's Python blocks one after the other. They show methods without types, as a user may write them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return "# mypy: disallow-untyped-defs=False\n" + "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each of the files: it is strict here, and what is ignored without need is an error."""
    folder = tmp_path_factory.mktemp("users")
    files = {"own_op.py": OP, "use.py": USE, "constructors.py": "\n".join(constructors()), "blocks.py": readme()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *(str(folder / name) for name in files)]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert answer.returncode in (0, 1), answer.stdout + answer.stderr
    lines = answer.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(str(folder / name))] for name in files} | {
        "": [line for line in lines if not line.startswith(str(folder))]
    }


@pytest.mark.parametrize("file", ["own_op.py", "use.py", "constructors.py", "blocks.py", ""])
def test_users_code_is_clean_and_mistakes_are_found(told: dict[str, list[str]], file: str) -> None:
    assert told[file] == []


def test_the_settings_are_strict_and_need_no_plugin() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "strict = true" in settings.partition("[tool.mypy]")[2]
    assert "plugins" not in settings
    assert (Path(ROOT) / "minigraph" / "py.typed").exists()
