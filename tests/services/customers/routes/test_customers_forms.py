"""Customers in the form before today's, over HTTP: shown, listed and changed as new ones."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database

from services.customers.model.customers import Customer, Email, Phone
from services.customers.repository.mapping import to_document
from shared.document import Document
from tests.support.old_customers import as_before

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
Make = Callable[..., Customer]

OLD: Document = {"newsletter": True, "sms": False, "likes_tea": True, "language": "en"}
SHOWN: Document = {
    "preferences": {"language": "en"},
    "channels": {"email": True, "sms": False},
    "interests": ["tea"],
}


class TestOldOnes:
    def test_are_shown_as_new(self, http: Client, old: Customer) -> None:
        answer = http.get(f"/v1/customers/{old.id}")

        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1.0"')
        assert {name: answer.json[name] for name in SHOWN} == SHOWN
        assert "schema_version" not in answer.json

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "q=le",
            "tag=vip",
            "last_name=lee",
            "phone=%2B442079460958",
            "email=lee@example.com",
            "external_id=1",
        ],
    )
    def test_are_listed_among_new_ones(
        self,
        http: Client,
        database: Database[Document],
        old: Customer,
        make_customer: Make,
        query: str,
    ) -> None:
        new = make_customer(interests=("cake",), tags=("vip",), phones=old.phones)
        database.customers.insert_one({**to_document(new), "outbox": []})

        items = http.get(f"/v1/customers?{query}").json["items"]

        by_id = {item["id"]: item for item in items}
        assert {name: by_id[old.id][name] for name in SHOWN} == SHOWN
        assert by_id.get(new.id, {}).get("interests", ["cake"]) == ["cake"]
        assert all("schema_version" not in item for item in items)

    def test_are_in_the_new_form_once_they_change(
        self, http: Client, database: Database[Document], old: Customer
    ) -> None:
        answer = http.patch(
            f"/v1/customers/{old.id}", json={"first_name": "Ann"}, headers={"If-Match": '"1"'}
        )

        stored = database.customers.find_one({"_id": old.id}) or {}
        assert answer.status_code == 200
        assert {name: answer.json[name] for name in SHOWN} == SHOWN
        assert {name: stored[name] for name in (*SHOWN, "schema_version", "version")} == {
            **SHOWN,
            "schema_version": 2,
            "version": 2,
        }

    def test_may_be_deleted(
        self, http_as: Callable[..., Client], database: Database[Document], old: Customer
    ) -> None:
        answer = http_as("admin").delete(f"/v1/customers/{old.id}", headers={"If-Match": '"1"'})

        assert answer.status_code == 204
        assert (database.customers.find_one({}) or {})["schema_version"] == 2

    def test_answer_a_repeated_request_as_the_new_form_would(
        self, http: Client, database: Database[Document]
    ) -> None:
        body, key = {"last_name": "Lee", **SHOWN}, {"Idempotency-Key": "once"}
        first = http.post("/v1/customers", json=body, headers=key)
        # As if that had been of the first form.
        asked = (database.customers.find_one({}) or {})["request"]
        database.customers.update_one(
            {},
            {
                "$set": {
                    "request.first": as_before(asked["first"], preferences=OLD),
                    "preferences": {},
                }
            },
        )

        again = http.post("/v1/customers", json=body, headers=key)

        assert (again.status_code, again.json) == (201, first.json)


@pytest.fixture
def old(database: Database[Document], make_customer: Make) -> Customer:
    """Somebody who was registered before there were channels and interests."""
    customer = make_customer(
        external_id="1",
        emails=(Email(address="lee@example.com"),),
        phones=(Phone(number="+442079460958"),),
        tags=("vip",),
    )
    database.customers.insert_one(
        {**as_before(to_document(customer), preferences=OLD), "outbox": []}
    )
    return customer
