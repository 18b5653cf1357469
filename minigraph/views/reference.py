"""The op reference, from the ops' own classes: for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigraph.ops import OPS, Op
from minigraph.views.sections import Section, page
from minigraph.wording import counted


def op_sections(names: Iterable[str] | None = None) -> list[Section]:
    """A section for each op: what it computes, its inputs and attributes.

    Args:
        names: which ops; all when left out.

    Raises:
        DefinitionError: there is no such op.
    """
    chosen = {name: OPS.find(name) for name in names} if names is not None else dict(OPS.items())
    return [_op_section(name, op) for name, op in chosen.items()]


def ops_page() -> str:
    """The reference of all ops as a Markdown page."""
    return page(
        "Ops",
        "Made by `python cli.py ops -o docs/ops.md` from the classes in `minigraph/ops/`. Every node may also carry "
        "`inputs`,\n`trainable`, `share` and `init`.",
        op_sections(),
    )


def _op_section(name: str, op: type[Op]) -> Section:
    inputs = f"{op.min_inputs} or more inputs" if op.max_inputs is None else counted(op.min_inputs, "input")
    rows = tuple(
        (key, "required" if field.is_required() else _spell(field.default), field.description or "")
        for key, field in op.model_fields.items()
    )
    columns = ("attribute", "default", "what it is") if rows else ()
    return Section(name, f"{op.summary}\n\nReads {inputs}.", columns, rows)


def _spell(value: Any) -> str:
    if value is None:
        return "left out"
    return str(value).lower() if isinstance(value, bool) else str(value)
