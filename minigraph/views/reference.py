"""The op reference, from the ops' own classes: for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigraph.ops import OPS, Op


def op_reference(names: Iterable[str] | None = None) -> str:
    """A section for each op: what it computes, its inputs and attributes.

    Args:
        names: which ops; all when left out.

    Raises:
        DefinitionError: there is no such op.
    """
    chosen = {name: OPS.find(name) for name in names} if names is not None else dict(OPS.items())
    return "\n\n".join(_section(name, op) for name, op in chosen.items())


def markdown_reference() -> str:
    """The reference of all ops as a Markdown page."""
    return (
        "# Ops\n\nMade by `python cli.py ops -o docs/ops.md` from the classes in `minigraph/ops/`. Every node may also "
        "carry `inputs`,\n`trainable`, `share` and `init`.\n\n" + op_reference() + "\n"
    )


def _section(name: str, op: type[Op]) -> str:
    if op.max_inputs is None:
        inputs = f"{op.min_inputs} or more inputs"
    else:
        inputs = f"{op.min_inputs} input" + "s" * (op.min_inputs != 1)
    lines = [f"## {name}", "", op.summary, "", f"Reads {inputs}."]
    if op.model_fields:
        lines += ["", "| attribute | default | what it is |", "|---|---|---|"]
        for key, field in op.model_fields.items():
            default = "required" if field.is_required() else _spell(field.default)
            lines.append(f"| {key} | {default} | {field.description or ''} |")
    return "\n".join(lines)


def _spell(value: Any) -> str:
    if value is None:
        return "left out"
    return str(value).lower() if isinstance(value, bool) else str(value)
