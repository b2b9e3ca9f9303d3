import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from openapi_spec_validator import validate

from shared.auth.middleware import allow
from shared.web import responses
from shared.web.parsing import ApiBlueprint

Serve = Callable[..., FlaskClient]


class TestDescription:
    def test_is_valid_openapi(self, http: FlaskClient) -> None:
        answer = http.get("/openapi.json")

        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        validate(answer.get_json())

    def test_says_what_the_service_is(self, description: dict[str, Any]) -> None:
        assert description["openapi"] == "3.1.0"
        assert description["info"] == {"title": "A shop", "version": "v1", "description": "Sells."}

    def test_holds_wherever_the_service_is_mounted(self, description: dict[str, Any]) -> None:
        assert description["servers"] == [{"url": "."}]

    def test_says_that_a_token_is_asked_for(self, description: dict[str, Any]) -> None:
        assert description["security"] == [{"token": []}]
        assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"

    def test_says_what_a_view_takes_and_answers(self, description: dict[str, Any]) -> None:
        add = description["paths"]["/lamps"]["post"]

        assert add["summary"] == "Add a lamp."
        assert set(add["responses"]) >= {"201", "422"}
        (header,) = (each for each in add["parameters"] if each["in"] == "header")
        assert (header["name"], header["required"]) == ("Idempotency-Key", False)

    def test_says_that_a_change_names_its_version(self, description: dict[str, Any]) -> None:
        change = description["paths"]["/lamps/{id}"]["patch"]

        (header,) = (each for each in change["parameters"] if each["in"] == "header")
        assert (header["name"], header["required"]) == ("If-Match", True)

    def test_says_what_a_refusal_looks_like(self, description: dict[str, Any]) -> None:
        problem = description["components"]["schemas"]["Problem"]

        assert set(problem["required"]) == {"type", "title", "status", "detail", "request_id"}


class TestPage:
    def test_needs_no_other_host(self, http: FlaskClient) -> None:
        page = http.get("/docs").text
        start = http.get("/docs/start.js").text

        assert "//" not in page
        assert "//" not in start

    def test_finds_all_that_it_needs(self, http: FlaskClient) -> None:
        page = http.get("/docs").text
        needed = re.findall(r'(?:src|href)="([^"]+)"', page)

        assert len(needed) >= 3
        for path in (*needed, "openapi.json"):
            assert http.get(f"/{path}", buffered=True).status_code == 200

    def test_forbids_the_browser_to_ask_another_host(self, http: FlaskClient) -> None:
        policy = http.get("/docs").headers["Content-Security-Policy"]

        assert policy.startswith("default-src 'self';")
        assert "http" not in policy
        assert "unsafe-eval" not in policy

    def test_may_be_kept_by_the_browser_as_far_as_it_never_changes(self, http: FlaskClient) -> None:
        asset = http.get("/docs/swagger-ui.css", buffered=True)

        assert "max-age" in asset.headers["Cache-Control"]
        assert http.get("/openapi.json").headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "path",
        [
            "/docs/../../../../etc/passwd",
            "/docs/%2e%2e/%2e%2e/__init__.py",
            "/docs/..%2f..%2f__init__.py",
            "/docs//etc/passwd",
            "/docs/%00",
            "/docs/nothing.js",
            "/docs/",
        ],
    )
    def test_gives_no_file_that_is_not_its_own(self, http: FlaskClient, path: str) -> None:
        answer = http.get(path)

        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"


class LampSchema(Schema):
    """A lamp."""

    name = fields.String()


@pytest.fixture
def description(http: FlaskClient) -> dict[str, Any]:
    """What the service says of itself."""
    found: dict[str, Any] = http.get("/openapi.json").get_json()
    return found


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application that sells lamps."""
    blueprint = ApiBlueprint("lamps", __name__)

    def add(payload: dict[str, Any]) -> Response:
        """Add a lamp."""
        return responses.data(payload, status=201)

    def change(payload: dict[str, Any], id: str) -> Response:
        """Change a lamp."""
        return responses.data({"id": id, **payload})

    blueprint.post("/lamps")(
        allow("sales")(
            blueprint.arguments(LampSchema)(
                blueprint.answers(201, LampSchema)(blueprint.documents_creation()(add))
            )
        )
    )
    blueprint.patch("/lamps/<id>")(
        allow("sales")(
            blueprint.arguments(LampSchema)(
                blueprint.answers(200, LampSchema)(blueprint.documents_precondition()(change))
            )
        )
    )
    return serve(blueprint)
