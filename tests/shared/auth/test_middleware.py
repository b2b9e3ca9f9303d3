from collections.abc import Callable, Iterator

import pytest
from flask import Blueprint, Response
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.test import TestResponse

from shared.api_client import ApiUnreachable
from shared.auth.keyring import MAX_UNKNOWN_SECONDS, Keyring, Published
from shared.auth.middleware import allow, allowed_roles, caller, origin, public
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.web.app import create_app
from shared.web.responses import data
from tests.support.clock import Clock
from tests.support.forgery import FORGERIES, Make, Mint, mint

Serve = Callable[[TokenVerifier], FlaskClient]
Headers = Callable[[str], dict[str, str]]


class TestAllow:
    def test_lets_a_named_role_in(self, http: FlaskClient, headers: Headers) -> None:
        answer = http.get("/staff", headers=headers("sales"))

        assert answer.status_code == 200
        assert answer.get_json()["role"] == "sales"

    def test_says_sign_in_without_a_token(self, http: FlaskClient) -> None:
        answer = http.get("/staff")

        assert problem(answer) == (401, "urn:kith:problem:unauthenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="kith"'

    def test_refuses_a_role_that_is_not_named(self, http: FlaskClient, headers: Headers) -> None:
        answer = http.get("/admin", headers=headers("sales"))

        assert problem(answer) == (403, "urn:kith:problem:forbidden")

    def test_does_not_take_an_admin_for_everybody(
        self, http: FlaskClient, headers: Headers
    ) -> None:
        answer = http.get("/sales", headers=headers("admin"))

        assert problem(answer) == (403, "urn:kith:problem:forbidden")

    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_a_view_that_names_nobody_is_for_nobody(
        self, http: FlaskClient, headers: Headers, role: str
    ) -> None:
        answer = http.get("/unnamed", headers=headers(role))

        assert problem(answer) == (403, "urn:kith:problem:forbidden")

    def test_a_view_that_names_nobody_asks_strangers_to_sign_in(self, http: FlaskClient) -> None:
        assert problem(http.get("/unnamed")) == (401, "urn:kith:problem:unauthenticated")

    def test_says_who_it_is_to_those_who_hear_of_it(
        self, http: FlaskClient, headers: Headers
    ) -> None:
        told = headers("sales")

        said = http.get("/origin", headers=told).get_json()

        id = http.get("/staff", headers=told).get_json()["id"]
        assert said == {"actor": {"id": id, "role": "sales"}, "via": None}

    @pytest.mark.parametrize("roles", [(), ("owner",), ("sales", "owner"), ("*",)])
    def test_takes_no_role_that_does_not_exist(self, roles: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="no known role"):
            allow(*roles)

    def test_says_whom_a_view_names(self) -> None:
        assert allowed_roles(allow("sales", "admin")(unnamed)) == {"sales", "admin"}

    def test_runs_no_view_for_a_stranger(self, http: FlaskClient) -> None:
        answer = http.post("/counted")

        assert answer.status_code == 401
        assert http.get("/count").get_json() == 0


class TestPublic:
    def test_needs_no_token(self, http: FlaskClient) -> None:
        assert http.get("/public").status_code == 200

    def test_does_not_look_at_a_token_that_comes_along(self, http: FlaskClient) -> None:
        answer = http.get("/public", headers={"Authorization": "Bearer nonsense"})

        assert answer.status_code == 200

    def test_works_while_no_key_is_known(self, serve: Serve) -> None:
        http = serve(TokenVerifier(Keyring(Published)))

        assert http.get("/public").status_code == 200


class TestToken:
    @pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
    def test_a_forgery_is_answered_as_a_problem(
        self, http: FlaskClient, ours: Mint, forge: Make
    ) -> None:
        answer = http.get("/staff", headers={"Authorization": f"Bearer {forge(ours)}"})

        assert problem(answer) == (401, "urn:kith:problem:unauthenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="kith"'

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "token",
            "Bearer\t",
            "\xff\xfe",
            "Bearer " + "," * 9,
        ],
    )
    def test_a_header_without_a_token_is_answered_as_a_problem(
        self, http: FlaskClient, header: str
    ) -> None:
        answer = http.get("/staff", headers={"Authorization": header})

        assert problem(answer) == (401, "urn:kith:problem:unauthenticated")

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_its_scheme_may_be_written_in_any_case(
        self, http: FlaskClient, ours: Mint, scheme: str
    ) -> None:
        answer = http.get("/staff", headers={"Authorization": f"{scheme} {ours.token()}"})

        assert answer.status_code == 200

    @pytest.mark.parametrize("scheme", ["Basic", "Token", "DPoP", ""])
    def test_may_not_come_under_another_scheme(
        self, http: FlaskClient, ours: Mint, scheme: str
    ) -> None:
        answer = http.get("/staff", headers={"Authorization": f"{scheme} {ours.token()}"})

        assert problem(answer) == (401, "urn:kith:problem:unauthenticated")

    def test_may_not_come_by_another_way(self, http: FlaskClient, ours: Mint) -> None:
        token = ours.token()

        answer = http.get(f"/staff?access_token={token}", headers={"Cookie": f"token={token}"})

        assert answer.status_code == 401

    def test_cannot_be_checked_while_no_key_is_known(self, serve: Serve, ours: Mint) -> None:
        def fetch() -> Published:
            raise ApiUnreachable("away")

        http = serve(TokenVerifier(Keyring(fetch)))

        answer = http.get("/staff", headers={"Authorization": f"Bearer {ours.token()}"})

        assert problem(answer) == (503, "urn:kith:problem:unavailable")
        assert int(answer.headers["Retry-After"]) > 0


