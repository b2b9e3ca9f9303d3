"""Signing in over HTTP, and what others learn of keys and revocations, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pymongo.database import Database

from services.accounts.model import User
from services.accounts.schemas import DelegationItemSchema, TokensSchema
from shared.auth.caller import Caller
from shared.auth.keyring import Keyring, read_published
from shared.auth.revocations import mark
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.errors import Unauthenticated

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
Add = Callable[..., User]


class TestDescription:
    @pytest.mark.parametrize(
        ("path", "statuses"),
        [
            ("/v1/tokens", {"401", "403", "409", "429"}),
            ("/v1/users/me/password", {"401", "422", "429"}),
        ],
    )
    def test_says_how_passwords_are_refused(
        self, guest: Client, path: str, statuses: set[str]
    ) -> None:
        described = guest.get("/openapi.json").json["paths"][path]["post"]["responses"]

        assert statuses <= described.keys()


class TestSignIn:
    def test_gives_tokens(self, guest: Client, add_user: Add, password: str) -> None:
        user = add_user(role="admin")

        answer = guest.post("/v1/tokens", json={"email": user.email, "password": password})

        tokens = answer.json
        assert answer.status_code == 201
        assert tokens.keys() == TokensSchema().fields.keys()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
        assert tokens["user"] == {"id": user.id, "name": "Ann Lee", "role": "admin"}
        assert answer.headers["Cache-Control"] == "no-store"

    def test_gives_a_token_that_works_here(
        self, guest: Client, add_user: Add, password: str
    ) -> None:
        user = add_user()
        token = signed_in(guest, user, password)["access_token"]

        me = guest.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})

        assert (me.status_code, me.json["id"]) == (200, user.id)

    def test_says_the_same_of_wrong_unknown_and_inactive(
        self, guest: Client, add_user: Add, password: str
    ) -> None:
        known, gone = add_user(), add_user(active=False)

        answers = [
            guest.post("/v1/tokens", json={"email": email, "password": word})
            for email, word in (
                (known.email, "wrong"),
                (known.email, ""),
                ("nobody@example.com", password),
                ("not an address", password),
                (gone.email, password),
            )
        ]

        said = [{**answer.json, "request_id": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [401] * 5
        assert said == [said[0]] * 5

    def test_waits_after_many_wrong_ones(self, guest: Client, add_user: Add, password: str) -> None:
        user = add_user()
        for _ in range(5):
            guest.post("/v1/tokens", json={"email": user.email, "password": "wrong"})

        answer = guest.post("/v1/tokens", json={"email": user.email, "password": password})

        assert (answer.status_code, answer.json["type"]) == (429, "urn:kith:problem:too-many")
        assert answer.headers["Retry-After"] == "1"

    def test_counts_by_the_address_that_asks(
        self, guest: Client, add_user: Add, password: str
    ) -> None:
        user = add_user()
        wrong = {"email": user.email, "password": "wrong"}
        for number in range(6):
            refused = guest.post(
                "/v1/tokens", json=wrong, headers={"X-Forwarded-For": f"192.0.2.{number}"}
            )
        right = wrong | {"password": password}

        elsewhere = guest.post(
            "/v1/tokens", json=right, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}
        )

        assert refused.status_code == guest.post("/v1/tokens", json=right).status_code == 429
        assert elsewhere.status_code == 201

    def test_asks_for_another_password_in_the_place_of_a_one_time_one(
        self, guest: Client, http_as: As, add_user: Add
    ) -> None:
        user = add_user()
        body = {"email": user.email, "password": "a password set by an admin"}
        http_as("admin").patch(
            f"/v1/users/{user.id}", json={"password": body["password"]}, headers={"If-Match": '"1"'}
        )

        asked = guest.post("/v1/tokens", json=body)
        refused = guest.post("/v1/tokens", json=body | {"new_password": "password1234"})
        chosen = guest.post("/v1/tokens", json=body | {"new_password": "a password of my own"})

        assert (asked.status_code, asked.json["type"]) == (
            403,
            "urn:kith:problem:password-one-time",
        )
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "new_password")
        assert (chosen.status_code, chosen.json["user"]["id"]) == (201, user.id)
        assert guest.post("/v1/tokens", json=body).status_code == 401


class TestRefresh:
    def test_replaces_the_token(self, guest: Client, add_user: Add, password: str) -> None:
        first = signed_in(guest, add_user(), password)

        answer = guest.post("/v1/tokens/refresh", json={"refresh_token": first["refresh_token"]})

        assert answer.status_code == 201
        assert answer.json.keys() == first.keys()
        assert answer.json["refresh_token"] != first["refresh_token"]
        assert answer.json["refresh_expires_at"] == first["refresh_expires_at"]

    def test_a_token_used_again_later_ends_the_session(
        self, guest: Client, add_user: Add, password: str, database: Database[Document]
    ) -> None:
        stolen = signed_in(guest, add_user(), password)["refresh_token"]
        mine = guest.post("/v1/tokens/refresh", json={"refresh_token": stolen}).json
        a_while_ago = datetime.now(UTC) - timedelta(seconds=11)
        database.sessions.update_one({}, {"$set": {"tokens.0.replaced_at": a_while_ago}})

        answers = [
            guest.post("/v1/tokens/refresh", json={"refresh_token": token})
            for token in (stolen, mine["refresh_token"])
        ]

        assert [answer.status_code for answer in answers] == [401, 401]
        assert answers[0].json["type"] == "urn:kith:problem:session-ended"


class TestDelegate:
    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_names_the_service(self, http_as: As, guest: Client, add_user: Add, role: str) -> None:
        user = add_user(role=role)

        answer = http_as(user).post("/v1/tokens/delegations", json={"to": "imports"})

        assert answer.status_code == 201
        caller = verifier(guest).caller(answer.json["access_token"])
        assert caller == Caller(user.id, role, via="imports")

    def test_cannot_be_passed_on(self, http_as: As, add_user: Add) -> None:
        service = http_as(add_user(role="admin"), via="imports")

        answer = service.post("/v1/tokens/delegations", json={"to": "imports"})

        assert (answer.status_code, answer.json["type"]) == (403, "urn:kith:problem:forbidden")

    def test_needs_somebody(self, guest: Client) -> None:
        assert guest.post("/v1/tokens/delegations", json={"to": "imports"}).status_code == 401

    def test_keeps_its_refresh_token(self, http_as: As, guest: Client) -> None:
        token = http_as("sales").post("/v1/tokens/delegations", json={"to": "imports"}).json

        answer = guest.post("/v1/tokens/refresh", json={"refresh_token": token["refresh_token"]})

        assert answer.json["refresh_token"] == token["refresh_token"]

    def test_is_listed_and_ended(self, http_as: As, guest: Client, add_user: Add) -> None:
        user = add_user()
        browser, admin = http_as(user), http_as("admin")
        token = browser.post("/v1/tokens/delegations", json={"to": "imports"}).json

        (mine,) = browser.get("/v1/tokens/delegations").json["items"]
        seen = admin.get("/v1/tokens/delegations", query_string={"user_id": user.id}).json
        statuses = [
            client.delete(f"/v1/tokens/delegations/{mine['id']}").status_code
            for client in (http_as("sales"), browser, admin)
        ]

        assert mine.keys() == DelegationItemSchema().fields.keys()
        assert seen["items"] == [mine]
        assert statuses == [404, 204, 404]
        refreshed = {"refresh_token": token["refresh_token"]}
        assert guest.post("/v1/tokens/refresh", json=refreshed).status_code == 401

    def test_of_others_is_not_shown(self, http_as: As, add_user: Add) -> None:
        answer = http_as("sales").get(f"/v1/tokens/delegations?user_id={add_user().id}")

        assert answer.status_code == 403

    @pytest.mark.parametrize("user_id", ["", "ann", "a" * 25, "$ne"])
    def test_is_listed_of_a_user(self, http: Client, user_id: str) -> None:
        answer = http.get("/v1/tokens/delegations", query_string={"user_id": user_id})

        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "user_id"

    @pytest.mark.parametrize(
        ("method", "address"),
        [
            ("GET", "/v1/users"),
            ("POST", "/v1/users"),
            ("GET", "/v1/users/me"),
            ("GET", "/v1/tokens/delegations"),
            ("POST", "/v1/tokens/delegations"),
            ("DELETE", "/v1/tokens/delegations/" + "0" * 24),
        ],
    )
    def test_opens_nothing_here(
        self, http_as: As, add_user: Add, method: str, address: str
    ) -> None:
        service = http_as(add_user(role="admin"), via="imports")

        answer = service.open(address, method=method, json={})

        assert (answer.status_code, answer.json["type"]) == (403, "urn:kith:problem:forbidden")


class TestSignOut:
    def test_ends_the_session(self, guest: Client, add_user: Add, password: str) -> None:
        token = {"refresh_token": signed_in(guest, add_user(), password)["refresh_token"]}

        statuses = [
            guest.post(f"/v1/tokens/{what}", json=token).status_code
            for what in ("refresh", "revoke", "revoke", "refresh")
        ]

        assert statuses == [201, 204, 204, 401]

    def test_voids_the_access_token_at_once(
        self, guest: Client, add_user: Add, password: str
    ) -> None:
        tokens = signed_in(guest, add_user(), password)
        shown = {"Authorization": f"Bearer {tokens['access_token']}"}
        before = guest.get("/v1/users/me", headers=shown)

        guest.post("/v1/tokens/revoke", json={"refresh_token": tokens["refresh_token"]})

        assert before.status_code == 200
        assert guest.get("/v1/users/me", headers=shown).status_code == 401
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier(guest).caller(tokens["access_token"])


class TestRevocations:
    @pytest.mark.parametrize(
        "changes",
        [{"role": "admin"}, {"active": False}, {"password": "another password"}],
        ids=str,
    )
    def test_are_told_and_obeyed(
        self, http: Client, guest: Client, add_user: Add, password: str, changes: Document
    ) -> None:
        user = add_user()
        token = signed_in(guest, user, password)["access_token"]
        before = verifier(guest).caller(token)

        http.patch(f"/v1/users/{user.id}", json=changes, headers={"If-Match": '"1"'})

        assert before == Caller(user.id, "sales")
        published = guest.get("/.well-known/revocations.json")
        assert mark(user.id) in published.json["users"]
        assert published.json["versions"][mark(user.id)] == 2
        assert user.id not in published.text
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier(guest).caller(token)

    def test_spare_a_user_whose_name_changes(
        self, http: Client, guest: Client, add_user: Add, password: str
    ) -> None:
        user = add_user()
        token = signed_in(guest, user, password)["access_token"]

        http.patch(f"/v1/users/{user.id}", json={"name": "B"}, headers={"If-Match": '"1"'})

        assert verifier(guest).caller(token).id == user.id

    def test_spare_the_tokens_of_a_new_role(
        self, http: Client, guest: Client, add_user: Add, password: str
    ) -> None:
        user = add_user()
        http.patch(f"/v1/users/{user.id}", json={"role": "admin"}, headers={"If-Match": '"1"'})

        token = signed_in(guest, user, password)["access_token"]

        assert verifier(guest).caller(token) == Caller(user.id, "admin")


class TestKeys:
    def test_are_a_jwk_set(self, guest: Client, signing_key: Document) -> None:
        answer = guest.get("/.well-known/jwks.json")

        (key,) = answer.json["keys"]
        assert key == signing_key["public_key"]
        assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}


def signed_in(guest: Client, user: User, password: str) -> Document:
    tokens: Document = guest.post(
        "/v1/tokens", json={"email": user.email, "password": password}
    ).json
    return tokens


def verifier(guest: Client) -> TokenVerifier:
    """What another service makes of tokens, by what accounts publishes now."""
    published = read_published(
        guest.get("/.well-known/jwks.json").json,
        guest.get("/.well-known/revocations.json").json,
    )
    return TokenVerifier(Keyring(lambda: published))


@pytest.fixture
def guest(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as nobody."""
    return http_as(None)
