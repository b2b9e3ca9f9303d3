"""Registrations that are sent twice, over HTTP, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import Decimal128
from pymongo.database import Database

from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import NO_PURCHASES
from shared.document import Document

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

LEE: Document = {
    "external_id": "17850",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee & Co",
    "emails": [{"address": "ann@example.com"}],
    "tags": ["vip", "b2b"],
    "preferences": {"newsletter": True},
}


class TestIdempotency:
    def test_a_repeated_request_gets_the_first_answer(
        self, http: Client, customers: CustomerRepository
    ) -> None:
        key = {"Idempotency-Key": "once"}
        first = http.post("/v1/customers", json=LEE, headers=key)
        address = f"/v1/customers/{first.json['id']}"
        http.patch(address, json={"last_name": "Ng", "tags": []}, headers={"If-Match": '"1"'})
        bought = {**NO_PURCHASES, "totals": [{"amount": Decimal128("1.50"), "currency": "GBP"}]}
        customers.set_purchases(first.json["id"], bought, revision=0)

        again = http.post("/v1/customers", json=LEE, headers=key)

        assert (again.status_code, again.data) == (201, first.data)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Location"] == first.headers["Location"]
        assert http.get(address).json["last_name"] == "Ng"

    def test_the_order_of_fields_does_not_matter(self, http: Client) -> None:
        key = {"Idempotency-Key": "once"}
        first = http.post("/v1/customers", json=LEE, headers=key)

        again = http.post("/v1/customers", json=dict(reversed(LEE.items())), headers=key)

        assert again.data == first.data

    @pytest.mark.parametrize(
        "other", [{"last_name": "Ng"}, LEE | {"tags": ["vip"]}, LEE | {"preferences": {}}]
    )
    def test_another_body_is_refused(
        self, http: Client, database: Database[Document], other: Document
    ) -> None:
        key = {"Idempotency-Key": "once"}
        http.post("/v1/customers", json=LEE, headers=key)

        answer = http.post("/v1/customers", json=other, headers=key)

        assert (answer.status_code, answer.json["type"]) == (
            422,
            "urn:kith:problem:idempotency-key-reused",
        )
        assert database.customers.count_documents({}) == 1

    def test_keys_of_different_callers_do_not_meet(self, http_as: As) -> None:
        callers = [http_as("sales") for _ in range(2)]

        answers = [
            caller.post(
                "/v1/customers", json={"last_name": "Lee"}, headers={"Idempotency-Key": "once"}
            )
            for caller in callers
        ]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert len({answer.json["id"] for answer in answers}) == 2

    def test_many_at_once_make_one_customer(
        self, http: Client, database: Database[Document]
    ) -> None:
        answers = at_once(
            lambda _: http.application.test_client().post(
                "/v1/customers",
                json=LEE,
                headers={
                    "Idempotency-Key": "once",
                    "Authorization": http.environ_base["HTTP_AUTHORIZATION"],
                },
            ),
            10,
        )

        assert len({(answer.status_code, answer.data) for answer in answers}) == 1
        assert database.customers.count_documents({}) == 1

    def test_whom_it_registered_does_not_come_back_when_deleted(
        self, http: Client, database: Database[Document], delete: Callable[[str], None]
    ) -> None:
        key = {"Idempotency-Key": "once"}
        id = http.post("/v1/customers", json=LEE, headers=key).json["id"]
        delete(id)

        again = http.post("/v1/customers", json=LEE, headers=key)

        assert (again.status_code, again.json["type"]) == (
            409,
            "urn:kith:problem:customer-deleted-since",
        )
        (error,) = again.json["errors"]
        assert (error["field"], error["holder"]) == ("Idempotency-Key", id)
        (left,) = database.customers.find()
        assert left.keys() == {
            "_id",
            "deleted_at",
            "version",
            "schema_version",
            "request",
            "outbox",
        }
        assert left["request"]["first"] == {}
        other = http.post("/v1/customers", json={"last_name": "Ng"}, headers=key)
        assert other.json["type"] == "urn:kith:problem:idempotency-key-reused"

    @pytest.mark.parametrize("key", ["", "two words", "x" * 201, "schlüssel", "tab\there"])
    def test_a_key_that_is_none_is_refused(self, http: Client, key: str) -> None:
        answer = http.post("/v1/customers", json=LEE, headers={"Idempotency-Key": key})

        assert (answer.status_code, answer.json["type"]) == (400, "urn:kith:problem:malformed")

    def test_without_a_key_there_are_two(self, http: Client, database: Database[Document]) -> None:
        for _ in range(2):
            http.post("/v1/customers", json={"last_name": "Lee"})

        assert database.customers.count_documents({}) == 2


def at_once(ask: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))
