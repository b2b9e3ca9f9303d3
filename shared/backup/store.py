"""Folder of backups: their names, what is unfinished, and what is removed.

A backup gets its name when it is whole, so that one that was cut off is never taken for one.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from shared.backup import BackupFailed
from shared.backup.retention import outlived
from shared.file_lock import LockHeld, locked

_UNFINISHED = ".unfinished-"
_STAMP = "%Y-%m-%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class Backup:
    """A whole backup."""

    path: Path
    made_at: datetime


@dataclass(frozen=True)
class Store:
    """The backups of one prefix in a folder, which may hold those of others as well."""

    path: Path
    prefix: str

    @contextmanager
    def unfinished(self) -> Iterator[Path]:
        """A new folder for a backup under way. It is gone in the end, unless it was finished.

        :raises BackupFailed: another backup is being made here.
        """
        # Not for everybody: a backup holds customers, password hashes and the signing keys.
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(self.path):
            for left in self.path.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left)
            folder = Path(mkdtemp(prefix=_UNFINISHED, dir=self.path))
            try:
                yield folder
            finally:
                if folder.exists():
                    shutil.rmtree(folder)

    def finish(self, folder: Path, *, now: datetime) -> Path:
        """Give a whole backup its name."""
        named = self.path / f"{self.prefix}-{now.astimezone(UTC).strftime(_STAMP)}"
        for directory in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            _sync(directory)
        folder.rename(named)
        _sync(self.path)
        return named

    def backups(self) -> list[Backup]:
        """All whole backups, the oldest first."""
        pattern = re.compile(rf"{re.escape(self.prefix)}-(\d{{4}}-\d\d-\d\dT\d{{6}}\.\d{{6}}Z)")
        found = [(pattern.fullmatch(path.name), path) for path in self.path.iterdir()]
        made = [
            Backup(path, datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC))
            for match, path in found
            if match
        ]
        return sorted(made, key=lambda backup: backup.made_at)

    def remove_outlived(self, *, daily: int, weekly: int) -> list[Path]:
        """Remove the backups that are not to be kept any more; answers with what they were."""
        backups = {backup.made_at: backup.path for backup in self.backups()}
        gone = [backups[moment] for moment in outlived(backups, daily=daily, weekly=weekly)]
        for path in gone:
            # Under its name, half a backup would be taken for a whole one.
            path = path.rename(self.path / f"{_UNFINISHED}{path.name}")
            shutil.rmtree(path)
        return gone


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder))
        except LockHeld as error:
            raise BackupFailed(
                f"Another backup is being made in {folder}; wait for it, or name another folder "
                "with TO=…"
            ) from error
        yield


def _sync(directory: Path) -> None:
    """Have a folder's list of files written to the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
