from collections.abc import Callable

import pytest
from flask import Response
from flask.testing import FlaskClient

from shared.auth.middleware import public
from shared.web.answers import data
from shared.web.parsing import ApiBlueprint

Serve = Callable[..., FlaskClient]


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
    def test_count_requests_by_route_and_not_by_address(self, http: FlaskClient) -> None:
        http.get("/things/17")
        http.get("/things/18")

        metrics = http.get("/metrics").text

        assert 'method="GET",route="/things/<id>",status="200"' in metrics
        assert "/things/17" not in metrics

    def test_have_no_series_that_a_stranger_may_add(self, http: FlaskClient) -> None:
        http.open("/things", method="INVENTED")
        http.get("/an/address/of/my/own")

        metrics = http.get("/metrics").text

        assert 'method="other",route="none",status="405"' in metrics
        assert 'method="GET",route="none",status="404"' in metrics
        assert "INVENTED" not in metrics
        assert "my/own" not in metrics


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
