"""What needs no real server: who may do what, and what is refused before the database is asked."""

from collections.abc import Callable
from typing import Any

import mongomock
import pytest
from flask.testing import FlaskClient

from services.customers.app import create_app
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.settings import load
from tests.support.browsers import browsers

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

ROUTES = (
    ("POST", "/v1/customers"),
    ("POST", "/v1/customers/bulk"),
    ("GET", "/v1/customers"),
    ("GET", "/v1/customers/x"),
    ("PATCH", "/v1/customers/x"),
    ("DELETE", "/v1/customers/x"),
)


class TestWhoIsAsking:
    @pytest.mark.parametrize(("method", "address"), ROUTES)
    def test_nobody_unknown_gets_in(self, http_as: As, method: str, address: str) -> None:
        answer = http_as(None).open(address, method=method)

        assert (answer.status_code, answer.json["type"]) == (
            401,
            "urn:kith:problem:unauthenticated",
        )
        assert "WWW-Authenticate" in answer.headers

    def test_sales_may_not_delete(self, http_as: As) -> None:
        answer = http_as("sales").delete("/v1/customers/x", headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json["type"]) == (403, "urn:kith:problem:forbidden")
        assert "sales" in answer.json["detail"]

    def test_admin_may(self, http_as: As) -> None:
        answer = http_as("admin").delete("/v1/customers/x", headers={"If-Match": '"1"'})

        assert answer.status_code == 404

    def test_is_found_out_before_anything_else(self, http_as: As) -> None:
        answer = http_as(None).post("/v1/customers", data=b"{", content_type="text/plain")

        assert answer.status_code == 401


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "last_name"),
            ({"first_name": "Ann"}, "emails"),
            ({"last_name": ""}, "last_name"),
            ({"last_name": {"$gt": ""}}, "last_name"),
            ({"emails": [{"address": "lee"}]}, "emails.0.address"),
            ({"phones": [{"number": "12"}]}, "phones.0.number"),
            ({"last_name": "Lee", "addresses": [{"country": "XX"}]}, "addresses.0.country"),
            ({"last_name": "Lee", "tags": ["a", "a"]}, "tags"),
            ({"last_name": "Lee", "colour": "red"}, "colour"),
        ],
        ids=str,
    )
    def test_names_the_field_that_is_wrong(self, http_as: As, body: Document, field: str) -> None:
        answer = http_as("sales").post("/v1/customers", json=body)

        assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
        assert field in [error["field"] for error in answer.json["errors"]]

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_needs_a_version(self, http_as: As, method: str) -> None:
        answer = http_as("admin").open("/v1/customers/x", method=method, json={})

        assert answer.status_code == 428

    def test_is_kept(self, http_as: As) -> None:
        http = http_as("sales")
        registered = http.post("/v1/customers", json={"last_name": "Lee"})

        answer = http.get(f"/v1/customers/{registered.json['id']}")

        assert (registered.status_code, answer.json) == (201, registered.json)


@pytest.fixture
def http_as(
    verifier: TokenVerifier, headers: Callable[[str], dict[str, str]]
) -> Callable[..., FlaskClient]:
    """`http_as(role)`: a client of the application, signed in, or not if the role is None."""
    app = create_app(load(), client=mongomock.MongoClient(tz_aware=True), verifier=verifier)
    return browsers(app, headers)
