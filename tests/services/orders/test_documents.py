"""What the database itself refuses, whoever writes to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Decimal128
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from services.orders import documents
from services.orders.model import Order
from services.orders.repository.orders import to_document
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import build

Raw = Callable[..., Document]


def line(**fields: Any) -> Document:
    return {
        "sku": "85123A",
        "description": None,
        "quantity": 2,
        "unit_price": Decimal128("2.55"),
        "subtotal": Decimal128("5.10"),
    } | fields


class TestOrders:
    def test_takes_what_the_model_makes(self, database: Database[Document], raw: Raw) -> None:
        database.orders.insert_one(raw())

        assert database.orders.count_documents({}) == 1

    def test_takes_a_return(self, database: Database[Document], raw: Raw) -> None:
        back = line(quantity=-2, subtotal=Decimal128("-5.1"))

        database.orders.insert_one(raw(kind="return", lines=[back], total=Decimal128("-5.100")))

        assert database.orders.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {
                "lines": [line(quantity=-2, subtotal=Decimal128("-5.10"))],
                "total": Decimal128("-5.10"),
            },
            {"kind": "return"},
            {"lines": [line(quantity=0, subtotal=Decimal128("0"))], "total": Decimal128("0")},
            {
                "lines": [line(unit_price=Decimal128("-1"), subtotal=Decimal128("-2"))],
                "total": Decimal128("-2"),
            },
            {"lines": [line(subtotal=Decimal128("5.11"))], "total": Decimal128("5.11")},
            {"total": Decimal128("5.1000001")},
            {"total": 5.1},
            {"lines": [line(unit_price=2.55)]},
            {"lines": [line(quantity=2.0)]},
            {"lines": [line(colour="red")]},
            {"lines": []},
            {"currency": "XYZ"},
            {"currency": "gbp"},
            {"kind": "gift"},
            {"status": "lost"},
            {"customer_id": "17850"},
            {"number": ""},
            {"version": 0},
            {"shipping_address": {"country": "GB"}},
            {"placed_at": datetime(2999, 1, 1, tzinfo=UTC)},
            {"recorded_at": None},
            {"paid": True},
        ],
        ids=str,
    )
    def test_refuses(self, database: Database[Document], raw: Raw, change: Document) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.orders.insert_one(raw(**change))

    @pytest.mark.parametrize(
        "field", ["lines", "kind", "total", "placed_at", "outbox", "fingerprint"]
    )
    def test_refuses_an_order_without(
        self, database: Database[Document], raw: Raw, field: str
    ) -> None:
        document = raw()
        del document[field]

        with pytest.raises(WriteError):
            database.orders.insert_one(document)

    def test_refuses_a_number_twice_in_one_source(
        self, database: Database[Document], raw: Raw
    ) -> None:
        database.orders.insert_one(raw(number="536365"))

        with pytest.raises(DuplicateKeyError):
            database.orders.insert_one(raw(number="536365"))

    def test_takes_a_number_in_two_sources(self, database: Database[Document], raw: Raw) -> None:
        database.orders.insert_one(raw(number="536365"))

        database.orders.insert_one(raw(number="536365", source="market"))

        assert database.orders.count_documents({"number": "536365"}) == 2


class TestRefusedAsFuture:
    def test_tells_the_rule_of_time_from_the_others(
        self, database: Database[Document], raw: Raw
    ) -> None:
        late = raw(placed_at=datetime.now(UTC) + timedelta(days=1))

        assert documents.refused_as_future(_failure(database, late))
        assert not documents.refused_as_future(_failure(database, late | {"kind": "return"}))
        assert not documents.refused_as_future(_failure(database, raw(kind="return")))


class TestCustomerCards:
    def test_takes_a_copy_without_a_name(self, database: Database[Document]) -> None:
        database.customer_cards.insert_one(
            {"_id": new_id(), "name": None, "deleted": True, "version": 2}
        )

        assert database.customer_cards.count_documents({"deleted": True}) == 1

    def test_refuses_other_personal_data(self, database: Database[Document]) -> None:
        copy = {
            "_id": new_id(),
            "name": "Ann",
            "deleted": False,
            "version": 1,
            "email": "ann@example.com",
        }

        with pytest.raises(WriteError):
            database.customer_cards.insert_one(copy)


class TestBuild:
    def test_changes_nothing_the_second_time(self, database: Database[Document]) -> None:
        assert list(build(database, documents.COLLECTIONS)) == []


def _failure(database: Database[Document], document: Document) -> Document:
    with pytest.raises(WriteError) as failure:
        database.orders.insert_one(document)
    details: Document = (failure.value.details or {})["errInfo"]
    return details


@pytest.fixture
def raw(make_order: Callable[..., Order]) -> Raw:
    """`raw(**changes)`: an order as it lies in the database, with some fields changed."""

    def make(**changes: Any) -> Document:
        document = to_document(make_order())
        return {**document, "recorded_at": datetime.now(UTC), "outbox": []} | changes

    return make
