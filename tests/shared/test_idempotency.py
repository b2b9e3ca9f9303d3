from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, WriteError

from shared.document import Document
from shared.idempotency import (
    REQUEST_INDEX,
    REQUEST_SCHEMA,
    CreationRequest,
    IdempotencyKeyReused,
    creation_request,
    first_answer,
)
from shared.mongo.client import service_database
from shared.mongo.collections import Collection, build
from shared.settings import Settings


class TestCreationRequest:
    def test_is_none_without_a_key(self) -> None:
        assert creation_request(None, caller_id="ann", payload={}) is None

    def test_is_the_same_for_the_same_request(self) -> None:
        assert request_of({"a": 1, "b": 2}) == request_of({"b": 2, "a": 1})

    def test_is_another_for_another_caller(self) -> None:
        assert request_of({}, caller_id="ann").key != request_of({}, caller_id="bob").key

    @pytest.mark.parametrize(
        ("payload", "other"),
        [
            ({"a": 1}, {"a": 2}),
            ({"a": 1}, {"a": "1"}),
            ({"a": 1}, {"b": 1}),
            ({"a": [1, 2]}, {"a": [2, 1]}),
            ({"a": None}, {}),
            ({"a": Decimal("1.0")}, {"a": Decimal("1.00")}),
            (
                {"a": datetime(2025, 6, 1, tzinfo=UTC)},
                {"a": datetime(2025, 6, 2, tzinfo=UTC)},
            ),
        ],
    )
    def test_is_another_for_another_body(self, payload: Document, other: Document) -> None:
        assert request_of(payload).fingerprint != request_of(other).fingerprint

    def test_cannot_be_mixed_up_by_a_clever_key(self) -> None:
        assert request_of({}, key="b:c", caller_id="a" * 24).key != (
            request_of({}, key="c", caller_id="a" * 24 + "b").key
        )


class TestFirstAnswer:
    def test_is_none_without_a_request(self) -> None:
        assert first_answer(None, nothing) is None

    def test_is_none_for_a_request_that_created_nothing(self) -> None:
        assert first_answer(request_of({}), nothing) is None

    def test_is_the_document_as_it_was_then(self) -> None:
        request = request_of({"status": "placed"})
        later = {"_id": "a", "number": "1", "status": "paid", "version": 7}
        stored = {request.key: later | request.stamp({"status": "placed"})}

        answer = first_answer(request, stored.get)

        assert answer == {"_id": "a", "number": "1", "status": "placed", "version": 1}

    def test_is_refused_to_another_body(self) -> None:
        first = request_of({"a": 1})
        stored = {first.key: {"_id": "a", "version": 1} | first.stamp({})}

        with pytest.raises(IdempotencyKeyReused) as refusal:
            first_answer(request_of({"a": 2}), stored.get)
        assert [error.field for error in refusal.value.errors] == ["Idempotency-Key"]


class TestIndex:
    def test_lets_a_request_create_one_document(self, orders: Any) -> None:
        request = request_of({})
        orders.insert_one(request.stamp({}))

        with pytest.raises(DuplicateKeyError):
            orders.insert_one(request.stamp({}))

    def test_lets_any_number_come_without_a_key(self, orders: Any) -> None:
        orders.insert_many([{}, {}, {"request": None}, {"request": None}])

        assert orders.count_documents({}) == 4

    @pytest.mark.parametrize(
        "wrong", [{"key": 5}, {"key": "a" * 301}, {"first": []}, {"more": 1}, {"fingerprint": None}]
    )
    def test_comes_with_a_rule_for_what_is_kept(self, orders: Any, wrong: Document) -> None:
        kept = request_of({}).stamp({})["request"]

        with pytest.raises(WriteError):
            orders.insert_one({"request": kept | wrong})


def nothing(_: str) -> Document | None:
    """Finds no document."""
    return None


def request_of(payload: Document, *, key: str = "k", caller_id: str = "ann") -> CreationRequest:
    """The request with this body."""
    made = creation_request(key, caller_id=caller_id, payload=payload)
    assert made is not None
    return made


@pytest.fixture
def orders(client: MongoClient[Document], settings: Settings) -> Any:
    """A collection whose documents may hold the request that created them."""
    database = service_database(client, settings, "orders")
    request = {"anyOf": [{"bsonType": "null"}, REQUEST_SCHEMA]}
    rules = {"$jsonSchema": {"properties": {"request": request}}}
    declared = Collection(name="orders", validator=rules, indexes=(REQUEST_INDEX,))
    list(build(database, (declared,)))
    yield database.orders
    client.drop_database(database.name)
