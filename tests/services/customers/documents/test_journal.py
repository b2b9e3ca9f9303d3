"""What the database itself refuses of journals, views and visitors, whoever writes to it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from services.customers.documents.journal import VIEWS, VIEWS_KEPT
from services.customers.model.journal import KINDS, MAX_DATA_BYTES
from shared.document import Document
from shared.identifiers import new_id

Own = Database[Document]
AT = datetime(2025, 6, 1, tzinfo=UTC)
CUSTOMER = "c" * 24
ENTRY: Document = {
    "_id": f"order:{CUSTOMER}:1",
    "customer_id": CUSTOMER,
    "at": AT,
    "recorded_at": AT,
    "kind": "order_placed",
    "actor": {"id": "a", "role": "sales"},
    "source": "api",
    "summary": "Order 1.",
    "data": {"number": "1"},
    "corrects": None,
}
NOTE = ENTRY | {"_id": new_id(), "kind": "note"}
REQUEST = {"key": "a:1", "fingerprint": "f", "first": {}}
VIEW: Document = {
    "_id": f"view:{'0' * 32}",
    "visitor_id": "v-1",
    "at": AT,
    "recorded_at": AT,
    "kind": "page",
    "url": "/",
    "title": "Home",
    "sku": "1",
    "batch": "one",
}
VISITOR: Document = {
    "_id": "v-1",
    "customer_id": CUSTOMER,
    "tied_at": AT,
    "version": 1,
    "outbox": [],
}


class TestJournal:
    @pytest.mark.parametrize("kind", KINDS)
    def test_takes_every_kind(self, database: Own, kind: str) -> None:
        database.journal.insert_one(ENTRY | {"kind": kind})

        assert database.journal.count_documents({"kind": kind}) == 1

    @pytest.mark.parametrize(
        "entry",
        [NOTE | {"corrects": new_id()}, NOTE | {"request": REQUEST}, ENTRY | {"actor": None}],
        ids=["correction", "request", "nobody"],
    )
    def test_takes_what_is_right(self, database: Own, entry: Document) -> None:
        database.journal.insert_one(entry)

        assert database.journal.find_one({}) == entry

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "Order 1"},
            {"_id": 1},
            {"_id": "order:"},
            {"customer_id": "1"},
            {"customer_id": None},
            {"at": "2025-06-01"},
            {"recorded_at": None},
            {"kind": "gossip"},
            {"kind": None},
            {"actor": "a"},
            {"actor": {"id": "a"}},
            {"actor": {"id": "a", "role": "sales", "name": "Ann"}},
            {"source": ""},
            {"summary": ""},
            {"summary": "x" * 2_001},
            {"data": []},
            {"data": None},
            {"data": {f"n{number}": 1 for number in range(21)}},
            {"data": {"x": "y" * MAX_DATA_BYTES}},
            {"corrects": 1},
            # Nobody can correct what an event wrote.
            {"corrects": "order:1:1"},
            {"request": {"key": "a:1"}},
            {"outbox": []},
            {"version": 1},
        ],
        ids=str,
    )
    def test_refuses_what_breaks_a_rule(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError) as refused:
            database.journal.insert_one(ENTRY | change)

        assert refused.value.code == 121

    @pytest.mark.parametrize("name", sorted(ENTRY.keys() - {"_id"}))
    def test_refuses_what_lacks_a_field(self, database: Own, name: str) -> None:
        with pytest.raises(WriteError):
            database.journal.insert_one({key: value for key, value in ENTRY.items() if key != name})

    def test_refuses_a_request_that_is_answered(self, database: Own) -> None:
        database.journal.insert_one(NOTE | {"request": REQUEST})

        with pytest.raises(DuplicateKeyError):
            database.journal.insert_one(NOTE | {"_id": new_id(), "request": REQUEST})


class TestViews:
    def test_are_taken(self, database: Own) -> None:
        database.views.insert_one(VIEW)

        assert database.views.find_one({}) == VIEW

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "view:1"},
            {"visitor_id": "a b"},
            {"visitor_id": ""},
            {"at": None},
            {"kind": "shop"},
            {"url": ""},
            {"url": "x" * 2_001},
            {"title": 1},
            {"sku": None},
            {"batch": ""},
            {"customer_id": CUSTOMER},
        ],
        ids=str,
    )
    def test_are_refused_if_they_break_a_rule(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError) as refused:
            database.views.insert_one(VIEW | change)

        assert refused.value.code == 121

    def test_are_forgotten_after_ninety_days(self, database: Own) -> None:
        index = database[VIEWS.name].index_information()["forget"]

        assert index["key"] == [("recorded_at", 1)]
        assert index["expireAfterSeconds"] == VIEWS_KEPT.total_seconds() == 90 * 86_400


class TestVisitors:
    def test_are_taken(self, database: Own) -> None:
        database.visitors.insert_one(VISITOR)

        assert database.visitors.find_one({}) == VISITOR

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "a b"},
            {"customer_id": "1"},
            {"customer_id": None},
            {"tied_at": None},
            {"version": 0},
            {"outbox": None},
            {"name": "Lee"},
        ],
        ids=str,
    )
    def test_are_refused_if_they_break_a_rule(self, database: Own, change: dict[str, Any]) -> None:
        with pytest.raises(WriteError) as refused:
            database.visitors.insert_one(VISITOR | change)

        assert refused.value.code == 121
