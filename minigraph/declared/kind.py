"""What a declared class shows of itself: to type checkers, to ``inspect`` and ``help``, not pydantic's insides."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, dataclass_transform, get_type_hints

from pydantic import BaseModel, Field
from pydantic._internal._model_construction import ModelMetaclass
from pydantic.fields import FieldInfo

FOREIGN = "foreign"
"""Under this key a field's ``json_schema_extra`` has what other frameworks call the field."""


def also_called(*names: str) -> dict[str, Any]:
    """The ``json_schema_extra`` of a field that other frameworks call so: who writes that is told our name."""
    return {FOREIGN: list(names)}


def attribute(default: Any, doc: str, *, foreign: tuple[str, ...] = (), **bounds: Any) -> Any:
    """A field of an op, with its default; one without a default is :func:`required`.

    Args:
        default: its value where none is given.
        doc: one line about it, shown by ``ops``, ``help`` and in error texts.
        foreign: what other frameworks call it; who writes that is told our name.
        bounds: of a number: ``gt``, ``ge``, ``lt``, ``le``.
    """
    return Field(default, description=doc, json_schema_extra=also_called(*foreign), **bounds)


def required(doc: str, *, foreign: tuple[str, ...] = (), **bounds: Any) -> Any:
    """A field of an op that has to be given; the arguments are those of :func:`attribute`."""
    return attribute(..., doc, foreign=foreign, **bounds)


# Type checkers take whatever a field is set to for its default, unless a specifier made it; and of what a specifier is
# given they only know a default that has its keyword. So only what makes fields without a default is a specifier.
@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(required,))
class Kind(ModelMetaclass):
    """The class of declared classes."""

    @property
    def __signature__(self) -> inspect.Signature:
        """The fields as arguments by keyword."""
        fields = _fields(self)
        annotations = {name: field.annotation for name, field in fields.items()}
        types = get_type_hints(SimpleNamespace(__annotations__=annotations))  # without pydantic's metadata
        return inspect.Signature(
            [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=types[name])
                for name, field in fields.items()
            ]
        )

    @__signature__.setter
    def __signature__(self, signature: object) -> None:
        """Pydantic's own, which has its validators in it, is not kept."""

    @property
    def summary(self) -> str:
        """The class's docstring."""
        return inspect.cleandoc(vars(self)["__doc__"] or "")

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """The class's docstring and a line for each field."""
        lines = [f"    {name}: {field.description or ''}".rstrip() for name, field in _fields(self).items()]
        return "\n".join([self.summary, *(["", "Args:", *lines] if lines else [])])

    def __dir__(self) -> list[str]:
        return own_names(super().__dir__())


def own_names(names: Iterable[str]) -> list[str]:
    """Names of a declared class or of an instance, without private ones and pydantic's."""
    return sorted(name for name in {*names} - {*dir(BaseModel)} if not name.startswith("_"))


def _fields(kind: Any) -> dict[str, FieldInfo]:
    fields: dict[str, FieldInfo] = kind.model_fields
    return fields


def _default(field: FieldInfo) -> Any:
    return inspect.Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
