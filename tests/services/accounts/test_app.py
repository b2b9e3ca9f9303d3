"""What the accounts application answers beside its own routes, and whom it believes."""

from collections.abc import Callable
from typing import Any

import pytest

from services.accounts.model import User

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any


class TestApp:
    @pytest.mark.parametrize(
        "address",
        [
            "/health/live",
            "/health/ready",
            "/docs",
            "/openapi.json",
            "/.well-known/jwks.json",
            "/.well-known/revocations.json",
        ],
    )
    def test_says_how_it_is_to_everybody(self, http_as: Any, address: str) -> None:
        assert http_as(None).get(address).status_code == 200

    @pytest.mark.parametrize(
        ("method", "address", "status"),
        [("GET", "/v1", 404), ("GET", "/v1/tokens", 405), ("DELETE", "/v1/users/me", 405)],
    )
    def test_refuses_what_it_has_not(
        self, http: Client, method: str, address: str, status: int
    ) -> None:
        answer = http.open(address, method=method)

        assert (answer.status_code, answer.json["status"]) == (status, status)

    def test_believes_the_tokens_it_signs_itself(
        self, http_as: Any, add_user: Callable[..., User], password: str
    ) -> None:
        guest, credentials = http_as(None), {"email": add_user().email, "password": password}
        token = guest.post("/v1/tokens", json=credentials).json["access_token"]

        answers = [
            guest.get("/v1/users/me", headers={"Authorization": f"Bearer {shown}"})
            for shown in (token, token[:-8] + "A" * 8, token.rpartition(".")[0] + ".")
        ]

        assert [answer.status_code for answer in answers] == [200, 401, 401]
