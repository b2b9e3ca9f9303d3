"""Whether services agree, on the real server, with events that went their way and that did not."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services.tools import consistency
from services.tools.consistency import merged
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.carrier import Carrier
from tests.support.shop import Shop

Base = Callable[[str], Database[Document]]
Change = Callable[[Base, str, str], object]
"""What goes wrong, to databases with this customer and this order."""


class TestDifferences:
    def test_are_none_when_all_was_handled(self, settled: str, base: Base) -> None:
        assert settled
        assert list(consistency.differences(base)) == []

    def test_are_none_while_events_that_explain_them_wait(self, shop: Shop, base: Base) -> None:
        shop.place(shop.register())

        assert base("customers").ledger.count_documents({}) == 0
        assert list(consistency.differences(base)) == []

    def test_are_none_when_the_event_was_dead_lettered(self, shop: Shop, base: Base) -> None:
        order = shop.place(shop.register())
        (entry,) = base("orders").orders.find_one({}, {"outbox": 1})["outbox"]  # type: ignore[index]
        base("orders").orders.update_one({}, {"$set": {"outbox": []}})
        base("customers").dead_letters.insert_one(
            {
                "_id": entry["id"],
                "delivery": {
                    "sender": "orders",
                    "collection": "orders",
                    "document_id": order["_id"],
                    "data": entry["data"],
                },
                "error": "x",
                "parked_at": datetime.now(UTC),
            }
        )

        assert list(consistency.differences(base)) == []

    def test_are_there_when_the_event_that_waits_is_an_older_one(
        self, shop: Shop, carrier: Carrier, base: Base
    ) -> None:
        order = shop.place(shop.register())
        shop.step(order, "pay")
        base("orders").orders.update_one({}, {"$pull": {"outbox": {"data.version": 2}}})
        base("customers").ledger.drop()

        (found,) = consistency.differences(base)

        assert found == (
            "orders.orders: 1 are not in customers.ledger as they are, and no waiting event "
            f"explains it: {order['_id']}."
        )
        assert carrier.settle() > 0

    @pytest.mark.parametrize(
        ("change", "sentences"),
        [
            (
                lambda base, _, order: base("orders").orders.delete_one({"_id": order}),
                ["orders.orders: 1 are in customers.ledger, but not there: {order}."],
            ),
            (
                lambda base, _, order: base("customers").ledger.delete_one({"_id": order}),
                [
                    "orders.orders: 1 are not in customers.ledger as they are, and no waiting "
                    "event explains it: {order}.",
                    "customers.customers: 1 have purchases that are not what their ledger says, "
                    "and no waiting event explains it: {customer}.",
                ],
            ),
            (
                lambda base, _, order: base("customers").ledger.update_one(
                    {"_id": order}, {"$set": {"status": "paid"}}
                ),
                [
                    "orders.orders: 1 are not in customers.ledger as they are, and no waiting "
                    "event explains it: {order}."
                ],
            ),
            (
                lambda base, _, order: base("customers").ledger.update_one(
                    {"_id": order}, {"$set": {"version": 9}}
                ),
                [
                    "orders.orders: 1 are not in customers.ledger as they are, and no waiting "
                    "event explains it: {order}."
                ],
            ),
            (
                lambda base, customer, _: base("customers").customers.update_one(
                    {"_id": customer}, {"$set": {"purchases.orders": 7}}
                ),
                [
                    "customers.customers: 1 have purchases that are not what their ledger says, "
                    "and no waiting event explains it: {customer}."
                ],
            ),
            (
                lambda base, customer, _: base("customers").customers.delete_one({"_id": customer}),
                [
                    "orders: 1 name customers that no service knows: {customer}.",
                    "customers.customers: 1 are in orders.customer_cards, but not there: "
                    "{customer}.",
                ],
            ),
            (
                lambda base, customer, _: base("orders").customer_cards.delete_one(
                    {"_id": customer}
                ),
                [
                    "customers.customers: 1 are not in orders.customer_cards as they are, and no "
                    "waiting event explains it: {customer}."
                ],
            ),
        ],
        ids=["order", "entry", "status", "ahead", "purchases", "customer", "copy"],
    )
    def test_are_there_when_something_was_lost(
        self, settled: tuple[str, str], base: Base, change: Change, sentences: list[str]
    ) -> None:
        customer, order = settled

        change(base, customer, order)

        assert list(consistency.differences(base)) == [
            sentence.format(customer=customer, order=order) for sentence in sentences
        ]

    def test_know_of_customers_that_are_gone(
        self, settled: tuple[str, str], shop: Shop, base: Base, carrier: Carrier
    ) -> None:
        customer, _ = settled
        shop.lose(customer)

        assert list(consistency.differences(base)) == []

        carrier.settle()
        assert list(consistency.differences(base)) == []

    def test_name_some_and_count_all(self, shop: Shop, base: Base) -> None:
        strangers = sorted(new_id() for _ in range(7))
        for stranger in strangers:
            shop.place(stranger)

        found = list(consistency.differences(base))

        assert found == [
            f"orders: 7 name customers that no service knows: {', '.join(strangers[:5])}, …."
        ]


class TestMerged:
    def test_pairs_what_has_the_same_id(self) -> None:
        left, right = ids("a", "b", "d"), ids("b", "c", "d", "e")

        found = [(id, bool(one), bool(other)) for id, one, other in merged(left, right)]

        assert found == [
            ("a", True, False),
            ("b", True, True),
            ("c", False, True),
            ("d", True, True),
            ("e", False, True),
        ]


def ids(*names: str) -> list[Document]:
    """Documents of these ids."""
    return [{"_id": name} for name in names]


@pytest.fixture
def settled(shop: Shop, carrier: Carrier) -> tuple[str, str]:
    """A customer and their order, whose events were all handled, beside those of others."""
    for _ in range(3):
        shop.place(shop.register())
    shop.place(None)
    customer = shop.register()
    order = shop.place(customer)["_id"]
    assert carrier.settle() > 0
    return customer, order


@pytest.fixture
def base(client: MongoClient[Document], wired: Settings) -> Base:
    """The databases of the shop."""
    return lambda service: service_database(client, wired, service)
