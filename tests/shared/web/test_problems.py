from collections.abc import Callable
from http import HTTPStatus

import pytest
from flask import Response
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
)
from werkzeug.exceptions import ImATeapot
from werkzeug.test import TestResponse

from shared import errors
from shared.auth.middleware import public
from shared.errors import FieldError, Refusal
from shared.web import problems
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.parsing import ApiBlueprint
from shared.web.responses import data

Serve = Callable[..., FlaskClient]


class EmailTaken(errors.Conflict):
    """A refusal as a service would name it."""


class TestStatusOf:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            (errors.Malformed, 400),
            (errors.Unauthenticated, 401),
            (errors.Forbidden, 403),
            (errors.NotFound, 404),
            (errors.Conflict, 409),
            (errors.Stale, 412),
            (errors.TooLarge, 413),
            (errors.UnsupportedFormat, 415),
            (errors.Invalid, 422),
            (errors.VersionMissing, 428),
            (errors.Unavailable, 503),
        ],
    )
    def test_is_that_of_the_kind(self, kind: type[Refusal], status: int) -> None:
        assert problems.status_of(kind()) == status

    def test_is_that_of_the_kind_for_what_a_service_refuses(self) -> None:
        assert problems.status_of(EmailTaken()) is HTTPStatus.CONFLICT

    def test_is_known_for_every_kind_there_is(self) -> None:
        kinds = set(Refusal.__subclasses__())

        assert {kind for kind, _ in problems.STATUSES} == kinds


class TestDescribe:
    def test_names_the_refusal_by_its_class(self) -> None:
        described = problems.describe(EmailTaken("Somebody has this address."))

        assert described == {
            "type": "urn:kith:problem:email-taken",
            "title": "Email taken",
            "status": 409,
            "detail": "Somebody has this address.",
        }

    def test_names_each_field_and_who_holds_its_value(self) -> None:
        wrong = (
            FieldError("emails.0.address", "It is taken.", "abc"),
            FieldError("phones", "There are too many."),
        )

        described = problems.describe(EmailTaken(errors=wrong))

        assert described["errors"] == [
            {"field": "emails.0.address", "message": "It is taken.", "holder": "abc"},
            {"field": "phones", "message": "There are too many."},
        ]


class TestFailure:
    def test_an_unknown_address(self, http: FlaskClient) -> None:
        assert problem(http.get("/nowhere")) == (404, "not-found")

    @pytest.mark.parametrize(
        "path", ["/things/", "//things", "/health//live", "/%00", "/things/%ff", "/../things"]
    )
    def test_an_address_that_is_almost_one(self, http: FlaskClient, path: str) -> None:
        assert problem(http.get(path)) == (404, "not-found")

    @pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "INVENTED"])
    def test_a_method_that_is_not_taken(self, http: FlaskClient, method: str) -> None:
        answer = http.open("/things", method=method)

        assert problem(answer) == (405, "method-not-allowed")
        allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
        assert allowed == {"GET", "HEAD", "OPTIONS", "POST"}

    def test_a_body_that_is_too_large(self, http: FlaskClient) -> None:
        answer = http.post(
            "/things", data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json"
        )

        assert problem(answer) == (413, "request-entity-too-large")

    def test_a_body_of_another_type(self, http: FlaskClient) -> None:
        answer = http.post("/things", data=b"<a/>", content_type="text/xml")

        assert problem(answer) == (415, "unsupported-format")

    def test_a_body_that_cannot_be_read(self, http: FlaskClient) -> None:
        answer = http.post("/things", data=b"{", content_type="application/json")

        assert problem(answer) == (400, "malformed")

    def test_a_field_that_breaks_a_rule(self, http: FlaskClient) -> None:
        answer = http.post("/things", json={"name": 5, "lines": [{"size": 1}, {"size": "x"}]})

        assert problem(answer) == (422, "invalid")
        assert [error["field"] for error in answer.get_json()["errors"]] == [
            "name",
            "lines.1.size",
        ]

    @pytest.mark.parametrize("host", ["a..b", "x" * 300])
    def test_a_host_that_is_none(self, http: FlaskClient, host: str) -> None:
        assert problem(http.get("/things", headers={"Host": host})) == (400, "bad-request")

    def test_one_that_only_the_framework_knows(self, serve: Serve) -> None:
        answer = serve(failing(ImATeapot())).get("/fail")

        assert problem(answer) == (418, "i'm-a-teapot")

    def test_a_refusal_says_its_sentence(self, serve: Serve) -> None:
        answer = serve(failing(EmailTaken("Somebody has this address."))).get("/fail")

        assert problem(answer) == (409, "email-taken")
        assert answer.get_json()["detail"] == "Somebody has this address."

    def test_too_many_says_when_to_come_again(self, serve: Serve) -> None:
        answer = serve(failing(errors.TooMany("Slow down.", retry_after=17))).get("/fail")

        assert problem(answer) == (429, "too-many")
        assert answer.headers["Retry-After"] == "17"

    def test_unavailable_says_when_to_come_again(self, serve: Serve) -> None:
        answer = serve(failing(errors.Unavailable("Not now."))).get("/fail")

        assert problem(answer) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "2"

    @pytest.mark.parametrize(
        "outage",
        [
            AutoReconnect("secret"),
            NetworkTimeout("secret"),
            ServerSelectionTimeoutError("secret"),
            WaitQueueTimeoutError("secret"),
            NotPrimaryError("secret"),
            ExecutionTimeout("secret", 50),
            WriteConcernError("secret"),
            WriteError("secret", 11602),
            BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"errmsg": "secret"}]}),
        ],
        ids=lambda outage: type(outage).__name__,
    )
    def test_a_database_that_is_away_is_no_fault_of_the_program(
        self, serve: Serve, outage: Exception
    ) -> None:
        answer = serve(failing(outage)).get("/fail")

        assert problem(answer) == (503, "unavailable")
        assert "Retry-After" in answer.headers
        assert "secret" not in answer.text

    @pytest.mark.parametrize(
        "error",
        [
            RuntimeError("secret"),
            KeyError("secret"),
            OperationFailure("secret"),
            Refusal("secret"),
            WriteError("secret", 121),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_nobody_expected_tells_nothing_of_itself(
        self, serve: Serve, error: Exception
    ) -> None:
        answer = serve(failing(error)).get("/fail")

        assert problem(answer) == (500, "internal-server-error")
        assert "secret" not in answer.text
        assert type(error).__name__ not in answer.text
        assert "Traceback" not in answer.text


def problem(answer: TestResponse) -> tuple[int, str]:
    """The status and the kind of a refusal, which has to be a whole one."""
    assert answer.content_type == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["type"].removeprefix("urn:kith:problem:")


def failing(error: Exception) -> ApiBlueprint:
    """A view that fails like this."""
    blueprint = ApiBlueprint("failing", __name__)

    def fail() -> Response:
        raise error

    blueprint.get("/fail")(public(fail))

    return blueprint


class PartSchema(Schema):
    """A part of a thing."""

    size = fields.Integer()


class ThingSchema(Schema):
    """A thing."""

    name = fields.String()
    lines = fields.List(fields.Nested(PartSchema))


def things() -> ApiBlueprint:
    """An address that takes GET and POST."""
    blueprint = ApiBlueprint("things", __name__)

    def show() -> Response:
        return data({})

    blueprint.get("/things")(public(show))

    def add(payload: dict[str, object]) -> Response:
        return data(payload, status=201)

    blueprint.post("/things")(public(blueprint.arguments(ThingSchema)(add)))

    return blueprint


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application with things."""
    return serve(things())
