"""Handlers of customers' subscriptions: each event has its effect."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from services.customers import SUBSCRIBES, worker
from services.customers.model.customers import Customer
from services.customers.repository.customers import CustomerRepository
from shared.document import Document
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    OrderRestated,
    OrderState,
    UserState,
    VisitorTied,
)
from shared.events.event import Event
from shared.identifiers import new_id
from shared.settings import Settings, load

NOW = "2025-06-01T12:00:00+00:00"
SAYS: dict[type[Event], dict[str, Any]] = {
    OrderState: {
        "order_id": new_id(),
        "number": "1",
        "source": "api",
        "kind": "sale",
        "status": "placed",
        "total": "1.00",
        "currency": "GBP",
        "placed_at": NOW,
    },
    CustomerRegistered: {},
    CustomerDetailsChanged: {"changes": [{"field": "tags", "before": [], "after": ["vip"]}]},
    CustomerDeleted: {},
    ConsentChanged: {"consents": [{"channel": "sms", "before": None, "after": True}]},
    VisitorTied: {"visitor_id": "v-1"},
    UserState: {"user_id": new_id(), "role": "sales", "active": True},
}

VIEW = {
    "_id": f"view:{'0' * 32}",
    "visitor_id": "v-1",
    "kind": "page",
    "url": "/mugs",
    "batch": "one",
    "at": datetime(2025, 6, 1, tzinfo=UTC),
    "recorded_at": datetime.now(UTC),
}

VISITOR = {"_id": "v-1", "tied_at": datetime(2025, 6, 1, tzinfo=UTC), "version": 1, "outbox": []}


class TestJoin:
    @pytest.mark.parametrize("event", SUBSCRIBES, ids=lambda event: event.__name__)
    def test_every_event_has_its_effect(
        self, database: Database[Document], event: type[Event], buyer: str
    ) -> None:
        (fields,) = [fields for kind, fields in SAYS.items() if issubclass(event, kind)]
        about: dict[str, Any] = {} if issubclass(event, UserState) else {"customer_id": buyer}
        database.views.insert_one(VIEW)
        database.visitors.insert_one(VISITOR | {"customer_id": buyer})

        worker.create_handlers(load(), database)[event](
            [event(**fields, **about, version=1, occurred_at=NOW)]
        )

        books = ["staff"] if issubclass(event, UserState) else ["journal"]
        # A state that is published again is no news.
        books = [] if event is OrderRestated else books
        books += ["ledger"] if issubclass(event, OrderState) else []
        assert {name: database[name].count_documents({}) for name in books} == dict.fromkeys(
            books, 1
        )


class TestCreateWorker:
    def test_receives_and_confirms(self, settings: Settings) -> None:
        celery = worker.create_worker(settings)

        assert {"customers.receive", "customers.confirm"} <= celery.tasks.keys()
        assert celery.conf.task_default_queue == "customers"


@pytest.fixture
def buyer(customers: CustomerRepository, make_customer: Any) -> str:
    """The id of somebody who buys."""
    customer: Customer = make_customer()
    customers.add(customer)
    return customer.id
