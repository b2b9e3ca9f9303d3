import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from marshmallow import Schema, fields

from shared.auth.middleware import public
from shared.mongo.client import connect
from shared.settings import Settings
from shared.web import responses
from shared.web.app import without_deadline
from shared.web.bodies import MAX_BODY_BYTES, body_limit
from shared.web.parsing import ApiBlueprint
from shared.web.responses import data
from tests.support.limits import Limits

Serve = Callable[..., FlaskClient]
Headers = Callable[[str], dict[str, str]]


class TestRequestId:
    def test_is_new_for_each_request(self, http: FlaskClient) -> None:
        ids = {http.get("/things").headers["X-Request-Id"] for _ in range(3)}

        assert len(ids) == 3

    def test_is_the_callers_own_if_they_send_one(self, http: FlaskClient) -> None:
        answer = http.get("/things", headers={"X-Request-Id": "order-17_a.b"})

        assert answer.headers["X-Request-Id"] == "order-17_a.b"

    @pytest.mark.parametrize("given", ["", "a b", "a" * 65, "<script>", "a;level=error", "\xe9"])
    def test_is_not_the_callers_own_if_it_would_spoil_the_log(
        self, http: FlaskClient, given: str
    ) -> None:
        answer = http.get("/things", headers={"X-Request-Id": given})

        assert answer.headers["X-Request-Id"] != given
        assert len(answer.headers["X-Request-Id"]) == 32


class TestAnswer:
    def test_is_kept_by_no_cache_and_guessed_at_by_no_browser(self, http: FlaskClient) -> None:
        answer = http.get("/things")

        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_is_so_when_it_is_a_refusal_too(self, http: FlaskClient) -> None:
        answer = http.get("/nowhere")

        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestMetrics:
    def test_count_requests_by_route_and_not_by_address(
        self, http: FlaskClient, headers: Headers
    ) -> None:
        http.get("/things/17")
        http.get("/things/18")

        metrics = http.get("/metrics", headers=headers("admin")).text

        assert 'method="GET",route="/things/<id>",status="200"' in metrics
        assert "/things/17" not in metrics

    def test_have_no_series_that_a_stranger_may_add(
        self, http: FlaskClient, headers: Headers
    ) -> None:
        http.open("/things", method="INVENTED")
        http.get("/an/address/of/my/own")

        metrics = http.get("/metrics", headers=headers("admin")).text

        assert 'method="other",route="none",status="405"' in metrics
        assert 'method="GET",route="none",status="404"' in metrics
        assert "INVENTED" not in metrics
        assert "my/own" not in metrics


class TestDeadline:
    def test_is_one_for_all_questions_of_a_request_and_for_no_other(
        self, serve: Serve, settings: Settings
    ) -> None:
        probe = Limits()
        with connect(settings, listeners=[probe]) as watched:

            def ask() -> Response:
                watched.shop.things.find_one()
                # What the first question took is no longer there for the second.
                time.sleep(0.02)
                watched.shop.things.find_one()
                return data([])

            http = serve(asking(ask), client=watched)
            http.get("/ask")
            watched.shop.things.find_one()

        first, second, outside = probe.found
        assert first is not None
        assert second is not None
        assert 0 < second < first <= 10_000
        assert outside is None

    def test_is_lifted_after_a_failure_too(self, serve: Serve, settings: Settings) -> None:
        probe = Limits()
        with connect(settings, listeners=[probe]) as watched:

            def fail() -> Response:
                raise KeyError

            assert serve(asking(fail), client=watched).get("/ask").status_code == 500
            watched.shop.things.find_one()

        assert probe.found == [None]

    def test_is_not_set_for_views_that_move_files(self, serve: Serve, settings: Settings) -> None:
        probe = Limits()
        with connect(settings, listeners=[probe]) as watched:

            def move() -> Response:
                watched.shop.things.find_one()
                return data([])

            serve(asking(without_deadline(move)), client=watched).get("/ask")

        assert probe.found == [None]

    def test_is_lifted_once_where_requests_share_a_context(self, serve: Serve) -> None:
        blueprint = asking(lambda: data([]))
        blueprint.get("/move")(public(without_deadline(lambda: data([]))))
        http = serve(blueprint)

        with http.application.app_context():
            statuses = [http.get(path).status_code for path in ("/ask", "/move")]

        assert statuses == [200, 200]


def asking(view: Callable[[], Response]) -> ApiBlueprint:
    """This view, open to everybody."""
    blueprint = ApiBlueprint("asking", __name__)
    blueprint.get("/ask")(public(view))
    return blueprint


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application with things."""
    blueprint = ApiBlueprint("things", __name__)

    def search() -> Response:
        return data([])

    blueprint.get("/things")(public(search))

    def show(id: str) -> Response:
        return data({"id": id})

    blueprint.get("/things/<id>")(public(show))

    return serve(blueprint)


class TestBodyLimit:
    def test_is_higher_for_this_view(self, limited: FlaskClient) -> None:
        answer = limited.post("/large", json={"entries": ["a" * MAX_BODY_BYTES]})

        assert answer.get_json() == 1

    def test_is_the_usual_one_for_others(self, limited: FlaskClient) -> None:
        answer = limited.post("/usual", json={"entries": ["a" * MAX_BODY_BYTES]})

        assert answer.status_code == 413

    def test_is_a_limit(self, limited: FlaskClient) -> None:
        answer = limited.post("/large", json={"entries": ["a" * 2 * MAX_BODY_BYTES]})

        assert answer.status_code == 413
        assert answer.content_type == "application/problem+json"


class EntriesSchema(Schema):
    """Many entries."""

    entries = fields.List(fields.Raw(), required=True)


@pytest.fixture
def limited(serve: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of two views that take entries, one of them with a limit of its own."""
    blueprint = ApiBlueprint("limits", __name__)

    def count(payload: dict[str, Any]) -> Response:
        return responses.data(len(payload["entries"]))

    take = blueprint.arguments(EntriesSchema)(count)
    blueprint.post("/usual", endpoint="usual")(public(take))
    blueprint.post("/large", endpoint="large")(public(body_limit(2 * MAX_BODY_BYTES)(take)))
    return serve(blueprint)
