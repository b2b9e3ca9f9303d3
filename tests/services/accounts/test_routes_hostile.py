"""What nobody should send to accounts: always a problem that names the field; nothing changes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from pymongo.database import Database

from services.accounts.model import User
from shared.document import Document
from tests.support.hostile import BAD_TEXT, BODIES, NOT_TEXT, TOO_LONG, is_problem, refused, shown

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
Values = tuple[Any, ...]

TEXT: Values = (None, *NOT_TEXT, *BAD_TEXT)
EMAIL: Values = (*TEXT, "ann", "ann@", "@b.com", "a@b@c.com", "a@localhost", "a b@example.com")
ROLE: Values = (*TEXT, "owner", "ADMIN", "admin ", "admin,sales")
PASSWORD: Values = (None, *NOT_TEXT, "", "short", "x" * 129, TOO_LONG)
ACTIVE: Values = (None, "yes", "true", 2, -1, 1.5, 2**70, [], [True], {}, {"$gt": ""}, "\x00")

ANN: Document = {
    "email": "ann@example.com",
    "name": "Ann Lee",
    "role": "sales",
    "password": "a password of Ann's",
}
USER: dict[str, Values] = {"email": EMAIL, "name": TEXT, "role": ROLE, "password": PASSWORD}
UNKNOWN = ("id", "_id", "password_hash", "failures", "version", "outbox", "$set", "__proto__", "")


class TestUsers:
    @pytest.mark.parametrize("field", USER)
    def test_fields_of_a_new_one(self, http: Client, field: str) -> None:
        taken = [
            shown(value)
            for value in USER[field]
            if not refused(http.post("/v1/users", json=ANN | {field: value}), field)
        ]

        assert taken == []

    @pytest.mark.parametrize("field", [*USER, "active"])
    def test_fields_of_a_change(self, http: Client, lee: User, field: str) -> None:
        address, headers = f"/v1/users/{lee.id}", {"If-Match": '"1"'}

        taken = [
            shown(value)
            for value in (USER | {"active": ACTIVE})[field]
            if not refused(http.patch(address, json={field: value}, headers=headers), field)
        ]

        assert taken == []

    @pytest.mark.parametrize("name", UNKNOWN)
    def test_fields_that_are_not_there(self, http: Client, lee: User, name: str) -> None:
        answers = [
            http.post("/v1/users", json=ANN | {name: {"$gt": ""}}),
            http.patch(f"/v1/users/{lee.id}", json={name: 1}, headers={"If-Match": '"1"'}),
        ]

        assert [refused(answer, name) for answer in answers] == [True, True]


class TestTokens:
    @pytest.mark.parametrize(
        ("address", "body", "field"),
        [
            ("/v1/tokens", {"email": "a@example.com", "password": "x"}, "email"),
            ("/v1/tokens", {"email": "a@example.com", "password": "x"}, "password"),
            ("/v1/tokens/refresh", {}, "refresh_token"),
            ("/v1/tokens/revoke", {}, "refresh_token"),
            ("/v1/tokens/delegations", {}, "to"),
        ],
    )
    def test_fields(self, http: Client, address: str, body: Document, field: str) -> None:
        values = (None, *NOT_TEXT, TOO_LONG)

        taken = [
            shown(value)
            for value in values
            if not refused(http.post(address, json=body | {field: value}), field)
        ]

        assert taken == []

    @pytest.mark.parametrize("text", ["' OR 1=1 --", "$ne", "\x00", "", "*", "ann@example.com\x00"])
    def test_odd_texts_open_nothing(self, guest: Client, lee: User, text: str) -> None:
        answers = [
            guest.post("/v1/tokens", json={"email": text, "password": text}),
            guest.post("/v1/tokens", json={"email": lee.email + text, "password": text}),
            guest.post("/v1/tokens/refresh", json={"refresh_token": text}),
        ]

        assert [answer.status_code for answer in answers] == [401] * 3
        assert all(map(is_problem, answers))


class TestBodies:
    @pytest.mark.parametrize("name", BODIES)
    def test_are_refused(self, http: Client, lee: User, name: str) -> None:
        answers = [
            http.open(address, method=method, data=BODIES[name], headers=headers)
            for method, address in routes(lee)
            for headers in ({"Content-Type": "application/json", "If-Match": '"1"'},)
        ]

        assert [is_problem(answer) for answer in answers] == [True] * len(routes(lee))

    @pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data"])
    def test_that_do_not_say_they_are_json_are_refused(
        self, http: Client, lee: User, content_type: str | None
    ) -> None:
        answers = [
            http.open(
                address,
                method=method,
                data=b"{}",
                content_type=content_type,
                headers={"If-Match": '"1"'},
            )
            for method, address in routes(lee)
        ]

        assert [answer.status_code for answer in answers] == [415] * len(routes(lee))


def routes(lee: User) -> list[tuple[str, str]]:
    return [
        ("POST", "/v1/users"),
        ("PATCH", f"/v1/users/{lee.id}"),
        ("POST", "/v1/tokens"),
        ("POST", "/v1/tokens/refresh"),
        ("POST", "/v1/tokens/revoke"),
        ("POST", "/v1/tokens/delegations"),
    ]


@pytest.fixture
def guest(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as nobody."""
    return http_as(None)


@pytest.fixture
def lee(add_user: Callable[..., User]) -> User:
    """Somebody who is there already."""
    return add_user()


@pytest.fixture(autouse=True)
def nothing_changes(database: Database[Document], http: FlaskClient) -> Iterator[None]:
    """Nobody is registered or changed over HTTP, which leaves an event; nobody is signed in.

    Nobody but the one who asks, for whom there is a session.
    """
    assert http is not None
    before = database.sessions.count_documents({})
    yield
    assert database.users.count_documents(
        {"version": 1, "outbox": []}
    ) == database.users.count_documents({})
    assert database.sessions.count_documents({}) == before
