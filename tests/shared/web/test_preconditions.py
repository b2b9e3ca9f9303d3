from collections.abc import Callable

import pytest
from flask import Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.auth.middleware import public
from shared.document import Document
from shared.errors import Stale
from shared.web import responses
from shared.web.parsing import ApiBlueprint
from shared.web.preconditions import on_named_version

Serve = Callable[..., FlaskClient]


class Thing:
    """A thing that others change, so many times, whenever somebody is about to."""

    def __init__(self, version: int = 7) -> None:
        self.version = version
        self.others = 0

    def current(self) -> Document:
        """What anybody reads."""
        return {"version": self.version}

    def change(self, version: int) -> int:
        """Change it, as a database does."""
        if self.others:
            self.others -= 1
            self.version += 1
        if version != self.version:
            raise Stale("Someone else changed this first; reload it and try again.")
        self.version += 1
        return self.version


class TestOneTag:
    @pytest.mark.parametrize("header", ['"7"', ' "7" ', '"7.3"', ',"7",'])
    def test_is_the_version_to_change(self, http: FlaskClient, header: str) -> None:
        assert sent(http, header).get_json() == 8

    @pytest.mark.parametrize("header", ['"6"', '"8"', '"' + "9" * 18 + '"'])
    def test_of_another_version_is_outdated(self, http: FlaskClient, header: str) -> None:
        assert kind(sent(http, header)) == (412, "stale")

    @pytest.mark.parametrize("header", [None, "", "  "])
    def test_has_to_be_there(self, http: FlaskClient, header: str | None) -> None:
        assert kind(sent(http, header)) == (428, "version-missing")

    @pytest.mark.parametrize(
        "header",
        [
            "7",
            'W/"7"',
            '""',
            '"seven"',
            '"-1"',
            '"7.x"',
            '"7"; drop',
            '"7" "7"',
            "*, *",
            '*, "7"',
            '"' + "9" * 19 + '"',
            '"' + "9" * 5_000 + '"',
            '"\xb2"',
            "\xff",
            ',"' * 5_000,
            " ," * 5_000 + "x",
        ],
    )
    def test_that_is_none_of_ours_matches_nothing(self, http: FlaskClient, header: str) -> None:
        assert kind(sent(http, header)) == (412, "stale")


class TestSeveralTags:
    @pytest.mark.parametrize(
        "header", ['"6", "7"', '"7.1","8"', 'W/"8" , "7"', '"other", "6" ,, "7"']
    )
    def test_need_that_of_the_current_version(self, http: FlaskClient, header: str) -> None:
        assert sent(http, header).get_json() == 8

    @pytest.mark.parametrize("header", ['"5", "6"', 'W/"7", "8"', 'W/"7", W/"8"'])
    def test_without_it_are_outdated(self, http: FlaskClient, header: str) -> None:
        assert kind(sent(http, header)) == (412, "stale")

    def test_are_outdated_if_somebody_was_first(self, http: FlaskClient, thing: Thing) -> None:
        thing.others = 1

        assert kind(sent(http, '"6", "7"')) == (412, "stale")
        assert thing.version == 8


class TestAnyVersion:
    def test_is_the_current_one(self, http: FlaskClient) -> None:
        assert sent(http, "*").get_json() == 8

    def test_is_read_again_if_somebody_was_first(self, http: FlaskClient, thing: Thing) -> None:
        thing.others = 3

        assert sent(http, "*").get_json() == 11

    def test_is_given_up_if_somebody_always_is(
        self, http: FlaskClient, thing: Thing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shared.web.preconditions._PAUSE", 0.0)
        thing.others = 1_000

        assert kind(sent(http, "*")) == (503, "unavailable")


def sent(http: FlaskClient, header: str | None) -> TestResponse:
    """The answer to a change with this If-Match."""
    return http.patch("/thing", headers={} if header is None else {"If-Match": header})


def kind(answer: TestResponse) -> tuple[int, str]:
    """The status and the kind of a refusal."""
    return answer.status_code, answer.get_json()["type"].removeprefix("urn:kith:problem:")


@pytest.fixture
def thing() -> Thing:
    """A thing of version 7."""
    return Thing()


@pytest.fixture
def http(serve: Serve, thing: Thing) -> FlaskClient:
    """A client of an application that changes the thing."""
    blueprint = ApiBlueprint("things", __name__)

    def change() -> Response:
        return responses.data(on_named_version(thing.current, thing.change))

    blueprint.patch("/thing")(public(change))
    return serve(blueprint)
