"""What nobody should send to customers: always a problem that names the field; nothing changes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo.database import Database

from services.customers.model.customers import Customer
from services.customers.repository.customers import CustomerRepository
from shared.document import Document
from tests.support.hostile import (
    BAD_TEXT,
    BODIES,
    NOT_A_LIST,
    NOT_AN_OBJECT,
    NOT_TEXT,
    TOO_LONG,
    is_problem,
    names,
    refused,
    shown,
)

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
Values = tuple[Any, ...]

TEXT = (*NOT_TEXT, *BAD_TEXT)
REQUIRED_TEXT = (None, *TEXT)
ADDRESS = (*REQUIRED_TEXT, "lee", "lee@", "@b.com", "a@b@c.com", "a@localhost", "a b@example.com")
NUMBER = (*REQUIRED_TEXT, "phone", "+", "+0", "020 7946 0958", "+1" * 20, "+49" + "1" * 14)
COUNTRY = (*NOT_TEXT, "", " ", "G", "GBR", "XX", "g b", "\x00\x00", "U\u017f", "1" * 5_000)
PREFERENCE: Values = (None, 1.5, 2**53, 2**70, [], ["a"], {}, {"$gt": ""}, *BAD_TEXT)
ENTRY: Values = (None, True, 5, "a", [], [[]], {}, {"$gt": ""})

# Each field, in a body where all else is right, with what it must not be.
FIELDS: dict[str, Values] = {
    "external_id": TEXT,
    "first_name": TEXT,
    "last_name": TEXT,
    "company": TEXT,
    "emails": (*NOT_A_LIST, [{"address": f"a{number}@example.com"} for number in range(21)]),
    "emails.0": ENTRY,
    "emails.0.address": ADDRESS,
    "emails.0.label": TEXT,
    "phones": (*NOT_A_LIST, [{"number": f"+4420794609{number}"} for number in range(50, 71)]),
    "phones.0": ENTRY,
    "phones.0.number": NUMBER,
    "phones.0.label": TEXT,
    "addresses": (*NOT_A_LIST, [{}] * 51),
    "addresses.0": tuple(value for value in ENTRY if value != {}),
    "addresses.0.label": TEXT,
    "addresses.0.line1": TEXT,
    "addresses.0.line2": TEXT,
    "addresses.0.city": TEXT,
    "addresses.0.region": TEXT,
    "addresses.0.postcode": TEXT,
    "addresses.0.country": COUNTRY,
    "tags": (*NOT_A_LIST, [str(number) for number in range(51)], ["a", "a"]),
    "tags.0": REQUIRED_TEXT,
    "preferences": (
        *NOT_AN_OBJECT,
        {"": 1},
        {"$set": 1},
        {"a.b": 1},
        {"\x00": 1},
        {TOO_LONG: 1},
        {f"a{number}": 1 for number in range(51)},
    ),
    "preferences.a": PREFERENCE,
    "channels": (*NOT_AN_OBJECT, {"": True}, {"fax": True}, {"$set": True}),
    "channels.email": (None, 0, 1, "true", "yes", [True], {"$gt": ""}),
    "interests": (*NOT_A_LIST, [str(number) for number in range(51)], ["a", "a"]),
    "interests.0": REQUIRED_TEXT,
}
UNKNOWN = ("id", "_id", "version", "revision", "purchases", "outbox", "keys", "request", "batch")
ODD_NAMES = ("$set", "$where", "__proto__", "emails.0.address", "", " ", "\x00", "x" * 10_000)


class TestFields:
    @pytest.mark.parametrize("field", FIELDS)
    def test_of_a_new_customer(self, http: Client, field: str) -> None:
        taken = {
            shown(value): answer.json
            for value in FIELDS[field]
            if not refused(
                answer := http.post("/v1/customers", json=body_with(field, value)), field
            )
        }

        assert taken == {}

    @pytest.mark.parametrize("field", FIELDS)
    def test_of_a_change(self, http: Client, lee: Customer, field: str) -> None:
        address, headers = f"/v1/customers/{lee.id}", {"If-Match": '"1"'}

        taken = {
            shown(value): answer.json
            for value in FIELDS[field]
            if not refused(
                answer := http.patch(address, json=body_with(field, value), headers=headers), field
            )
        }

        assert taken == {}

    @pytest.mark.parametrize("field", FIELDS)
    def test_of_entries_of_a_bulk_call(self, http: Client, field: str) -> None:
        entries = [body_with(field, value) for value in FIELDS[field]]

        answer = http.post("/v1/customers/bulk", json={"batch": "one", "entries": entries})

        taken = {
            shown(value): result
            for value, result in zip(FIELDS[field], answer.json["results"], strict=True)
            if result["status"] != "refused" or not names(result["problem"], field)
        }
        assert taken == {}

    @pytest.mark.parametrize("name", [*UNKNOWN, *ODD_NAMES], ids=lambda name: name[:20])
    def test_that_are_not_there(self, http: Client, lee: Customer, name: str) -> None:
        body = {"last_name": "Lee", name: {"$gt": ""}}

        answers = [
            http.post("/v1/customers", json=body),
            http.patch(f"/v1/customers/{lee.id}", json=body, headers={"If-Match": '"1"'}),
        ]

        assert [refused(answer, name) for answer in answers] == [True, True]

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("batch", REQUIRED_TEXT),
            ("entries", (*NOT_A_LIST, [], [{}] * 1_001)),
            ("$where", (1,)),
        ],
    )
    def test_of_a_bulk_call(self, http: Client, field: str, values: Values) -> None:
        right = {"batch": "one", "entries": [{"external_id": "1"}]}

        taken = [
            shown(value)
            for value in values
            if not refused(http.post("/v1/customers/bulk", json=right | {field: value}), field)
        ]

        assert taken == []


class TestBodies:
    @pytest.mark.parametrize("name", BODIES)
    def test_are_refused(self, http: Client, lee: Customer, name: str) -> None:
        answers = [
            http.open(address, method=method, data=BODIES[name], headers=headers)
            for method, address in routes(lee)
            for headers in ({"Content-Type": "application/json", "If-Match": '"1"'},)
        ]

        assert [is_problem(answer) for answer in answers] == [True] * 3

    @pytest.mark.parametrize(
        "content_type",
        [None, "", "text/plain", "application/xml", "multipart/form-data", "json", "*/*"],
    )
    def test_that_do_not_say_they_are_json_are_refused(
        self, http: Client, lee: Customer, content_type: str | None
    ) -> None:
        answers = [
            http.open(
                address,
                method=method,
                data=b'{"last_name": "Lee"}',
                content_type=content_type,
                headers={"If-Match": '"1"'},
            )
            for method, address in routes(lee)
        ]

        assert [answer.status_code for answer in answers] == [415] * 3
        assert all(map(is_problem, answers))


class TestHeaders:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Bearer a.b.c",
            "Bearer e30.e30.e30",
            "Basic YWRtaW46YWRtaW4=",
            "Bearer " + "x" * 10_000,
            "Bearer é.é.é",
            "Bearer {'$gt': ''}",
        ],
        ids=lambda value: value[:20],
    )
    def test_that_are_no_token_of_ours(self, http: Client, authorization: str) -> None:
        answer = http.post(
            "/v1/customers", json={"last_name": "Ng"}, headers={"Authorization": authorization}
        )

        assert (answer.status_code, is_problem(answer)) == (401, True)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def body_with(field: str, value: Any) -> Document:
    """A customer who is fine but for this field."""
    name, *path = field.split(".")
    fine: Document = {
        "emails": {"address": "lee@example.com"},
        "phones": {"number": "+442079460958"},
        "addresses": {},
    }
    if not path:
        wrong = value
    elif name in {"preferences", "channels"}:
        wrong = {path[0]: value}
    else:
        wrong = [fine[name] | {path[1]: value} if len(path) > 1 else value]
    return {"last_name": "Lee", "external_id": "hostile", name: wrong}


def routes(lee: Customer) -> list[tuple[str, str]]:
    return [
        ("POST", "/v1/customers"),
        ("POST", "/v1/customers/bulk"),
        ("PATCH", f"/v1/customers/{lee.id}"),
    ]


@pytest.fixture
def lee(customers: CustomerRepository, make_customer: Callable[..., Customer]) -> Customer:
    """Somebody who is there already."""
    customer = make_customer()
    customers.add(customer)
    return customer


@pytest.fixture(autouse=True)
def nothing_changes(database: Database[Document], lee: Customer) -> Iterator[None]:
    """Only the one customer is there, before and after."""
    before = list(database.customers.find({}))
    assert [one["_id"] for one in before] == [lee.id]
    yield
    assert list(database.customers.find({})) == before
