"""minigraph: declared convolutional graphs that you can read, trust, train and look inside, in NumPy.

The public names, each imported from its own file when it is first used, so that ``import minigraph`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigraph import testing as testing
    from minigraph.definition import Definition as Definition
    from minigraph.errors import CallOrderError as CallOrderError
    from minigraph.errors import CheckpointError as CheckpointError
    from minigraph.errors import DataError as DataError
    from minigraph.errors import DefinitionError as DefinitionError
    from minigraph.errors import ExecutorError as ExecutorError
    from minigraph.errors import MinigraphError as MinigraphError
    from minigraph.errors import MinigraphWarning as MinigraphWarning
    from minigraph.errors import OpError as OpError
    from minigraph.errors import ShapeError as ShapeError
    from minigraph.errors import TrainingDiverged as TrainingDiverged
    from minigraph.graph.graph import Graph as Graph
    from minigraph.inside import Explanation as Explanation
    from minigraph.inside import explain as explain
    from minigraph.model.gradient_check import gradcheck as gradcheck
    from minigraph.model.model import Gradients as Gradients
    from minigraph.model.model import Model as Model
    from minigraph.model.model import load as load
    from minigraph.model.predict import predict as predict
    from minigraph.ops import Add as Add
    from minigraph.ops import AvgPool as AvgPool
    from minigraph.ops import BatchNorm as BatchNorm
    from minigraph.ops import Concat as Concat
    from minigraph.ops import Context as Context
    from minigraph.ops import Conv as Conv
    from minigraph.ops import ConvTranspose as ConvTranspose
    from minigraph.ops import Dense as Dense
    from minigraph.ops import Errors as Errors
    from minigraph.ops import Flatten as Flatten
    from minigraph.ops import GlobalAvgPool as GlobalAvgPool
    from minigraph.ops import LeakyReLU as LeakyReLU
    from minigraph.ops import MaxPool as MaxPool
    from minigraph.ops import Multiply as Multiply
    from minigraph.ops import Op as Op
    from minigraph.ops import Parameter as Parameter
    from minigraph.ops import ReLU as ReLU
    from minigraph.ops import Sigmoid as Sigmoid
    from minigraph.ops import Softmax as Softmax
    from minigraph.ops import Tanh as Tanh
    from minigraph.ops import attribute as attribute
    from minigraph.ops import register_op as register_op
    from minigraph.recipe.optimizers import SGD as SGD
    from minigraph.recipe.optimizers import Adam as Adam
    from minigraph.recipe.optimizers import AdamW as AdamW
    from minigraph.recipe.optimizers import RMSprop as RMSprop
    from minigraph.recovery import Identifiability as Identifiability
    from minigraph.recovery import Recovery as Recovery
    from minigraph.recovery import identify as identify
    from minigraph.recovery import recover as recover
    from minigraph.solvers import LBFGS as LBFGS
    from minigraph.solvers import LM as LM
    from minigraph.steps.threads import set_threads as set_threads
    from minigraph.training import History as History
    from minigraph.training.train import train as train
    from minigraph.views.plots import plot_graph as plot_graph
    from minigraph.views.summary import summary as summary

__version__ = "0.1.0"

_HOMES = {
    "definition": ("Definition",),
    "errors": (
        "CallOrderError",
        "CheckpointError",
        "DataError",
        "DefinitionError",
        "ExecutorError",
        "MinigraphError",
        "MinigraphWarning",
        "OpError",
        "ShapeError",
        "TrainingDiverged",
    ),
    "inside": ("Explanation", "explain"),
    "model.gradient_check": ("gradcheck",),
    "graph.graph": ("Graph",),
    "model.model": ("Gradients", "Model", "load"),
    "ops": (
        "Add",
        "AvgPool",
        "BatchNorm",
        "Concat",
        "Context",
        "Conv",
        "ConvTranspose",
        "Dense",
        "Errors",
        "Flatten",
        "GlobalAvgPool",
        "LeakyReLU",
        "MaxPool",
        "Multiply",
        "Op",
        "Parameter",
        "ReLU",
        "Sigmoid",
        "Softmax",
        "Tanh",
        "attribute",
        "register_op",
    ),
    "model.predict": ("predict",),
    "recipe.optimizers": ("SGD", "Adam", "AdamW", "RMSprop"),
    "recovery": ("Identifiability", "Recovery", "identify", "recover"),
    "solvers": ("LBFGS", "LM"),
    "steps.threads": ("set_threads",),
    "training": ("History",),
    "training.train": ("train",),
    "views.plots": ("plot_graph",),
    "views.summary": ("summary",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

_MODULES = ("testing",)

__all__ = sorted([*_HOME_OF, *_MODULES, "__version__"])  # built from the one list of names


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"minigraph.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'minigraph' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f"minigraph.{_HOME_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
