"""Purchases of customers, computed from the orders that were published, on the real server."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from services.customers import PUBLISHES
from services.customers.model.customers import Customer
from services.customers.operations import purchases
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import NO_PURCHASES, LedgerRepository
from shared.document import Document
from shared.events.contracts import OrderState
from shared.identifiers import new_id
from shared.messaging.consumer import RetryLater
from shared.mongo.client import connect
from shared.settings import Settings

Make = Callable[..., Customer]
Books = tuple[CustomerRepository, LedgerRepository]

THREADS = 8


class Outrun(CustomerRepository):
    """Customers whose purchases somebody else has always just stored."""

    def set_purchases(self, customer_id: str, purchases: Document, *, revision: int) -> bool:
        """Store them a moment too late."""
        super().set_purchases(customer_id, purchases, revision=revision)
        return super().set_purchases(customer_id, purchases, revision=revision)


class Concerns(CommandListener):
    """Notes what is read, and how settled it has to be."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Note one."""
        if event.command_name in {"find", "aggregate"}:
            self.found.append((event.command_name, event.command["readConcern"]["level"]))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to note."""


class TestKeepLedger:
    def test_counts_what_was_sold_and_what_came_back(self, books: Books, buyer: str) -> None:
        events = [
            order(buyer, total="10.10", placed_at=day(2)),
            order(buyer, total="0.001", placed_at=day(1)),
            order(buyer, total="-2.5", kind="return", placed_at=day(3)),
            order(buyer, total="7", currency="EUR", placed_at=day(4)),
        ]

        purchases.keep_ledger(*books, events)

        assert plain(books, buyer) == {
            "orders": 3,
            "returns": 1,
            "totals": [("EUR", Decimal(7)), ("GBP", Decimal("7.601"))],
            "first_order_at": day(1),
            "last_order_at": day(4),
        }

    def test_a_cancelled_order_does_not_count(self, books: Books, buyer: str) -> None:
        placed = order(buyer, total="10")
        cancelled = order(buyer, order_id=placed.order_id, version=2, status="cancelled")

        purchases.keep_ledger(*books, [placed])
        purchases.keep_ledger(*books, [cancelled])

        assert plain(books, buyer) == {**NO_PURCHASES}

    def test_a_late_event_does_not_bring_it_back(self, books: Books, buyer: str) -> None:
        placed = order(buyer, total="10")
        cancelled = order(buyer, order_id=placed.order_id, version=2, status="cancelled")

        for event in (cancelled, placed, placed):
            purchases.keep_ledger(*books, [event])

        assert plain(books, buyer) == {**NO_PURCHASES}

    def test_a_guests_order_belongs_to_nobody(self, books: Books, buyer: str) -> None:
        purchases.keep_ledger(*books, [order(None), order(buyer, total="1")])

        assert books[1].collection.count_documents({}) == 1
        assert plain(books, buyer)["orders"] == 1

    def test_guests_alone_change_nothing(self, books: Books, buyer: str) -> None:
        purchases.keep_ledger(*books, [order(None)])

        assert books[0].revisions([buyer]) == {buyer: 0}

    def test_orders_of_a_deleted_customer_do_no_harm(
        self, books: Books, buyer: str, now: datetime
    ) -> None:
        books[0].delete(buyer, version=1, now=now)

        purchases.keep_ledger(*books, [order(buyer)])

        left = {"_id": buyer, "version": 2, "schema_version": 2}
        assert books[0].find({"_id": buyer}) == left

    def test_leaves_the_version_to_staff(self, books: Books, buyer: str) -> None:
        purchases.keep_ledger(*books, [order(buyer)])

        customer = books[0].get(buyer)
        assert (customer["version"], customer["revision"]) == (1, 1)

    def test_shuffled_and_repeated_in_many_threads_comes_to_the_same(
        self, books: Books, make_customer: Make
    ) -> None:
        chance = random.Random(7)  # noqa: S311 - the same dice each time.
        buyers = [make_customer() for _ in range(12)]
        for customer in buyers:
            books[0].add(customer)
        histories = [
            history(chance, chance.choice([*(one.id for one in buyers), None])) for _ in range(150)
        ]
        events = [event for events in histories for event in events] * 3
        chance.shuffle(events)

        def keep(share: int) -> None:
            for batch in batches(events[share::THREADS], size=5):
                keep_until_done(books, batch)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(keep, range(THREADS)))

        final = [events[-1] for events in histories]
        assert {one.id: plain(books, one.id) for one in buyers} == {
            one.id: computed([event for event in final if event.customer_id == one.id])
            for one in buyers
        }

    def test_counts_what_a_new_primary_does_not_yet_know_a_majority_to_have(
        self, books: Books, buyer: str, settings: Settings, database: Database[Document]
    ) -> None:
        concerns = Concerns()
        with connect(settings, listeners=[concerns]) as watched:
            base = watched[database.name]
            purchases.keep_ledger(
                CustomerRepository(base, PUBLISHES),
                LedgerRepository(base),
                [order(buyer, total="3")],
            )

        assert concerns.found == [("find", "local"), ("aggregate", "local")]
        assert plain(books, buyer)["totals"] == [("GBP", Decimal(3))]

    def test_puts_it_off_when_others_are_always_quicker(
        self, database: Database[Document], ledger: LedgerRepository, buyer: str
    ) -> None:
        with pytest.raises(RetryLater):
            purchases.keep_ledger(Outrun(database, PUBLISHES), ledger, [order(buyer)])

        assert ledger.collection.count_documents({"customer_id": buyer}) == 1


def day(number: int) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number)


def order(buyer: str | None, *, placed_at: datetime | None = None, **fields: Any) -> OrderState:
    usual: dict[str, Any] = {
        "order_id": new_id(),
        "number": "1",
        "source": "api",
        "customer_id": buyer,
        "kind": "sale",
        "status": "placed",
        "total": "1.00",
        "currency": "GBP",
        "placed_at": (placed_at or day(0)).isoformat(),
        "version": 1,
        "occurred_at": "",
    }
    return OrderState(**usual | fields)


def history(chance: random.Random, buyer: str | None) -> list[OrderState]:
    """An order as it goes from step to step, some of them to their cancellation."""
    kind = chance.choice(["sale", "sale", "sale", "return"])
    sign = "-" if kind == "return" else ""
    steps = chance.choice([("placed",), ("placed", "paid", "shipped"), ("placed", "cancelled")])
    same: dict[str, Any] = {
        "order_id": new_id(),
        "kind": kind,
        "total": f"{sign}{chance.randrange(1, 10**6)}.{chance.randrange(1000):03}",
        "currency": chance.choice(["GBP", "EUR", "JPY"]),
        "placed_at": day(chance.randrange(300)),
    }
    return [
        order(buyer, **same, status=status, version=version)
        for version, status in enumerate(steps, start=1)
    ]


def computed(orders: Sequence[OrderState]) -> Document:
    """What these orders come to, added up in plain Python."""
    counted = [one for one in orders if one.status != "cancelled"]
    sales = [datetime.fromisoformat(one.placed_at) for one in counted if one.kind == "sale"]
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for one in counted:
        totals[one.currency] += Decimal(one.total)
    return {
        "orders": len(sales),
        "returns": len(counted) - len(sales),
        "totals": sorted(totals.items()),
        "first_order_at": min(sales, default=None),
        "last_order_at": max(sales, default=None),
    }


def plain(books: Books, buyer: str) -> Document:
    """What a customer has bought, as it is stored, in a form that can be compared."""
    purchases: Document = books[0].get(buyer)["purchases"]
    totals = [(one["currency"], one["amount"].to_decimal()) for one in purchases["totals"]]
    return {**purchases, "totals": totals}


def batches(events: list[OrderState], *, size: int) -> list[list[OrderState]]:
    return [events[start : start + size] for start in range(0, len(events), size)]


def keep_until_done(books: Books, events: list[OrderState]) -> None:
    """As the worker does: what cannot be done now comes again."""
    for _ in range(10):
        try:
            purchases.keep_ledger(*books, events)
        except RetryLater:
            continue
        return
    pytest.fail("others were always quicker")


@pytest.fixture
def books(customers: CustomerRepository, ledger: LedgerRepository) -> Books:
    """Customers and their ledger."""
    return customers, ledger


@pytest.fixture
def buyer(customers: CustomerRepository, make_customer: Make) -> str:
    """The id of somebody who buys."""
    customer = make_customer()
    customers.add(customer)
    return customer.id
