"""Subscriptions of customers: the journal is the same however events come, on the real server."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.customers import worker
from services.customers.repository.journal import JournalRepository
from shared.document import Document
from shared.events.contracts import (
    ConsentChanged,
    CustomerChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    OrderState,
)
from shared.events.event import Event
from shared.identifiers import new_id
from shared.settings import load

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
THREADS = 8
STEPS: dict[str, type[OrderState]] = {
    "placed": OrderPlaced,
    "paid": OrderPaid,
    "shipped": OrderShipped,
    "cancelled": OrderCancelled,
}


class TestJournal:
    def test_is_the_same_however_its_events_come(
        self, database: Database[Document], journal: JournalRepository
    ) -> None:
        chance = random.Random(11)  # noqa: S311 - the same dice each time.
        events = [event for _ in range(40) for event in life(chance)]
        handlers = worker.create_handlers(load(), database)

        def handle(told: Sequence[Event]) -> None:
            for event in told:
                if type(event) in handlers:
                    handlers[type(event)]([event])

        handle(events)
        calm = contents(journal)
        database.journal.delete_many({})
        shuffled = events * 3
        chance.shuffle(shuffled)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(handle, [shuffled[share::THREADS] for share in range(THREADS)]))

        assert contents(journal) == calm
        assert len(calm) > len(events)

    def test_is_not_written_by_what_orders_alone_hears(self, database: Database[Document]) -> None:
        assert CustomerChanged not in worker.create_handlers(load(), database)


def life(chance: random.Random) -> list[Event]:
    """Events of one customer, in order."""
    id = new_id()
    consents = [{"channel": "email", "before": None, "after": True}]
    changes = [{"field": "tags", "before": [], "after": ["vip"]}]
    events: list[Event] = [
        CustomerRegistered(customer_id=id, **said(1)),
        ConsentChanged(customer_id=id, consents=consents, **said(1)),
        CustomerDetailsChanged(customer_id=id, changes=changes, **said(2)),
    ]
    for _ in range(chance.randrange(4)):
        order_id = new_id()
        steps = chance.choice([("placed",), ("placed", "paid", "shipped"), ("placed", "cancelled")])
        # All of one call, as an import sends them: of one moment.
        batch = chance.choice([None, f"import:{id}"])
        events += [
            order(id, step, order_id=order_id, version=version, batch=batch)
            for version, step in enumerate(steps, start=1)
        ]
    if chance.random() < 0.3:
        events.append(CustomerDeleted(customer_id=id, **said(3)))
    return events


def contents(journal: JournalRepository) -> list[Document]:
    """All entries, but for when they were written."""
    return list(journal.collection.find({}, {"recorded_at": 0}).sort("_id", 1))


def said(version: int) -> dict[str, Any]:
    at = START + timedelta(days=version)
    actor = {"id": "a", "role": "sales"}
    return {"version": version, "occurred_at": at.isoformat(), "actor": actor}


def order(buyer: str | None, step: str = "placed", **fields: Any) -> OrderState:
    usual: dict[str, Any] = {
        "order_id": new_id(),
        "number": "1",
        "source": "shop",
        "customer_id": buyer,
        "kind": "sale",
        "status": step,
        "total": "1.00",
        "currency": "GBP",
        "placed_at": START.isoformat(),
        "version": 1,
        "occurred_at": (START + timedelta(hours=1)).isoformat(),
    }
    return STEPS[step](**usual | fields)


@pytest.fixture
def journal(database: Database[Document]) -> JournalRepository:
    """The journals, empty."""
    return JournalRepository(database)
