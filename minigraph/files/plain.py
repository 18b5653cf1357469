"""Facts as JSON can hold them."""

from __future__ import annotations

from math import isfinite
from typing import Any


def plain(facts: Any) -> Any:
    """Tables, lists and values for JSON, which has no infinity: a number that is not finite becomes null."""
    if isinstance(facts, dict):
        return {key: plain(fact) for key, fact in facts.items()}
    if isinstance(facts, list | tuple):
        return [plain(fact) for fact in facts]
    return None if isinstance(facts, float) and not isfinite(facts) else facts
