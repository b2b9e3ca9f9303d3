"""Reads of one moment of a whole replica set, however long they take."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from bson import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from shared.backup import BackupFailed

log = structlog.get_logger(__name__)

_PARAMETER = "minSnapshotHistoryWindowInSeconds"
_SNAPSHOT_TOO_OLD = 239
_SNAPSHOT_UNAVAILABLE = 246
MAX_TRIES = 20


@dataclass(frozen=True)
class Moment:
    """A session whose reads all see the databases as they were at `time`."""

    session: ClientSession
    time: Timestamp


@contextmanager
def one_moment(collections: list[Collection[Any]]) -> Iterator[Moment]:
    """A moment, just now, at which all these collections can be read.

    :raises BackupFailed: the server knows no such reads, or its schema keeps changing.
    """
    client: MongoClient[Any] = collections[0].database.client
    for attempt in range(MAX_TRIES):
        with client.start_session(snapshot=True) as session:
            try:
                moment = Moment(session, _open(collections, session))
            except OperationFailure as error:
                if error.code != _SNAPSHOT_UNAVAILABLE:
                    raise _refusal(error) from error
                # A collection was made or changed a moment ago; the next moment is after that.
                time.sleep(0.1 * (attempt + 1))
                continue
            yield moment
            return
    raise BackupFailed("The schema is being changed; try again when that is done.")


def _open(collections: list[Collection[Any]], session: ClientSession) -> Timestamp:
    """Read from every collection once; the first of these reads fixes the moment of all."""
    times = [
        one.database.command({"find": one.name, "limit": 1}, session=session)["cursor"]
        for one in collections
    ]
    found: Timestamp = times[0]["atClusterTime"]
    return found


def _refusal(error: OperationFailure) -> BackupFailed:
    return BackupFailed(
        f"MongoDB gives no reads of one moment ({error.details or error}); it has to be a replica "
        "set of MongoDB 5 or later."
    )


class History:
    """Keeps the server from forgetting the past that a long backup still reads.

    By default it remembers five minutes. Remembering costs it memory and disk, so the time is
    doubled only when half of it is used up, and put back at the end.
    """

    def __init__(
        self, client: MongoClient[Any], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        self._began = clock()
        self._found: int | None = None
        self._window = self._ask()

    def keep(self) -> None:
        """Have the past remembered for longer, if need be. To be called every few seconds."""
        if self._clock() - self._began < self._window / 2:
            return
        self._found = self._window if self._found is None else self._found
        self._window *= 2
        self._set(self._window)

    def let_go(self) -> None:
        """Put back what was found, unless somebody else has changed it meanwhile."""
        if self._found is not None and self._ask() == self._window:
            self._set(self._found)

    def forgotten(self, error: OperationFailure) -> BackupFailed | None:
        """The refusal for a read that failed because its moment is forgotten; None for others."""
        if error.code != _SNAPSHOT_TOO_OLD:
            return None
        return BackupFailed(
            "The backup took longer than MongoDB remembers the past; start it with --setParameter "
            f"{_PARAMETER}={max(self._window, 300) * 4}, or make the backup when less is written."
        )

    def _ask(self) -> int:
        return int(self._client.admin.command({"getParameter": 1, _PARAMETER: 1})[_PARAMETER])

    def _set(self, seconds: int) -> None:
        try:
            self._client.admin.command({"setParameter": 1, _PARAMETER: seconds})
        except OperationFailure as error:
            # Without the right to it the backup may still end in time; if not, it says so then.
            log.warning("history_not_kept", seconds=seconds, reason=error.code)
