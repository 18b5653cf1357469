"""Locks: one process at a time works in a folder."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigraph.errors import DataError
from minigraph.wording import printable

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock: a file with this process's id and the time, locked by the system.

    The system lets go of it when the process ends, however it ends; what a dead process left does not block. Where the
    system has no such locks (Windows), nothing is locked.

    Raises:
        DataError: another process holds it, which the text names, or what stands in its place is no regular file.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder / LOCK
    while True:
        try:
            # No link is followed, as what it leads to would be written over.
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            raise DataError(f"{path}: cannot be opened to lock the folder: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise DataError(f"{path}: found no regular file; expected the lock of a run's folder, or none")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            os.close(handle)
            raise DataError(
                f"{folder}: in use by {printable(holder)}; expected a folder that no other run writes to"
            ) from None
        if _is_at(handle, path):
            break
        os.close(handle)  # the one before took the file away between our opening and our locking it
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
