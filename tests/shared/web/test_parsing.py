from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from marshmallow import Schema, ValidationError, fields, validates_schema
from werkzeug.test import TestResponse

from shared.auth.middleware import public
from shared.web import parsing, responses
from shared.web.fields import Amount, Text, Time
from shared.web.parsing import ApiBlueprint

Serve = Callable[..., FlaskClient]
JSON = "application/json"
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "cut short": b'{"name": "a"',
    "something after": b'{"name": "a"} {}',
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "a number without end": b'{"name": ' + b"1" * 100_000 + b"}",
    "an exponent without end": b'{"name": 1e99999}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a control character": b'{"name": "a\x00b"}',
    "an escaped control character": b'{"name": "a\\u0000b"}',
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"name":' * 100_000,
    "nested where a name should be": b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a huge text": b'{"name": "' + b"a" * 1_000_000 + b'"}',
}


class TestBody:
    def test_is_loaded_by_its_schema(self, http: FlaskClient) -> None:
        answer = http.post("/things", json={"name": " Lamp ", "parts": [{"price": "2.50"}]})

        assert answer.get_json() == {"name": "Lamp", "parts": [{"price": "2.50"}]}

    @pytest.mark.parametrize(
        "content_type", [JSON, "application/json; charset=utf-8", "application/merge-patch+json"]
    )
    def test_may_say_in_several_ways_that_it_is_json(
        self, http: FlaskClient, content_type: str
    ) -> None:
        answer = http.post("/things", data=b"{}", content_type=content_type)

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "content_type", ["", "text/plain", "multipart/form-data", "application/jsonp", "\xff", ";"]
    )
    def test_has_to_say_that_it_is_json(self, http: FlaskClient, content_type: str) -> None:
        answer = http.post("/things", data=b"{}", content_type=content_type)

        assert kind(answer) == (415, "unsupported-format")

    @pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
    def test_that_is_hostile_is_refused(self, http: FlaskClient, body: bytes) -> None:
        answer = http.post("/things", data=body, content_type=JSON)

        assert kind(answer) in {(400, "malformed"), (422, "invalid")}

    def test_says_where_it_breaks_off(self, http: FlaskClient) -> None:
        answer = http.post("/things", data=b'{\n"name": nothing}', content_type=JSON)

        assert answer.get_json()["detail"] == "The body is not valid JSON (line 2, column 9)."

    @pytest.mark.parametrize(
        "body",
        [
            b'{"name": "a", "name": "b"}',
            b'{"name":"a","name" :"a"}',
            b'{"name": "a", "\\u006eame": "b"}',
            b'{"name": "a", "name": "\\u003a"}',
            b'{"name": "x:y", "name": "a"}',
            b'{"parts": [{}, {"name": 1, "price": "1", "name": 1}]}',
        ],
    )
    def test_with_a_name_twice_is_refused(self, http: FlaskClient, body: bytes) -> None:
        answer = http.post("/things", data=body, content_type=JSON)

        assert kind(answer) == (400, "malformed")
        assert answer.get_json()["detail"] == (
            'The name "name" is twice in one object; send it once.'
        )

    @pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"a"', b"[{}]"])
    def test_that_is_no_object_is_refused_as_a_whole(self, http: FlaskClient, body: bytes) -> None:
        answer = http.post("/things", data=body, content_type=JSON)

        assert kind(answer) == (422, "invalid")
        assert fields_of(answer) == ["body"]

    @pytest.mark.parametrize("number", ["9223372036854775808", "1180591620717411303424", "1e308"])
    def test_with_a_number_that_no_database_holds_is_refused(
        self, http: FlaskClient, number: str
    ) -> None:
        body = b'{"name": %s, "parts": [{"price": %s}]}' % (number.encode(), number.encode())

        answer = http.post("/things", data=body, content_type=JSON)

        assert kind(answer) == (422, "invalid")
        assert fields_of(answer) == ["name", "parts.0.price"]

    def test_with_an_unknown_field_is_refused_at_any_depth(self, http: FlaskClient) -> None:
        answer = http.post("/things", json={"nmae": "Lamp", "parts": [{}, {"prize": "1"}]})

        assert kind(answer) == (422, "invalid")
        assert sorted(fields_of(answer)) == ["nmae", "parts.1.prize"]

    @pytest.mark.parametrize("field", ["__proto__", "$where", "a.b", "\x00", "_schema", ""])
    def test_with_an_odd_name_of_a_field_is_refused(self, http: FlaskClient, field: str) -> None:
        assert kind(http.post("/things", json={field: 1})) == (422, "invalid")

    def test_that_breaks_a_rule_as_a_whole_says_so(self, http: FlaskClient) -> None:
        answer = http.post("/things", json={"name": "nothing"})

        assert answer.get_json()["errors"] == [{"field": "body", "message": "That is no name."}]


