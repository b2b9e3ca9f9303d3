"""Locks a file or a folder against other processes of this machine. Knows no use of it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockHeld(Exception):
    """Another process holds the lock."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder
        """The process id of the holder. Empty for a folder, in which nothing can be noted."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a folder, or of a file, which is made if need be and names the holder.

    :raises LockHeld: another process holds it.
    :raises OSError: the file cannot be made or opened.
    """
    is_file = not path.is_dir()
    handle = os.open(path, os.O_RDWR | os.O_CREAT if is_file else os.O_RDONLY, 0o600)
    try:
        _take(handle, is_file=is_file)
        yield
    finally:
        os.close(handle)


def _take(handle: int, *, is_file: bool) -> None:
    try:
        # The kernel releases it when this process ends, in whatever way; no stale lock is left.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 20).decode(errors="replace") if is_file else ""
        raise LockHeld(holder) from error
    if is_file:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
