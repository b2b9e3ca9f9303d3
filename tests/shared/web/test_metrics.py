from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Serve = Callable[..., FlaskClient]
Headers = Callable[[str], dict[str, str]]
TOKEN = "the token of Prometheus"


class TestMetrics:
    def test_are_text_that_prometheus_reads(self, serve: Serve) -> None:
        answer = asked(serve(metrics_token=TOKEN), f"Bearer {TOKEN}")

        assert answer.status_code == 200
        assert answer.mimetype == "text/plain"
        assert "# TYPE http_request_seconds histogram" in answer.text

    @pytest.mark.parametrize("token", [TOKEN, None])
    @pytest.mark.parametrize(("role", "status"), [("admin", 200), ("sales", 403)])
    def test_are_for_admins(
        self, serve: Serve, headers: Headers, token: str | None, role: str, status: int
    ) -> None:
        answer = serve(metrics_token=token).get("/metrics", headers=headers(role))

        assert answer.status_code == status

    @pytest.mark.parametrize("token", [TOKEN, None])
    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer None",
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN.upper()}",
            "Bearer \xe9",
            f"Basic {TOKEN}",
        ],
    )
    def test_are_for_no_stranger(self, serve: Serve, token: str | None, header: str | None) -> None:
        answer = asked(serve(metrics_token=token), header)

        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "http_request_seconds" not in answer.text

    def test_are_not_changed(self, serve: Serve) -> None:
        assert serve(metrics_token=TOKEN).post("/metrics").status_code == 405


def asked(http: FlaskClient, header: str | None) -> TestResponse:
    """The answer to whoever shows this."""
    return http.get("/metrics", headers={} if header is None else {"Authorization": header})
