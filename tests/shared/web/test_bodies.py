from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request

from shared.auth.middleware import allow, public
from shared.errors import TooLarge
from shared.web import responses
from shared.web.bodies import MAX_BODY_BYTES, MAX_VALUES, BodyLimit, body_limit, countable
from shared.web.parsing import ApiBlueprint
from shared.web.server.asking import ADMITS, ASKS

Headers = Callable[[str], dict[str, str]]
LARGE = 5 * MAX_BODY_BYTES


class TestAsking:
    @pytest.mark.parametrize("length", [None, 1, LARGE])
    def test_is_answered_with_the_limit_of_the_view(
        self, ask: Callable[..., Any], headers: Headers, length: int | None
    ) -> None:
        assert ask("/large", length, **headers("sales")) == (100, LARGE)

    def test_does_not_run_the_view(self, ask: Callable[..., Any], seen: list[str]) -> None:
        assert ask("/usual", 5) == (100, MAX_BODY_BYTES)
        assert seen == []

    @pytest.mark.parametrize(
        ("path", "role", "status"),
        [("/large", None, 401), ("/large", "admin", 403), ("/nowhere", "sales", 404)],
    )
    def test_is_answered_with_what_refuses_the_caller(
        self, ask: Callable[..., Any], headers: Headers, path: str, role: str | None, status: int
    ) -> None:
        assert ask(path, LARGE, **(headers(role) if role else {})) == (status, None)

    def test_is_refused_what_is_too_large(self, ask: Callable[..., Any], headers: Headers) -> None:
        assert ask("/large", LARGE + 1, **headers("sales")) == (413, None)
        assert ask("/usual", MAX_BODY_BYTES + 1) == (413, None)


class TestAdvice:
    def test_is_what_is_said_to_who_sends_too_much(self, app: Flask, headers: Headers) -> None:
        answer = app.test_client().post("/large", data=b"a" * (LARGE + 1), headers=headers("sales"))

        assert answer.get_json()["detail"] == "Send less."
        assert answer.get_json()["type"] == "urn:kith:problem:too-large"


class TestCountable:
    def test_is_what_has_few_values(self) -> None:
        body = b"[" + b",".join([b"0"] * MAX_VALUES) + b"]"

        assert countable(body) is body

    def test_is_not_what_has_more(self) -> None:
        with pytest.raises(TooLarge):
            countable(b"[" + b",".join([b"0"] * (MAX_VALUES + 1)) + b"]")


@pytest.fixture
def seen() -> list[str]:
    """The requests that came as far as a view."""
    return []


@pytest.fixture
def app(build_app: Callable[..., Flask], seen: list[str]) -> Flask:
    """An application with a view of the usual limit and one with a limit of its own."""
    blueprint = ApiBlueprint("limits", __name__)

    def view() -> Response:
        seen.append(request.path)
        return responses.data(None)

    limited = body_limit(lambda: BodyLimit(LARGE, advice="Send less."))(view)
    blueprint.post("/usual", endpoint="usual")(public(view))
    blueprint.post("/large", endpoint="large")(allow("sales")(limited))
    return build_app(blueprint)


@pytest.fixture
def ask(app: Flask) -> Callable[..., tuple[int, int | None]]:
    """`ask(path, length, **headers)`: the answer to the question, and the limit that it gives."""

    def make(path: str, length: int | None, **headers: str) -> tuple[int, int | None]:
        environ: dict[str, Any] = {ASKS: True}
        if length is not None:
            environ["CONTENT_LENGTH"] = str(length)
        with app.test_request_context(
            path, method="POST", headers=headers, environ_overrides=environ
        ) as made:
            answer = app.full_dispatch_request()
            return answer.status_code, made.request.environ.get(ADMITS)

    return make
