"""One customer over HTTP, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128

from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import NO_PURCHASES
from services.customers.schemas.customers import CustomerSchema
from shared.document import Document

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

LEE: Document = {
    "external_id": "17850",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee & Co",
    "emails": [{"address": "Ann@Example.com", "label": "private"}],
    "phones": [{"number": "+44 20 7946 0958"}],
    "addresses": [{"label": "home", "line1": "1 High Street", "city": "York", "country": "gb"}],
    "tags": ["vip", "b2b"],
    "preferences": {"language": "en"},
    "channels": {"email": True, "sms": False},
    "interests": ["garden"],
}


class TestRegister:
    def test_answers_with_the_customer(self, http: Client) -> None:
        answer = http.post("/v1/customers", json=LEE)

        customer = answer.json
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"1.0"')
        assert answer.headers["Location"] == f"customers/{customer['id']}"
        assert {name: customer[name] for name in LEE} == LEE | {
            "emails": [{"address": "Ann@example.com", "label": "private"}],
            "phones": [{"number": "+442079460958", "label": None}],
            "addresses": [
                {
                    "label": "home",
                    "line1": "1 High Street",
                    "line2": None,
                    "city": "York",
                    "region": None,
                    "postcode": None,
                    "country": "GB",
                }
            ],
        }
        assert customer["purchases"] == NO_PURCHASES
        assert customer["created_at"] == customer["updated_at"]
        assert customer["created_at"].endswith("Z")

    def test_answers_as_documented(self, http: Client) -> None:
        customer = http.post("/v1/customers", json={"last_name": "Lee"}).json

        assert customer.keys() == CustomerSchema().fields.keys()

    @pytest.mark.parametrize("field", ["last_name", "company", "emails", "phones", "external_id"])
    def test_takes_each_identifier_alone(self, http: Client, field: str) -> None:
        assert http.post("/v1/customers", json={field: LEE[field]}).status_code == 201

    @pytest.mark.parametrize(
        "body", [{}, {"first_name": "Ann", "tags": ["vip"]}, {"emails": [], "last_name": None}]
    )
    def test_needs_one(self, http: Client, body: Document) -> None:
        answer = http.post("/v1/customers", json=body)

        assert (answer.status_code, answer.json["type"]) == (
            422,
            "urn:kith:problem:not-identifiable",
        )
        assert fields_of(answer) == ["last_name", "company", "emails", "phones", "external_id"]

    @pytest.mark.parametrize(
        "variant",
        ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@example.com", "\uff41nn@example.com"],
    )
    def test_an_address_belongs_to_one_however_it_is_typed(
        self, http: Client, variant: str
    ) -> None:
        holder = http.post("/v1/customers", json=LEE).json
        mine = [{"address": "new@example.com"}, {"address": variant}]

        answer = http.post("/v1/customers", json={"emails": mine})

        assert (answer.status_code, answer.json["type"]) == (409, "urn:kith:problem:email-taken")
        (error,) = answer.json["errors"]
        assert (error["field"], error["holder"]) == ("emails.1.address", holder["id"])

    def test_an_external_id_belongs_to_one(self, http: Client) -> None:
        holder = http.post("/v1/customers", json=LEE).json

        answer = http.post("/v1/customers", json={"external_id": "17850"})

        (error,) = answer.json["errors"]
        assert (answer.status_code, error["field"], error["holder"]) == (
            409,
            "external_id",
            holder["id"],
        )

    def test_keeps_text_that_looks_like_code(self, http: Client) -> None:
        texts = [
            "$where",
            "{$gt: ''}",
            "'; DROP TABLE customers; --",
            "<script>",
            "../../etc",
            "\U0001d504",
        ]

        kept = [http.post("/v1/customers", json={"last_name": text}).json for text in texts]

        assert [customer["last_name"] for customer in kept] == texts


class TestGet:
    def test_answers_as_the_post_did(self, http: Client) -> None:
        registered = http.post("/v1/customers", json=LEE)

        answer = http.get(f"/v1/customers/{registered.json['id']}")

        assert (answer.status_code, answer.data) == (200, registered.data)
        assert answer.headers["ETag"] == registered.headers["ETag"]

    def test_sends_nothing_that_the_caller_has(
        self, http: Client, customers: CustomerRepository
    ) -> None:
        registered = http.post("/v1/customers", json=LEE)
        address = f"/v1/customers/{registered.json['id']}"
        known = {"If-None-Match": registered.headers["ETag"]}

        same = http.get(address, headers=known)
        customers.set_purchases(registered.json["id"], NO_PURCHASES, revision=0)
        other = http.get(address, headers=known)

        assert (same.status_code, same.data) == (304, b"")
        assert (other.status_code, other.headers["ETag"]) == (200, '"1.1"')

    @pytest.mark.parametrize("id", ["none", "0" * 24, "%00", "%24gt", "%ED%A0%80", "x" * 2_000])
    def test_says_when_there_is_none(self, http: Client, id: str) -> None:
        answer = http.get(f"/v1/customers/{id}")

        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")

    def test_shows_what_was_bought(self, http: Client, customers: CustomerRepository) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]
        at = datetime(2025, 6, 1, 12, tzinfo=UTC)
        total = {"amount": Decimal128("12.30"), "currency": "GBP"}
        bought = {
            "orders": 2,
            "returns": 1,
            "totals": [total],
            "first_order_at": at,
            "last_order_at": at,
        }
        customers.set_purchases(id, bought, revision=0)

        customer = http.get(f"/v1/customers/{id}").json

        assert customer["purchases"] == {
            "orders": 2,
            "returns": 1,
            "totals": [{"amount": "12.30", "currency": "GBP"}],
            "first_order_at": "2025-06-01T12:00:00Z",
            "last_order_at": "2025-06-01T12:00:00Z",
        }


class TestRoles:
    @pytest.mark.parametrize(
        ("method", "path", "body", "sales", "admin"),
        [
            ("POST", "", {"last_name": "Ng"}, 201, 201),
            ("POST", "/bulk", {"batch": "one", "entries": [{"external_id": "1"}]}, 200, 200),
            ("GET", "", None, 200, 200),
            ("GET", "/{id}", None, 200, 200),
            ("PATCH", "/{id}", {"first_name": "Bo"}, 200, 200),
            ("DELETE", "/{id}", None, 403, 204),
        ],
    )
    def test_who_may_do_what(
        self,
        http_as: As,
        customers: CustomerRepository,
        method: str,
        path: str,
        body: Document | None,
        sales: int,
        admin: int,
    ) -> None:
        id = http_as("sales").post("/v1/customers", json=LEE).json["id"]
        address = "/v1/customers" + path.format(id=id)

        def ask(role: str | None, version: int) -> int:
            headers = {"If-Match": f'"{version}"'}
            answer = http_as(role).open(address, method=method, json=body, headers=headers)
            return int(answer.status_code)

        nobody = ask(None, 1)
        before = customers.get(id)
        assert (nobody, ask("sales", 1)) == (401, sales)
        assert ask("admin", customers.get(id)["version"]) == admin
        assert before["version"] == 1

    def test_a_refused_deletion_deletes_nothing(
        self, http: Client, customers: CustomerRepository
    ) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        answer = http.delete(f"/v1/customers/{id}", headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json["type"]) == (403, "urn:kith:problem:forbidden")
        assert customers.get(id)["version"] == 1


def fields_of(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json["errors"]]
