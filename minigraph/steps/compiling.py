"""Compiling quietly: functions compiled once, into a cache that survives, or in memory where there can be none.

Numba's cache is a pickle: it is used only in a folder that belongs to the user, or to the system's administrator, and
in which nobody else can write. A folder that cannot be read or written, a full disk, files of another processor or
version: each only means that a function is compiled anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}


class _QuietCache:
    """A cache whose failures mean nothing."""

    def __init__(self, cache: FunctionCache) -> None:
        self._cache = cache

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            return self._cache.load_overload(signature, target)
        except Exception:  # a damaged pickle raises anything
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            self._cache.save_overload(signature, data)
        except Exception:  # a full disk, a folder that is gone
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)


def is_safe(folder: str) -> bool:
    """Whether only the user, or the system's administrator, can have written into a folder."""
    if not hasattr(os, "getuid"):
        return True
    try:
        facts = os.stat(folder)
    except OSError:
        return False
    return facts.st_uid in (os.getuid(), 0) and not facts.st_mode & 0o022


def cached(function: Callable[..., Any] | None = None, *, parallel: bool = False) -> Any:
    """Decorator: a function compiled by Numba at its first call, kept in the cache where that is safe."""
    if function is None:
        return partial(cached, parallel=parallel)
    dispatcher = njit(**OPTIONS, parallel=parallel)(function)
    try:
        cache = FunctionCache(function)
        os.makedirs(cache.cache_path, exist_ok=True)
    except (RuntimeError, OSError):  # no folder can be written
        return dispatcher
    if is_safe(cache.cache_path):
        dispatcher._cache = _QuietCache(cache)
    return dispatcher
