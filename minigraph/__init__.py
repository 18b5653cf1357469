"""minigraph: declared convolutional graphs that you can read, trust, train and look inside, in NumPy.

A graph is built in code or read from a definition, a model has its parameters, and training fits them::

    import minigraph as mg

    graph = mg.Graph("edges")
    image = graph.input("image", shape=(20, 20))
    graph.output(graph.add("conv", mg.Conv(kernel_size=3), image))
    model = mg.Model(graph, seed=0)
    history = mg.train(model, x, target, optimizer=mg.SGD(learning_rate=3e-5), steps=500)

Graphs and models
    Graph            nodes, joined by name, between inputs and outputs
    Definition       a definition file: a graph with its data and its training
    Model            a graph with parameters: forward, backward, values
    load             a model of a definition file, or of a bundled definition by its name
    predict          a model's answers to any number of samples, batch by batch
    Gradients        what Model.backward answers
    summary          the table of a graph
    plot_graph       a picture of a graph

Ops (their attributes: help(mg.Conv), or docs/ops.md)
    Conv             cross-correlation with learned kernels
    ConvTranspose    its transpose, which makes maps larger
    Dense            every output sums all inputs
    Flatten          a map as a vector
    BatchNorm        each channel with mean 0 and variance 1, then scaled
    MaxPool          the largest entry of each window
    AvgPool          the mean of each window
    GlobalAvgPool    the mean of each channel
    ReLU             max(x, 0)
    LeakyReLU        ReLU with a small slope below 0
    Sigmoid          1 / (1 + exp(-x))
    Tanh             tanh(x)
    Softmax          numbers above 0 whose sum is 1
    Add              the sum of two or more inputs
    Multiply         the product of two or more inputs
    Concat           inputs side by side

Training
    train            fits a model's parameters to inputs and targets
    History          what train answers: the losses and evaluations
    SGD              gradient descent, with momentum if you like
    Adam             steps by running means of gradient and square
    AdamW            Adam whose weight decay shrinks the parameters themselves
    RMSprop          steps by a running mean of the square
    LM               Levenberg-Marquardt, for sums of squares and few parameters
    LBFGS            quasi-Newton steps, from gradients alone

Trust and recovery
    gradcheck        compares every gradient with central differences
    recover          finds the kernels that made the data, from many starts, with a verdict
    Recovery         what recover answers
    identify         what the data can tell about the parameters
    Identifiability  what identify answers
    set_threads      how many threads are used

Ops of your own (help(mg.Op) shows one)
    Op               base of all ops
    attribute        a setting of an op
    Parameter        a learned array of an op
    Errors           what an op's backward answers
    Context          what an op's forward and backward are lent
    register_op      makes an op usable in graphs and definitions
    testing          testing.check_op proves that an op keeps the rules

Errors, each also the built-in that fits
    MinigraphError   base of all that a user can mend
    DefinitionError  a graph or a definition is wrong
    ShapeError       shapes do not fit
    DataError        an array or a data file is wrong
    CheckpointError  saved weights or a checkpoint do not fit
    CallOrderError   backward or values before forward
    OpError          an op returns what it may not
    ExecutorError    workers or a scheduler cannot be reached
    TrainingDiverged the loss is not finite, or beyond reason

Each name is imported from its own file when it is first used, so that ``import minigraph`` is quick.
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
    from minigraph.errors import OpError as OpError
    from minigraph.errors import ShapeError as ShapeError
    from minigraph.errors import TrainingDiverged as TrainingDiverged
    from minigraph.graph.graph import Graph as Graph
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
        "OpError",
        "ShapeError",
        "TrainingDiverged",
    ),
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
