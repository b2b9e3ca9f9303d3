"""What nobody should send to journals and of views: a problem that names the field; no entry."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from shared.document import Document
from tests.support.hostile import (
    BAD_TEXT,
    BODIES,
    NOT_A_LIST,
    NOT_AN_OBJECT,
    NOT_TEXT,
    is_problem,
    names,
    nested,
    refused,
    shown,
)

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
Values = tuple[Any, ...]

TEXT = (*NOT_TEXT, *BAD_TEXT)
REQUIRED_TEXT = (None, *TEXT)
TIME = (
    *REQUIRED_TEXT,
    "yesterday",
    "2025-06-01",
    "2025-06-01T12:00:00",
    "2025-13-01T12:00:00Z",
    "2999-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)
CHOICE = (*REQUIRED_TEXT, "gossip", "Note", "note ", "order_placed", "n\u043ete")

# Each field, in a body where all else is right, with what it must not be.
ENTRY: dict[str, Values] = {
    "kind": CHOICE,
    "at": TIME,
    "summary": (*REQUIRED_TEXT, "x" * 2_001),
    "data": (
        *NOT_AN_OBJECT,
        {"$set": 1},
        {"a.b": 1},
        {"": 1},
        {"\x00": 1},
        {"a": {"$gt": ""}},
        {"a": [{"b.c": 1}]},
        {"a": [2**63]},
        {"a": 2**64},
        {"a": -(2**70)},
        {"a": "\x00"},
        {"a": {"b": ["c\x1b"]}},
        {"a": "\x85"},
        {"a": "x" * 5_000},
        {f"a{number}": 1 for number in range(21)},
        {"a": nested(4)},
        {"a": nested(500)},
        {"a": {"b": {"c": {"d": {}}}}},
    ),
    "corrects": tuple(value for value in TEXT if value is not None),
}
VIEW: dict[str, Values] = {
    "id": REQUIRED_TEXT,
    "customer_id": REQUIRED_TEXT,
    "visitor_id": (*REQUIRED_TEXT, "a b", "é", "a\n", "x" * 101),
    "kind": (*CHOICE, "shop"),
    "url": (*REQUIRED_TEXT, "x" * 2_001),
    "title": (*REQUIRED_TEXT, "x" * 301),
    "sku": (*REQUIRED_TEXT, "x" * 101),
    "at": TIME,
}
UNKNOWN = ("_id", "actor", "source", "recorded_at", "customer_id", "request", "$set", "__proto__")
ROUTES = (("POST", "/v1/customers/{id}/journal"), ("POST", "/v1/activity"))


class TestEntries:
    @pytest.mark.parametrize("field", ENTRY)
    def test_that_break_a_rule(self, http: Client, lee: str, field: str) -> None:
        taken = {
            shown(value): answer.json
            for value in ENTRY[field]
            if not refused(answer := http.post(journal(lee), json=entry(**{field: value})), field)
        }

        assert taken == {}

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            (b'{"a": 18446744073709551616}', "data.a"),
            (b'{"a": {"b": [1, -9223372036854775809]}}', "data.a.b.1"),
            (b'{"a": 1.%s}' % (b"3" * 34), "data.a"),
            (b'{"a": "x\\u0000"}', "data.a"),
        ],
    )
    def test_whose_data_cannot_be_kept_as_they_are(
        self, http: Client, lee: str, data: bytes, field: str
    ) -> None:
        body = b'{"kind": "note", "summary": "It was so.", "data": %s}' % data

        answer = http.post(journal(lee), data=body, content_type="application/json")

        assert refused(answer, field)

    @pytest.mark.parametrize("name", UNKNOWN)
    def test_with_fields_that_are_not_there(self, http: Client, lee: str, name: str) -> None:
        assert refused(http.post(journal(lee), json=entry(**{name: "a"})), name)

    @pytest.mark.parametrize("id", ["0" * 24, "none", "$ne", "a" * 5_000, "%00", "..", "{}"])
    def test_of_customers_who_are_not_there(self, http: Client, id: str) -> None:
        answers = [
            http.post(journal(id), json=entry()),
            http.get(journal(id)),
            http.get(f"{journal(id)}/0"),
        ]

        assert [answer.status_code for answer in answers] == [404] * 3
        assert all(map(is_problem, answers))


class TestViews:
    @pytest.mark.parametrize("field", VIEW)
    def test_that_break_a_rule(self, http: Client, field: str) -> None:
        entries = [view(**{field: value}) for value in VIEW[field]]

        answer = http.post("/v1/activity", json={"batch": "one", "entries": entries})

        taken = {
            shown(value): result
            for value, result in zip(VIEW[field], answer.json["results"], strict=True)
            if result["status"] != "refused" or not names(result["problem"], field)
        }
        assert taken == {}

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("batch", REQUIRED_TEXT),
            ("entries", (*NOT_A_LIST, [], [{}] * 1_001)),
            ("$where", (1,)),
        ],
    )
    def test_of_a_call_that_breaks_a_rule(self, http: Client, field: str, values: Values) -> None:
        right = {"batch": "one", "entries": [view()]}

        taken = [
            shown(value)
            for value in values
            if not refused(http.post("/v1/activity", json=right | {field: value}), field)
        ]

        assert taken == []

    @pytest.mark.parametrize("value", REQUIRED_TEXT, ids=lambda value: repr(value)[:30])
    def test_are_nobodys(self, http: Client, value: Any) -> None:
        answer = http.put("/v1/visitors/v-1", json={"customer_id": value})

        assert refused(answer, "customer_id")


class TestBodies:
    @pytest.mark.parametrize("name", BODIES)
    def test_are_refused(self, http: Client, lee: str, name: str) -> None:
        answers = [
            http.open(
                address.format(id=lee),
                method=method,
                data=BODIES[name],
                headers={"Content-Type": "application/json"},
            )
            for method, address in (*ROUTES, ("PUT", "/v1/visitors/v-1"))
        ]

        assert [is_problem(answer) for answer in answers] == [True] * 3

    @pytest.mark.parametrize("key", ["", "é", "a b", "x" * 201])
    def test_with_a_key_that_is_none_are_refused(self, http: Client, lee: str, key: str) -> None:
        headers = {"Idempotency-Key": key}

        assert is_problem(http.post(journal(lee), json=entry(), headers=headers))


def journal(customer_id: str) -> str:
    return f"/v1/customers/{customer_id}/journal"


def entry(**fields: Any) -> Document:
    return {"kind": "note", "summary": "Said hello."} | fields


def view(**fields: Any) -> Document:
    return {"kind": "page", "url": "/", "visitor_id": "v-1"} | fields


@pytest.fixture(autouse=True)
def nothing_is_written(database: Database[Document]) -> Iterator[None]:
    """No journal, view or visitor, before and after."""
    yield
    for name in ("journal", "views", "visitors"):
        assert database[name].find_one({}) is None
