"""Compiling: whether it can be had, and functions compiled quietly and once, into a cache that survives, or in memory.

Numba's cache is a pickle: it is used only in a folder that belongs to the user, or to the system's administrator, and
in which nobody else can write. A folder that cannot be read or written, a full disk, files of another processor or
version: each only means that a function is compiled anew. Numba itself is imported by what is compiled, not here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
PATIENCE = 1.0
"""Seconds of compiling after which it is told."""
TEXT = "compiling convolutions: this takes some seconds at first use"


@cache
def has_numba() -> bool:
    """Whether compiled steps can be had: Numba is installed (the extra ``compiled``) and not turned off."""
    from importlib.util import find_spec

    return not is_turned_off() and find_spec("numba") is not None


def is_turned_off() -> bool:
    """Whether ``MINIGRAPH_COMPILED=0`` forbids compiled steps."""
    return os.environ.get("MINIGRAPH_COMPILED") == "0"


def _log(text: str) -> None:
    from logging import getLogger  # which Numba has imported by then

    getLogger("minigraph").info(text)


_tell: Callable[[str], object] = _log


@contextmanager
def told_to(tell: Callable[[str], object]) -> Iterator[None]:
    """Within it ``tell`` is called when compiling takes long; elsewhere that is logged by "minigraph", as an info."""
    global _tell
    before, _tell = _tell, tell
    try:
        yield
    finally:
        _tell = before


class Watch:
    """Adds up the time of compiling, and tells once that it takes long. Numba's lock lets one thread in at a time.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds = self._last = 0.0
        self._open = 0
        self._told = False

    def note(self, begun: int) -> None:
        """A function's compilation begins (1) or has ended (-1), perhaps within that of another one."""
        now = self._clock()
        if self._open:
            self._seconds += now - self._last
        self._open, self._last = self._open + begun, now
        if self._seconds > PATIENCE and not self._told:
            self._told = True
            _tell(TEXT)


_watch = Watch()


class _QuietCache:
    """A cache whose failures mean nothing."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            found = self._cache.load_overload(signature, target)
        except Exception:  # a damaged pickle raises anything
            found = None
        if found is None:
            _watch.note(1)
        return found

    def save_overload(self, signature: Any, data: Any) -> None:
        _watch.note(-1)
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
    from numba import njit
    from numba.core.caching import FunctionCache, NullCache

    dispatcher, kept = njit(**OPTIONS, parallel=parallel)(function), NullCache()
    try:
        found = FunctionCache(function)
        os.makedirs(found.cache_path, exist_ok=True)
        kept = found if is_safe(found.cache_path) else kept
    except (RuntimeError, OSError):  # no folder can be written
        pass
    dispatcher._cache = _QuietCache(kept)
    return dispatcher
