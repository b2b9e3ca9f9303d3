"""Customers of whom the tests of routes tell something."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def lee(register: Callable[[], str]) -> str:
    """The id of a customer."""
    return register()


@pytest.fixture
def gone(lee: str, delete: Callable[[str], None]) -> str:
    """The id of a customer who was deleted."""
    delete(lee)
    return lee


@pytest.fixture
def register(http: Any) -> Callable[[], str]:
    """`register()`: the id of a customer who was not there before."""
    return lambda: str(http.post("/v1/customers", json={"last_name": "Lee"}).json["id"])


@pytest.fixture
def delete(http_as: Callable[..., Any]) -> Callable[[str], None]:
    """`delete(id)`: an admin deletes a customer of the first version."""

    def make(id: str) -> None:
        answer = http_as("admin").delete(f"/v1/customers/{id}", headers={"If-Match": '"1"'})
        assert answer.status_code == 204

    return make
