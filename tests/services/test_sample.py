"""The generated shop, on the real server."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from services import sample
from shared.database import Document, build, connect, database
from shared.settings import Settings, load

CUSTOMERS, ORDERS = 40, 120


class TestLoad:
    def test_fills_an_empty_shop(self, shop: Settings, client: MongoClient[Document]) -> None:
        people, orders = books(client, shop)

        assert len(people) == CUSTOMERS
        assert len(orders) == ORDERS
        assert len({one["emails"][0]["address"] for one in people}) == CUSTOMERS
        assert all(order["placed_at"] < datetime.now(UTC) for order in orders)

    def test_has_something_of_everything(
        self, shop: Settings, client: MongoClient[Document]
    ) -> None:
        _, orders = books(client, shop)

        kinds = Counter(order["kind"] for order in orders)
        statuses = {order["status"] for order in orders if order["kind"] == "sale"}
        guests = [order for order in orders if order["customer_id"] is None]
        assert kinds["return"] > 0
        assert statuses == {"placed", "paid", "shipped", "delivered", "cancelled"}
        assert 0 < len(guests) < ORDERS / 2
        assert len({order["currency"] for order in orders}) > 1

    def test_names_customers_who_are_there(
        self, shop: Settings, client: MongoClient[Document]
    ) -> None:
        people, orders = books(client, shop)

        buyers = {order["customer_id"] for order in orders} - {None}
        assert buyers <= {one["_id"] for one in people}

    def test_tells_the_other_services(self, shop: Settings, client: MongoClient[Document]) -> None:
        people, orders = books(client, shop)

        assert {entry["to"] for one in people for entry in one["outbox"]} == {"orders"}
        assert {entry["to"] for order in orders for entry in order["outbox"]} == {"customers"}
        assert all(one["outbox"] for one in (*people, *orders))

    def test_adds_nothing_to_a_shop_that_has_data(
        self, shop: Settings, client: MongoClient[Document]
    ) -> None:
        before = books(client, shop)

        said = sample.load(shop, customers=CUSTOMERS, orders=ORDERS)

        assert said == "sample: not loaded, there is data already"
        assert books(client, shop) == before

    def test_is_the_same_every_time(
        self, shop: Settings, client: MongoClient[Document], mongo_url: str
    ) -> None:
        with loaded(mongo_url) as other:
            assert told(client, other) == told(client, shop)


Books = tuple[list[Document], list[Document]]


def books(client: MongoClient[Document], settings: Settings) -> Books:
    """All customers and all orders, in the order of their names in the sample."""
    people = database(client, settings, "customers").customers.find({}).sort("external_id")
    orders = database(client, settings, "orders").orders.find({}).sort("number")
    return list(people), list(orders)


def told(client: MongoClient[Document], settings: Settings) -> Any:
    """What the sample says, without the ids and times at which it was written down."""
    people, orders = books(client, settings)
    names = {one["_id"]: one["external_id"] for one in people}
    return [
        [(one["external_id"], one["first_name"], one["phones"], one["tags"]) for one in people],
        [
            (
                names.get(order["customer_id"]),
                order["number"],
                order["status"],
                order["placed_at"],
                order["lines"],
                order["total"],
            )
            for order in orders
        ],
    ]


@contextmanager
def loaded(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to a shop that is built and loaded, and gone in the end."""
    settings = replace(load(), mongo_url=mongo_url, database_prefix=f"test_{uuid4().hex[:12]}")
    with connect(settings) as client:
        owned = {
            service: database(client, settings, service) for service in ("customers", "orders")
        }
        for service, found in owned.items():
            list(build(found, import_module(f"services.{service}.documents").COLLECTIONS))
        sample.load(settings, customers=CUSTOMERS, orders=ORDERS)
        yield settings
        for found in owned.values():
            client.drop_database(found.name)


@pytest.fixture(scope="module")
def shop(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to a shop with the sample in it. Its tests only look."""
    with loaded(mongo_url) as settings:
        yield settings
