"""Backups of whole databases as of one moment, and how they are put back. Knows no service."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called at every step with a collection, the documents done, and all documents."""


class BackupFailed(Exception):
    """A backup cannot be made, read or put back; the message says why and what to do."""


class BackupBroken(BackupFailed):
    """A backup is not as it was written; the message names the file."""


def quietly(_what: str, _done: int, _of: int) -> None:
    """Progress that nobody watches."""