class TestStalledAccounts:
    def test_reads_go_on_and_nothing_is_changed(
        self, serve: Serve, headers: Headers, published: Published, clock: Clock
    ) -> None:
        answers = [published]

        def fetch() -> Published:
            if not answers:
                raise ApiUnreachable("stalled")
            return answers.pop()

        verifier = TokenVerifier(Keyring(fetch, clock=clock, later=lambda work: work()))
        http, told = serve(verifier), headers("sales")

        before = http.post("/counted", headers=told)
        clock.advance(MAX_UNKNOWN_SECONDS + 1)
        changed, read = http.post("/counted", headers=told), http.get("/staff", headers=told)

        assert (before.status_code, read.status_code) == (200, 200)
        assert problem(changed) == (503, "urn:kith:problem:unavailable")
        assert int(changed.headers["Retry-After"]) > 0
        assert http.get("/count").get_json() == 1


class TestUnknownAddress:
    def test_is_not_found_by_a_stranger_either(self, http: FlaskClient) -> None:
        assert problem(http.get("/nowhere")) == (404, "urn:kith:problem:not-found")

    def test_its_method_is_refused_before_anybody_is_asked(self, http: FlaskClient) -> None:
        answer = http.delete("/staff")

        assert problem(answer) == (405, "urn:kith:problem:method-not-allowed")


def problem(answer: TestResponse) -> tuple[int, str]:
    """The status and the type of a refusal, which has to be a whole one."""
    assert answer.content_type == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, body["type"]


def unnamed() -> Response:
    """A view that forgot to say whom it is for."""
    return data({})


def routes() -> Blueprint:
    """A view for each kind of caller."""
    made = Blueprint("views", __name__)
    calls: list[str] = []

    def whoami() -> Response:
        return data({"id": caller().id, "role": caller().role})

    def count() -> Response:
        calls.append(caller().id)
        return data(len(calls))

    made.add_url_rule("/origin", "origin", allow("sales", "admin")(lambda: data(origin())))
    made.add_url_rule("/staff", "staff", allow("sales", "admin")(lambda: whoami()))
    made.add_url_rule("/sales", "sales", allow("sales")(lambda: whoami()))
    made.add_url_rule("/admin", "admin", allow("admin")(lambda: whoami()))
    made.add_url_rule("/unnamed", "unnamed", unnamed)
    made.add_url_rule("/public", "public", public(lambda: data({})))
    made.add_url_rule("/counted", "counted", allow("sales")(count), methods=["POST"])
    made.add_url_rule("/count", "count", public(lambda: data(len(calls))))
    return made


@pytest.fixture
def ours(signing_key: Document) -> Mint:
    """The mint whose key is published."""
    return mint(signing_key)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(verifier)`: a client of an application with these views."""
    with MongoClient[Document](connect=False) as client:

        def make(verifier: TokenVerifier) -> FlaskClient:
            app, _ = create_app(
                "views", title="Views", description="", verifier=verifier, client=client
            )
            app.register_blueprint(routes())
            return app.test_client()

        yield make


@pytest.fixture
def http(serve: Serve, verifier: TokenVerifier) -> FlaskClient:
    """A client of an application that knows the keys of `headers`."""
    return serve(verifier)
