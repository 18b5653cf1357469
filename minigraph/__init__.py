"""minigraph: declared convolutional graphs that you can read, trust, train and look inside, in NumPy.

help(minigraph.NAME) says more of each name.

Declare a graph:
    Graph             inputs, nodes and outputs by name: input, add, output, save, load
    Definition        a whole definition file: the graph, its data and how it is trained
    summary           a graph's table: shapes, parameters, costs
    plot_graph        a graph's picture, in a file

Ops:
    Conv              cross-correlation with learned kernels
    ConvTranspose     its backward pass as an op: larger maps from smaller ones
    Dense             every output sums all inputs
    BatchNorm         each channel to mean 0 and variance 1, scaled and shifted
    ReLU              max(x, 0)
    LeakyReLU         x where x > 0, else slope * x
    Sigmoid           1 / (1 + exp(-x))
    Tanh              tanh(x)
    Softmax           shares that add up to 1, along an axis
    MaxPool           the largest value under each window
    AvgPool           the mean under each window
    GlobalAvgPool     each channel's mean
    Add               the sum of two or more maps
    Multiply          their product
    Concat            maps one after the other along an axis
    Flatten           a map as a vector

Compute:
    Model             a graph with parameters: forward, backward, values, save, load_weights
    load              a model of a definition file, a bundled definition or a run's folder
    Gradients         what backward answers
    predict           a model's answers to any number of samples
    gradcheck         every gradient against central differences
    set_threads       how many threads share large work

Train:
    train             fit a model's parameters to a target
    History           what train answers: the losses and evaluations
    SGD               gradient descent, with or without momentum
    Adam              steps scaled by running means of gradient and square
    AdamW             Adam that shrinks the parameters themselves
    RMSprop           steps scaled by the running mean square
    LM                Levenberg-Marquardt, for sums of squares
    LBFGS             quasi-Newton steps, for sums of squares

Look inside:
    explain           one training step of a model, taken apart into steps
    Explanation       what explain answers, by node

Recover:
    recover           the kernels that made the data, with a verdict
    Recovery          what recover answers
    identify          beforehand: what the data can tell
    Identifiability   what identify answers

An op of your own:
    Op                its base; help(minigraph.Op) has an example
    register_op       makes it known to definitions
    attribute         a field with a default
    required          a field without one
    Parameter         a learned array: its shape and how it begins
    Context           what forward and backward are lent
    Errors            what backward answers
    testing           check_op: does it keep the contract of ops?
    Array             the type of arrays
    Shape             the type of shapes, (C, H, W) or (F,)

Errors:
    MinigraphError    the base of them all
    DefinitionError   a graph, a definition or a setting is wrong
    ShapeError        shapes do not fit
    DataError         an array or a data file is wrong
    CheckpointError   weights or a checkpoint do not fit
    CallOrderError    backward or values before forward
    OpError           an op returns what it may not
    ExecutorError     the workers cannot be reached any more
    TrainingDiverged  the loss is not finite, or beyond reason
    MinigraphWarning  what a user should know, and no error
"""

# Each name is imported from its own file when it is first used, so that `import minigraph` is quick.

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigraph import testing as testing
    from minigraph.arrays import Array as Array
    from minigraph.arrays import Shape as Shape
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
    from minigraph.ops import required as required
    from minigraph.recipe.optimizers import SGD as SGD
    from minigraph.recipe.optimizers import Adam as Adam
    from minigraph.recipe.optimizers import AdamW as AdamW
    from minigraph.recipe.optimizers import RMSprop as RMSprop
    from minigraph.recovery import Identifiability as Identifiability
    from minigraph.recovery import Recovery as Recovery
    from minigraph.recovery import identify as identify
    from minigraph.recovery import recover as recover
    from minigraph.runs.loading import load as load
    from minigraph.solvers import LBFGS as LBFGS
    from minigraph.solvers import LM as LM
    from minigraph.steps.threads import set_threads as set_threads
    from minigraph.training import History as History
    from minigraph.training.train import train as train
    from minigraph.views.plots import plot_graph as plot_graph
    from minigraph.views.summary import summary as summary

__version__ = "0.1.0"

_HOMES = {
    "arrays": ("Array", "Shape"),
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
    "model.model": ("Gradients", "Model"),
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
        "required",
    ),
    "model.predict": ("predict",),
    "recipe.optimizers": ("SGD", "Adam", "AdamW", "RMSprop"),
    "recovery": ("Identifiability", "Recovery", "identify", "recover"),
    "runs.loading": ("load",),
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