class TestQuery:
    def test_is_loaded_by_its_schema(self, http: FlaskClient) -> None:
        assert http.get("/things?limit=5&since=2025-06-01T12:00:00%2B02:00").get_json() == {
            "limit": 5,
            "since": "2025-06-01T10:00:00Z",
        }

    def test_refuses_a_parameter_that_it_does_not_know(self, http: FlaskClient) -> None:
        answer = http.get("/things?limti=5")

        assert kind(answer) == (422, "invalid")
        assert fields_of(answer) == ["limti"]

    @pytest.mark.parametrize(
        "query",
        [
            "limit=",
            "limit=many",
            "limit=1.5",
            "limit=" + "9" * 5_000,
            "limit[$gt]=1",
            "since=now",
            "since=2025-06-01",
            "%00=1",
            "=1",
        ],
    )
    def test_refuses_what_it_cannot_read(self, http: FlaskClient, query: str) -> None:
        assert kind(http.get(f"/things?{query}")) == (422, "invalid")

    def test_refuses_one_value_that_is_given_twice(self, http: FlaskClient) -> None:
        answer = http.get("/things?limit=5&limit=6&id=a&id=b")

        assert kind(answer) == (422, "invalid")
        assert fields_of(answer) == ["limit"]

    def test_takes_several_where_a_list_is_meant(self, http: FlaskClient) -> None:
        assert http.get("/things?id=a&id=b").get_json() == {"id": ["a", "b"]}


class TestIdempotencyKey:
    def test_is_what_the_caller_sends(self, http: FlaskClient) -> None:
        answer = http.put("/things", headers={"Idempotency-Key": "order:17/~"})

        assert answer.get_json() == "order:17/~"

    def test_may_be_left_out(self, http: FlaskClient) -> None:
        assert http.put("/things").get_json() is None

    @pytest.mark.parametrize("key", ["", " ", "a b", "a" * 201, "\xe9", "a\tb", "\x7f"])
    def test_that_cannot_be_one_is_refused(self, http: FlaskClient, key: str) -> None:
        answer = http.put("/things", headers={"Idempotency-Key": key})

        assert kind(answer) == (400, "malformed")


def kind(answer: TestResponse) -> tuple[int, str]:
    """The status and the kind of a refusal."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["type"].removeprefix("urn:kith:problem:")


def fields_of(answer: TestResponse) -> list[str]:
    """The fields that a refusal names."""
    return [error["field"] for error in answer.get_json()["errors"]]


class PieceSchema(Schema):
    """A part of a thing."""

    price = Amount()


class NewThingSchema(Schema):
    """A thing that comes in."""

    name = Text()
    parts = fields.List(fields.Nested(PieceSchema))

    @validates_schema
    def _has_a_name(self, payload: dict[str, Any], **_: Any) -> None:
        if payload.get("name") == "nothing":
            raise ValidationError("That is no name.")


class ThingQuerySchema(Schema):
    """How a list of things may be narrowed."""

    limit = fields.Integer()
    since = Time()
    id = fields.List(fields.String())


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application that answers with what it has understood."""
    blueprint = ApiBlueprint("things", __name__)

    def add(payload: dict[str, Any]) -> Response:
        for part in payload.get("parts", ()):
            part["price"] = str(part["price"])
        return responses.data(payload)

    blueprint.post("/things")(public(blueprint.arguments(NewThingSchema)(add)))

    def search(query: dict[str, Any]) -> Response:
        return responses.data(query)

    blueprint.get("/things")(
        public(blueprint.arguments(ThingQuerySchema, location="query")(search))
    )

    def put() -> Response:
        return responses.data(parsing.idempotency_key())

    blueprint.put("/things")(public(put))

    return serve(blueprint)
