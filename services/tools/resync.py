"""Republishes the state of all documents, to rebuild lost copies. Knows no terminal.

Each is an event in the outbox of its document, guarded by the version, for the keepers of copies
alone. So it may be interrupted, repeated, and run while everybody works.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pymongo import MongoClient
from pymongo.database import Database

from services.accounts import bootstrap as accounts
from services.accounts.operations import users as users_operations
from services.customers import bootstrap as customers
from services.customers.operations import customers as customers_operations
from services.orders import bootstrap as orders
from services.orders import operations as orders_operations
from shared.document import Document
from shared.events.event import Event
from shared.events.outbox import OUTBOX_INDEX
from shared.mongo.client import service_database
from shared.mongo.repository import Repository
from shared.settings import Settings

AT_ONCE = 500
MAX_WAITING = 2_000
"""Documents with events that wait, beyond which no more are added.

What happens now would have to wait behind it.
"""


@dataclass(frozen=True)
class Source:
    """A collection that other services keep copies from."""

    repository: Callable[[Database[Document]], Repository]
    republished: Callable[[Document, datetime], Event]


SOURCES = {
    "accounts": Source(
        lambda database: accounts.create_context(database).users, users_operations.republished
    ),
    "customers": Source(
        lambda database: customers.create_context(database).customers,
        customers_operations.republished,
    ),
    "orders": Source(
        lambda database: orders.create_context(database).orders, orders_operations.republished
    ),
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """The progress of a service."""

    service: str
    done: int
    of: int
    """About so many there are."""
    last: str
    """The id to go on after."""


def run(
    settings: Settings,
    client: MongoClient[Document],
    services: Sequence[str],
    *,
    after: str = "",
    wait: Callable[[], None],
    at_once: int = AT_ONCE,
    max_waiting: int = MAX_WAITING,
) -> Iterator[Step]:
    """Republish all documents of these services past an id, step by step.

    `wait` is called as long as too many events wait.
    """
    for service in services:
        source = SOURCES[service]
        repository = source.repository(service_database(client, settings, service))
        done, last = 0, after
        of = repository.collection.estimated_document_count()
        yield Step(service=service, done=done, of=of, last=last)
        while True:
            while _is_full(repository, max_waiting):
                wait()
            ids = repository.republish(partial(_event, source), after=last, limit=at_once)
            if not ids:
                break
            done, last = done + len(ids), ids[-1]
            yield Step(service=service, done=done, of=max(of, done), last=last)


def _event(source: Source, document: Document) -> Event:
    return source.republished(document, datetime.now(UTC))


def _is_full(repository: Repository, most: int) -> bool:
    waiting = repository.collection.count_documents(
        {"outbox.to": {"$exists": True}},
        limit=most,
        hint=OUTBOX_INDEX.document["name"],
    )
    return waiting >= most
