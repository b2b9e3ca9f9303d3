from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from marshmallow import Schema

from shared.auth.middleware import public
from shared.errors import Conflict, FieldError, Invalid
from shared.web import bulk
from shared.web.fields import Text
from shared.web.parsing import ApiBlueprint

Serve = Callable[..., FlaskClient]


class TestLoadEntries:
    def test_loads_every_entry(self) -> None:
        loaded = bulk.load_entries(EntrySchema(), [{"name": " a "}, {"name": "b"}])

        assert loaded == [{"name": "a"}, {"name": "b"}]

    def test_refuses_only_the_entry_that_is_wrong(self) -> None:
        loaded = bulk.load_entries(EntrySchema(), [{"name": "a"}, {"nmae": "b"}, {"name": "c"}])

        assert loaded[::2] == [{"name": "a"}, {"name": "c"}]
        assert isinstance(loaded[1], Invalid)
        assert {error.field for error in loaded[1].errors} == {"name", "nmae"}

    @pytest.mark.parametrize("entry", [None, 5, "a", [], [[]], [{"name": "a"}], True])
    def test_refuses_what_is_no_object_at_all(self, entry: Any) -> None:
        fine, refused = bulk.load_entries(EntrySchema(), [{"name": "a"}, entry])

        assert fine == {"name": "a"}
        assert isinstance(refused, Invalid)

    def test_of_nothing_is_nothing(self) -> None:
        assert bulk.load_entries(EntrySchema(), []) == []


class TestAnswer:
    def test_has_one_result_for_each_entry_in_their_order(self, http: FlaskClient) -> None:
        answer = http.get("/outcomes")

        assert answer.status_code == 200
        assert answer.get_json() == {
            "results": [
                {"index": 0, "status": "created", "id": "a"},
                {
                    "index": 1,
                    "status": "refused",
                    "problem": {
                        "type": "urn:kith:problem:conflict",
                        "title": "Conflict",
                        "status": 409,
                        "detail": "Taken.",
                        "errors": [{"field": "name", "message": "It is taken.", "holder": "a"}],
                    },
                },
                {"index": 2, "status": "unchanged", "id": "a"},
            ]
        }


class TestFaults:
    def test_are_named_up_to_a_number_in_one_call(self, many: FlaskClient) -> None:
        results = many.get("/refusals/30").get_json()["results"]

        problems = [result["problem"] for result in results]
        named = [len(problem["errors"]) for problem in problems]
        assert sum(named) == bulk.MAX_CALL_ERRORS
        assert min(named) >= 1
        assert sum(problem.get("more_errors", 0) for problem in problems) == 30 * 20 - sum(named)

    def test_of_more_entries_than_that_are_counted(self, many: FlaskClient) -> None:
        results = many.get("/refusals/210").get_json()["results"]

        named = [len(result["problem"]["errors"]) for result in results]
        assert named == [1] * bulk.MAX_CALL_ERRORS + [0] * 10
        assert results[-1]["problem"]["more_errors"] == 20

    def test_that_are_few_are_all_named(self, many: FlaskClient) -> None:
        results = many.get("/refusals/10").get_json()["results"]

        assert [len(result["problem"]["errors"]) for result in results] == [20] * 10
        assert not any("more_errors" in result["problem"] for result in results)


class EntrySchema(Schema):
    """One entry."""

    name = Text(required=True)


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application that takes many entries at once."""
    blueprint = ApiBlueprint("entries", __name__)

    def outcomes() -> Response:
        taken = (FieldError("name", "It is taken.", "a"),)
        return bulk.answer(
            [
                {"status": "created", "id": "a"},
                {"refusal": Conflict("Taken.", errors=taken)},
                {"status": "unchanged", "id": "a"},
            ]
        )

    blueprint.get("/outcomes")(public(outcomes))
    return serve(blueprint)


@pytest.fixture
def many(serve: Serve) -> FlaskClient:
    """A client of an application that refuses as many entries as it is told, for 20 faults each."""
    blueprint = ApiBlueprint("refusals", __name__)

    def refuse(count: int) -> Response:
        faults = tuple(FieldError(f"name{number}", "Unknown field.") for number in range(20))
        return bulk.answer([{"refusal": Invalid("Wrong.", errors=faults)}] * count)

    blueprint.get("/refusals/<int:count>")(public(refuse))
    return serve(blueprint)
