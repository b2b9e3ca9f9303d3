"""What the customers application answers beside its own routes."""

from typing import Any

import pytest

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any


class TestApp:
    @pytest.mark.parametrize("address", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
    def test_says_how_it_is_to_everybody(self, http_as: Any, address: str) -> None:
        assert http_as(None).get(address).status_code == 200

    @pytest.mark.parametrize(
        ("method", "address", "status"),
        [
            ("GET", "/", 404),
            ("GET", "/v1", 404),
            ("GET", "/v1/customers/", 404),
            ("GET", "/v1/customers/a/b", 404),
            ("PUT", "/v1/customers", 405),
            ("DELETE", "/v1/customers", 405),
            ("POST", "/v1/customers/x", 405),
        ],
    )
    def test_refuses_what_it_has_not(
        self, http: Client, method: str, address: str, status: int
    ) -> None:
        answer = http.open(address, method=method)

        assert (answer.status_code, answer.json["status"]) == (status, status)
        assert answer.content_type == "application/problem+json"
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]
