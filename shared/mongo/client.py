"""MongoDB client of a process: time-outs, outages, deadlines. Knows no collection."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pymongo
import structlog
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern

from shared.document import Document
from shared.mongo import logins
from shared.settings import Settings

log = structlog.get_logger(__name__)

_NOT_YET_INITIALIZED = 94
_ALREADY_INITIALIZED = 23

# By the drivers' specification of retryable writes: what a server answers that is no primary any
# more, shuts down, or has lost the others. Inside a bulk write it comes as an error like any other.
_TRANSIENT = frozenset({6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
_TIME_IS_UP = 50

ANSWER_SECONDS = 10.0
"""The time that a request may take in the database, over all its operations.

Longer than a new primary needs to be elected when the old one has died, mostly; and short enough
to refuse, when one merely hangs, before the caller does.
"""


LOCAL_READS = ReadConcern("local")
"""To read what the primary has now, whether or not a majority is known to have it.

For what is computed from a write that was just acknowledged. A primary that was elected a moment
ago has that write, but does not know yet that a majority does, and would leave it out. What is read
so may still be taken back: it may only go into a write for a majority, out of an event that comes
again if it was.
"""


def connect(
    settings: Settings,
    *,
    patient: bool = False,
    listeners: Sequence[CommandListener] = (),
    login: logins.Login | None = None,
) -> MongoClient[Document]:
    """A client for the settings' server. It connects on first use, in the process that uses it.

    A `patient` one waits for any answer, such as that to building an index over everything.
    `listeners` are called for every command it sends. It signs in as the settings' user, unless
    another `login` is given.
    """
    return MongoClient(
        settings.mongo_url,
        **(logins.as_user(settings) if login is None else login),
        event_listeners=list(listeners),
        # An acknowledged write must survive the loss of the primary.
        w="majority",
        # Nor may anybody act on what could still be taken back: an event that was seen as done, by
        # a worker whose primary was lost right then, would be confirmed and its effect be missing.
        readConcernLevel="majority",
        # A write whose answer was lost with the primary is made once more, and only once.
        retryWrites=True,
        # Naive datetimes would be read as local time by whoever forgets that they are UTC.
        tz_aware=True,
        # Without these a primary that stops answering (not one that dies) holds a request for
        # half a minute; a new primary is elected within about twelve seconds.
        connectTimeoutMS=5_000,
        heartbeatFrequencyMS=5_000,
        serverSelectionTimeoutMS=15_000,
        socketTimeoutMS=None if patient else 30_000,
        # A request that finds no free connection is refused instead of queueing for ever.
        waitQueueTimeoutMS=5_000,
        maxPoolSize=50,
    )


def deadline() -> AbstractContextManager[None]:
    """Limits the work inside it to `ANSWER_SECONDS` of waiting for the database, altogether.

    What is still under way then raises an error that `is_outage` knows.
    """
    return pymongo.timeout(ANSWER_SECONDS)


def is_outage(error: PyMongoError) -> bool:
    """True if the database did not answer in time, or cannot promise what it wrote.

    Such a write may have been made or not. It must not pass for one that was acknowledged.
    """
    if isinstance(error, ConnectionFailure | CursorNotFound | WriteConcernError):
        return True
    if isinstance(error, BulkWriteError):
        failures = error.details["writeErrors"]
        return bool(error.details["writeConcernErrors"]) or any(
            _is_transient(failure["code"]) for failure in failures
        )
    return isinstance(error, OperationFailure) and _is_transient(error.code)


def write_errors(error: BulkWriteError) -> list[Document]:
    """The failures of a bulk write, if the database has answered to all its parts.

    :raises BulkWriteError: it did not.
    """
    if is_outage(error):
        raise error
    failures: list[Document] = error.details["writeErrors"]
    return failures


def _is_transient(code: int | None) -> bool:
    return code == _TIME_IS_UP or code in _TRANSIENT


def service_database(
    client: MongoClient[Document], settings: Settings, service: str
) -> Database[Document]:
    """The database that `service` owns."""
    return client[f"{settings.database_prefix}_{service}"]


def wait_for_primary(
    settings: Settings, *, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when the server takes writes, making it a one-member replica set if it is none yet.

    Containers start in any order, so a server that is late is waited for.

    :raises ConnectionFailure: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            _initiate(settings)
            with MongoClient[Document](
                settings.mongo_url, serverSelectionTimeoutMS=2_000
            ) as client:
                client.admin.command("ping")
                if client.is_primary or client.primary is not None:
                    return
                raise ConnectionFailure("no primary yet")
        except ConnectionFailure as error:
            if time.monotonic() > deadline:
                raise
            log.info("mongodb_awaited", reason=str(error)[:200])
            sleep(0.5)


def _initiate(settings: Settings) -> None:
    """Make the first host of the URL a one-member replica set, if it belongs to none."""
    with MongoClient[Document](settings.mongo_url, connect=False) as named:
        seeds, name = sorted(named._topology_settings.seeds), named.options.replica_set_name
    if not name or len(seeds) != 1:
        return
    host, port = seeds[0]
    key = logins.server_key(settings)
    with MongoClient[Document](
        host,
        port or 27017,
        directConnection=True,
        serverSelectionTimeoutMS=2_000,
        **(logins.as_server(key) if key else {}),
    ) as direct:
        try:
            direct.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                return
            member = {"_id": 0, "host": f"{host}:{port or 27017}"}
            try:
                direct.admin.command("replSetInitiate", {"_id": name, "members": [member]})
            except OperationFailure as initiated:
                if initiated.code != _ALREADY_INITIALIZED:
                    raise
            log.info("replica_set_initiated", name=name, host=member["host"])


def is_reachable(client: MongoClient[Document]) -> bool:
    """True if the server answers within two seconds, and takes writes."""
    try:
        # Over all: the server's own limit does not count the wait for one that is not there.
        with pymongo.timeout(2):
            answer = client.admin.command("hello")
    except PyMongoError:
        return False
    return bool(answer.get("isWritablePrimary"))
