"""What is written beside the events is what the events would have come to."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from services import registry
from services.customers import PUBLISHES as CUSTOMERS_SEND
from services.customers.operations.customers import arrival
from services.customers.repository.customers import CustomerRepository
from services.orders import PUBLISHES as ORDERS_SEND
from services.orders.operations import placed
from services.orders.repository.orders import OrderRepository
from services.tools.sample import people, sales
from services.tools.sample.documents import ORIGIN
from services.tools.sample.names import countries
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.events import contracts
from shared.messaging.broker import BATCH
from shared.mongo.client import service_database
from shared.settings import Settings, load

Databases = dict[str, Database[Document]]

# What depends on when and in how many pieces something was handled.
PASSING = ("revision", "recorded_at", "updated_at", "outbox", "batch")
EVENTS = {event.__name__: event for event in contracts.ALL}


class TestBooks:
    def test_are_those_that_the_events_would_have_written(
        self,
        shop: Settings,
        build_empty: Callable[[], Settings],
        client: MongoClient[Document],
        plan: Plan,
    ) -> None:
        written, handled = owned(client, shop), owned(client, build_empty())

        place(handled, plan, now=server_time(written))
        handle(handled)

        for service, name in (
            ("customers", "customers"),
            ("customers", "ledger"),
            ("customers", "journal"),
            ("orders", "orders"),
            ("orders", "customer_cards"),
        ):
            assert contents(written[service], name) == contents(handled[service], name), name

    def test_leave_no_event_waiting(self, shop: Settings, client: MongoClient[Document]) -> None:
        books = owned(client, shop)

        assert books["customers"].customers.count_documents({"outbox": {"$ne": []}}) == 0
        assert books["orders"].orders.count_documents({"outbox": {"$ne": []}}) == 0


def owned(client: MongoClient[Document], settings: Settings) -> Databases:
    return {
        service: service_database(client, settings, service) for service in ("customers", "orders")
    }


def server_time(books: Databases) -> Any:
    """When the orders were recorded."""
    one = books["orders"].orders.find_one({})
    assert one is not None
    return one["recorded_at"]


def place(books: Databases, plan: Plan, *, now: Any) -> None:
    """Write the shop as the services do, with events for the others."""
    people_of = people.customers(plan, range(plan.customers))
    currencies = {country.code: country.currency for country in countries()}
    buyers = [sales.buyer(one, currencies[str(one.addresses[0].country)]) for one in people_of]
    customers = CustomerRepository(books["customers"], CUSTOMERS_SEND)
    customers.add_many([(one, arrival(one, ORIGIN)) for one in people_of], batch="events")
    OrderRepository(books["orders"], ORDERS_SEND).add_many(
        [
            (one, placed(one, ORIGIN))
            for one in sales.orders(plan, range(plan.orders), buyers, now=now)
        ],
        batch="events",
    )


def handle(books: Databases) -> None:
    """Have each service handle the events of the other."""
    for subscriber, sender, name in (
        ("orders", "customers", "customers"),
        ("customers", "customers", "customers"),
        ("customers", "orders", "orders"),
    ):
        handlers = registry.create_handlers(subscriber, load(), books[subscriber])
        by_event: dict[Any, list[Any]] = defaultdict(list)
        for event, data in waiting(books[sender][name].find({}), subscriber):
            by_event[event].append(event.from_data(data))
        for event, events in by_event.items():
            for start in range(0, len(events), BATCH):
                handlers[event](events[start : start + BATCH])


def waiting(documents: Iterable[Document], subscriber: str) -> list[tuple[Any, Document]]:
    """The events in the outboxes of some documents that one service is to handle."""
    return [
        (EVENTS[entry["name"]], entry["data"])
        for document in documents
        for entry in document["outbox"]
        if entry["to"] == subscriber
    ]


def contents(database: Database[Document], name: str) -> list[Document]:
    return [
        {field: value for field, value in document.items() if field not in PASSING}
        for document in database[name].find({}).sort("_id")
    ]
