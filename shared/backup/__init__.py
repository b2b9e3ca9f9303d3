"""Backups of whole databases as of one moment, and how they are put back. Knows no service."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told of every step: of which collection, how many documents are done, and of how many."""


class BackupFailed(Exception):
    """A backup cannot be made, read or put back; the message says why and what to do."""


class BackupBroken(BackupFailed):
    """A backup is not as it was written; the message names the file."""


def quietly(_what: str, _done: int, _of: int) -> None:
    """Progress that nobody watches."""
