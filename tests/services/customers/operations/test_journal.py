"""Journal entries that events lead to, on the real server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.customers.operations import journal as operations
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.document import Document
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    OrderPlaced,
)
from shared.identifiers import new_id
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.inbox import Inbox

START = datetime(2025, 6, 1, 12, tzinfo=UTC)


class TestNote:
    def test_writes_one_entry_for_each_thing_said(self, journal: JournalRepository) -> None:
        consents = [{"channel": name, "before": None, "after": True} for name in ("email", "sms")]
        event = ConsentChanged(customer_id=new_id(), consents=consents, **said(1))

        operations.note_consents(journal, [event, event])

        assert journal.collection.count_documents({"kind": "consent_given"}) == 2

    def test_keeps_nothing_of_a_deleted_customer(self, journal: JournalRepository) -> None:
        id = new_id()
        events: list[CustomerRegistered | CustomerDeleted] = [
            CustomerRegistered(customer_id=id, **said(1)),
            CustomerDeleted(customer_id=id, **said(2)),
        ]

        operations.note_customers(journal, events)

        assert "Lee" not in str(list(journal.collection.find({})))
        assert [one["data"] for one in journal.collection.find({})] == [{}, {}]


class TestForgetting:
    """The values of a customer that an event holds which could not be handled."""

    def test_comes_with_the_deletion(
        self, journal: JournalRepository, letters: DeadLetters, dead_lettered: str
    ) -> None:
        operations.note_deletions(
            journal, letters, [CustomerDeleted(customer_id=new_id(), **said(2))]
        )
        assert letters.count() == 2

        event = CustomerDeleted(customer_id=dead_lettered, **said(2))
        operations.note_deletions(journal, letters, [event])

        assert [letter.event for letter in letters.search()] == ["CustomerRegistered"]

    def test_comes_with_the_dead_letter_if_they_are_deleted_already(
        self,
        customers: CustomerRepository,
        letters: DeadLetters,
        dead_lettered: str,
        database: Database[Document],
    ) -> None:
        event = CustomerDetailsChanged(customer_id=dead_lettered, changes=[], **said(1))
        database.customers.insert_one(
            {"_id": dead_lettered, "deleted_at": START, "version": 2, "outbox": []}
        )

        operations.forget_values_of_deleted(customers, letters, event)

        assert [letter.event for letter in letters.search()] == ["CustomerRegistered"]


@pytest.fixture
def letters(database: Database[Document]) -> DeadLetters:
    """The dead letters of customers."""
    return DeadLetters(database, "customers")


@pytest.fixture
def dead_lettered(database: Database[Document]) -> str:
    """The id of a customer with two dead letters, one of which holds values."""
    id = new_id()
    for name in ("CustomerRegistered", "CustomerDetailsChanged"):
        delivery = {"id": new_id(), "name": name, "document_id": id, "data": {"customer_id": id}}
        Inbox(database).dead_letter(delivery, "ValueError")
    return id


class TestNoteOrders:
    def test_passes_over_guests(self, journal: JournalRepository) -> None:
        operations.note_orders(journal, [order(None)])

        assert not journal.is_used()

    def test_notes_an_import_once_for_each_customer(self, journal: JournalRepository) -> None:
        ann, lee = new_id(), new_id()
        events = [order(who, batch="import:1") for who in (ann, lee, ann, None)]

        for event in events:
            operations.note_orders(journal, [event])
        operations.note_orders(journal, events)
        operations.note_orders(journal, [order(ann, batch="import:2")])

        touched = list(journal.collection.find({"kind": "imported"}))
        assert sorted((one["customer_id"], one["data"]["batch"]) for one in touched) == sorted(
            [(ann, "import:1"), (ann, "import:2"), (lee, "import:1")]
        )
        assert {one["source"] for one in journal.collection.find({})} == {"import"}

    def test_takes_an_event_of_before_there_were_actors(self, journal: JournalRepository) -> None:
        data = vars(order(new_id()))
        old = {name: data[name] for name in data if name not in {"actor", "via", "batch"}}

        operations.note_orders(journal, [OrderPlaced.from_data(old)])

        (entry,) = journal.collection.find({})
        assert (entry["actor"], entry["source"]) == (None, "api")


def said(version: int) -> dict[str, Any]:
    at = START + timedelta(days=version)
    actor = {"id": "a", "role": "sales"}
    return {"version": version, "occurred_at": at.isoformat(), "actor": actor}


def order(buyer: str | None, **fields: Any) -> OrderPlaced:
    usual: dict[str, Any] = {
        "order_id": new_id(),
        "number": "1",
        "source": "shop",
        "customer_id": buyer,
        "kind": "sale",
        "status": "placed",
        "total": "1.00",
        "currency": "GBP",
        "placed_at": START.isoformat(),
        "version": 1,
        "occurred_at": (START + timedelta(hours=1)).isoformat(),
    }
    return OrderPlaced(**usual | fields)


@pytest.fixture
def journal(database: Database[Document]) -> JournalRepository:
    """The journals, empty."""
    return JournalRepository(database)
