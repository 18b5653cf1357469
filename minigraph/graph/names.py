"""Names: which ones inputs and nodes may have, and how a name that is unknown or cannot be used is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from minigraph.errors import Problem
from minigraph.ops.base import Parameter
from minigraph.wording import KeyPath, describe, did_you_mean, one_of

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

FOREIGN_PARAMETERS = {
    "weight": ("kernel", "scale"),
    "gamma": ("scale",),
    "beta": ("bias",),
    **dict.fromkeys(("running_mean", "moving_mean"), ("mean",)),
    **dict.fromkeys(("running_var", "moving_variance"), ("variance",)),
}
"""What PyTorch and Keras call parameters and state, with our names for them."""


def name_problems(path: KeyPath, name: object) -> list[Problem]:
    """What is wrong with a name; nothing, when it is letters, digits and underscores as it should be."""
    if isinstance(name, str) and NAME.fullmatch(name):
        return []
    return [
        Problem(
            path,
            f"found {describe(name)}; expected a name of 1 to 64 letters, digits and underscores that does not "
            "begin with a digit",
            on="key" if len(path) > 1 else "value",
        )
    ]


def unknown_name(name: object, known: Collection[str], kind: str) -> str:
    """The text about a name that is no ``kind`` ("node", "input or node")."""
    near = did_you_mean(name, known) if isinstance(name, str) else ""
    return f"unknown {kind} '{name}'; expected {one_of(known, name) if known else 'none'}{near}"


def called_here(name: str, known: Collection[str]) -> str | None:
    """The one of ``known``, full names or an op's own, that another framework's name such as "c1.weight" stands for."""
    node, dot, word = name.rpartition(".")
    names = (f"{node}{dot}{ours}" for ours in FOREIGN_PARAMETERS.get(word, ()))
    return next((ours for ours in names if ours in known), None)


def meant_parameter(name: str, known: Collection[str]) -> str:
    """The end of a text about an unknown parameter: what it is called here, or what was probably meant."""
    ours = called_here(name, known)
    return f"; here it is called '{ours}'" if ours else did_you_mean(name, known)


def unknown_parameter(path: KeyPath, name: str, known: Collection[str], op: str) -> Problem:
    """The problem of an initialiser for a parameter that the op has not."""
    has = f"expected {one_of(known)}" if known else f"{op} has none"
    return Problem(path, f"unknown parameter '{name}'; {has}{meant_parameter(name, known)}", on="key")


def full_names(by_node: Mapping[str, dict[str, Parameter]]) -> dict[str, Parameter]:
    """What nodes have by name, by full names such as ``conv1.kernel``."""
    return {f"{node}.{name}": item for node, items in by_node.items() for name, item in items.items()}
