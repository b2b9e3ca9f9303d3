from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from bson import Decimal128, Int64
from flask import Response, request
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.test import TestResponse

from shared.auth.middleware import public
from shared.document import Document
from shared.mongo.paging import Page
from shared.web import responses
from shared.web.parsing import ApiBlueprint
from tests.support.things import ThingRepository, boxes, thing

Serve = Callable[..., FlaskClient]


class TestEncode:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Decimal128("12.30"), '"12.30"'),
            (Decimal128("0.001"), '"0.001"'),
            (Decimal128("1E+3"), '"1000"'),
            (Decimal128("-0.0000001"), '"-0.0000001"'),
            (datetime(2025, 6, 1, 12, tzinfo=UTC), '"2025-06-01T12:00:00Z"'),
            (datetime(2025, 6, 1, 12, 0, 0, 5000, tzinfo=UTC), '"2025-06-01T12:00:00.005000Z"'),
            (
                datetime(2025, 6, 1, 12, tzinfo=timezone(timedelta(hours=2))),
                '"2025-06-01T12:00:00+02:00"',
            ),
            (Int64(2**40), "1099511627776"),
            (None, "null"),
            ("Žofie ☃", '"Žofie ☃"'),
        ],
    )
    def test_writes_exactly(self, value: Any, text: str) -> None:
        assert responses.encode(value).decode() == text

    def test_does_not_guess_at_what_it_does_not_know(self) -> None:
        with pytest.raises(TypeError):
            responses.encode(object())


class TestRepresentation:
    def test_starts_with_the_id_and_hides_the_numbers_of_the_etag(self) -> None:
        stored = {"name": "Lamp", "_id": "a", "version": 3, "revision": 9}

        seen = responses.representation(stored)

        assert list(seen.items()) == [("id", "a"), ("name", "Lamp")]
        assert stored["version"] == 3


class TestEntity:
    def test_comes_with_its_etag(self, http: FlaskClient) -> None:
        answer = http.get("/lamp")

        assert answer.status_code == 200
        assert answer.headers["ETag"] == '"3"'
        assert answer.get_json() == {"id": "a", "name": "Lamp"}

    def test_counts_what_others_tell_about_it(self, http: FlaskClient) -> None:
        assert http.get("/lamp?revision=9").headers["ETag"] == '"3.9"'

    @pytest.mark.parametrize("header", ['"3"', 'W/"3"', '"2", "3"', '"3","4"'])
    def test_is_not_sent_to_those_who_have_it(self, http: FlaskClient, header: str) -> None:
        answer = http.get("/lamp", headers={"If-None-Match": header})

        assert answer.status_code == 304
        assert answer.data == b""
        assert answer.headers["ETag"] == '"3"'

    @pytest.mark.parametrize("header", ['"2"', '"33"', '"3.1"', "3", "", '"13"', "\xff"])
    def test_is_sent_to_those_who_have_another(self, http: FlaskClient, header: str) -> None:
        answer = http.get("/lamp", headers={"If-None-Match": header})

        assert answer.status_code == 200

    def test_need_not_be_described_to_those_who_have_it(self, http: FlaskClient) -> None:
        answer = http.head("/lamp", headers={"If-None-Match": '"3"'})

        assert answer.status_code == 304

    def test_is_sent_whole_after_a_change(self, http: FlaskClient) -> None:
        answer = http.post("/lamp", headers={"If-None-Match": '"3"'})

        assert answer.status_code == 201
        assert answer.headers["Location"] == "lamps/a"
        assert answer.get_json() == {"id": "a", "name": "Lamp"}


class TestCursor:
    def test_leads_on_from_where_the_page_ended(self, http: FlaskClient) -> None:
        cursor = http.get("/positions").get_json()["next"]

        answer = http.get("/positions", query_string={"cursor": cursor})

        assert answer.get_json()["items"] == [{"position": "['a', 5, None, 2025-06-01]"}]

    @pytest.mark.parametrize(
        "cursor",
        ["", "a", "AAAAAAAA", "AAAAAAAAAAAAAAAA", "===", "%%%", "[]", "ž", "\x00", "a" * 10_000],
    )
    def test_that_was_made_up_is_refused(self, http: FlaskClient, cursor: str) -> None:
        answer = http.get("/positions", query_string={"cursor": cursor})

        assert kind(answer) == (400, "invalid-cursor")

    def test_that_was_tampered_with_is_refused(self, http: FlaskClient) -> None:
        cursor = http.get("/positions").get_json()["next"]
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))

        for at in range(len(raw)):
            changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            answer = http.get(
                "/positions", query_string={"cursor": urlsafe_b64encode(changed).decode()}
            )
            assert kind(answer) == (400, "invalid-cursor")

    def test_of_other_filters_is_refused(self, http: FlaskClient) -> None:
        cursor = http.get("/positions?kind=box").get_json()["next"]

        for filters in ({}, {"kind": "bag"}):
            answer = http.get("/positions", query_string={"cursor": cursor, **filters})
            assert kind(answer) == (400, "invalid-cursor")

    def test_of_another_list_is_refused(self, http: FlaskClient) -> None:
        cursor = http.get("/positions").get_json()["next"]

        answer = http.get("/other-positions", query_string={"cursor": cursor})

        assert kind(answer) == (400, "invalid-cursor")

    def test_is_good_for_another_size_of_page(self, shelf: FlaskClient) -> None:
        cursor = shelf.get("/things?kind=box&limit=2").get_json()["next"]

        answer = shelf.get("/things", query_string={"kind": "box", "limit": 50, "cursor": cursor})

        assert len(answer.get_json()["items"]) == 28

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b"5",
            b"null",
            b"[]",
            b"{}",
            b'[{"at": 5}]',
            b'[{"a": 5}]',
            b'[{"at": "soon"}]',
            b'[{"at": "0001-01-01T00:00:00+23:00"}]',
            b"[9223372036854775808]",
            b"[[1]]",
        ],
    )
    def test_with_nonsense_under_a_true_checksum_is_refused(
        self, http: FlaskClient, body: bytes
    ) -> None:
        answer = http.get("/positions", query_string={"cursor": forged(body, path="/positions")})

        assert kind(answer) == (400, "invalid-cursor")

    @pytest.mark.parametrize(
        "position", [["box"], [None, None], [{}, []], [-1, "", 1, 2, 3], [True]]
    )
    def test_with_a_position_that_no_page_has_leads_nowhere_bad(
        self, shelf: FlaskClient, position: list[Any]
    ) -> None:
        cursor = forged(orjson.dumps(position), path="/things", kind="box")

        answer = shelf.get("/things", query_string={"kind": "box", "cursor": cursor})

        assert answer.status_code in {200, 400}


class TestPage:
    def test_of_a_walk_shows_everything_once_in_order(self, shelf: FlaskClient) -> None:
        seen = list(walk(shelf, limit=7))

        assert len(seen) == 30
        assert seen == sorted(seen, key=lambda item: (item["size"], item["id"]), reverse=True)

    @pytest.mark.parametrize("limit", [1, 29, 30, 31])
    def test_ends_the_walk_where_the_list_ends(self, shelf: FlaskClient, limit: int) -> None:
        seen = [item["id"] for item in walk(shelf, limit=limit)]

        assert len(seen) == len(set(seen)) == 30

    def test_is_empty_and_the_last_where_there_is_nothing(self, shelf: FlaskClient) -> None:
        assert shelf.get("/things?kind=bag").get_json() == {"items": [], "next": None}

    def test_of_a_walk_shows_once_what_was_there_all_along(
        self, shelf: FlaskClient, things: ThingRepository
    ) -> None:
        before = [item["id"] for item in walk(shelf, limit=50)]
        doomed = before[-10:]
        deleted: set[str] = set()
        seen = []
        for item in walk(shelf, limit=3):
            seen.append(item["id"])
            # What was just seen, so that the cursor's own place goes, and what is still ahead.
            for id in (item["id"], *doomed[-1:]):
                things.collection.delete_one({"_id": id})
                deleted.add(id)
            doomed = doomed[:-1]
            for size in (0, item["size"], 99):
                things.insert(thing(size=size))

        assert len(seen) == len(set(seen))
        assert set(before[:20]) <= set(seen)
        assert set(before) - deleted <= set(seen)


def walk(http: FlaskClient, *, limit: int) -> Any:
    """Every item of all pages, as a caller would read them."""
    cursor: str | None = ""
    while cursor is not None:
        given = {"cursor": cursor} if cursor else {}
        answer = http.get("/things", query_string={"kind": "box", "limit": limit, **given})
        assert answer.status_code == 200
        body = answer.get_json()
        assert len(body["items"]) <= limit
        yield from body["items"]
        cursor = body["next"]


def kind(answer: TestResponse) -> tuple[int, str]:
    """The status and the kind of a refusal."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["type"].removeprefix("urn:kith:problem:")


def forged(body: bytes, *, path: str, **filters: str) -> str:
    """A cursor with any body, as somebody makes it who has read how it is done."""
    context = orjson.dumps([path, filters])
    check = blake2b(body + context, digest_size=6).digest()
    return urlsafe_b64encode(check + body).rstrip(b"=").decode()


class ThingsQuerySchema(Schema):
    """How things are narrowed, and read page by page."""

    kind = fields.String()
    cursor = fields.String()
    limit = fields.Integer(load_default=50)


def lamp() -> ApiBlueprint:
    """One thing, version 3, and the revision that is asked for."""
    blueprint = ApiBlueprint("lamp", __name__)

    def show() -> Response:
        revision = request.args.get("revision")
        extra = {} if revision is None else {"revision": int(revision)}
        return responses.entity({"_id": "a", "name": "Lamp", "version": 3, **extra})

    def add() -> Response:
        stored = {"_id": "a", "name": "Lamp", "version": 3}
        return responses.entity(stored, status=201, location="lamps/a")

    blueprint.get("/lamp")(public(show))
    blueprint.post("/lamp")(public(add))
    return blueprint


def positions() -> ApiBlueprint:
    """A list whose one item is the position that its cursor stands for."""
    blueprint = ApiBlueprint("positions", __name__)

    def search(query: Document) -> Response:
        filters = {"kind": query["kind"]} if "kind" in query else {}
        after = responses.position(filters, query.get("cursor"))
        items = [] if after is None else [{"_id": "x", "position": shown(after)}]
        found = Page(items=items, next=["a", 5, None, datetime(2025, 6, 1, tzinfo=UTC)])
        return responses.page(
            found, filters=filters, render=lambda item: {"position": item["position"]}
        )

    view = public(blueprint.arguments(ThingsQuerySchema, location="query")(search))
    blueprint.get("/positions")(view)
    blueprint.get("/other-positions", endpoint="others")(view)
    return blueprint


def shown(position: list[Any]) -> str:
    """A position in words that JSON can carry."""
    words = [
        str(value.date()) if isinstance(value, datetime) else repr(value) for value in position
    ]
    return f"[{', '.join(words)}]"


def shelf_of(things: ThingRepository) -> ApiBlueprint:
    """The list of things of a kind, as every service lists what it has."""
    blueprint = ApiBlueprint("things", __name__)

    def search(query: Document) -> Response:
        limit, cursor = query.pop("limit"), query.pop("cursor", None)
        after = responses.position(query, cursor)
        found = things.page(boxes(query["kind"]), after=after, limit=limit)
        return responses.page(found, filters=query)

    blueprint.get("/things")(
        public(blueprint.arguments(ThingsQuerySchema, location="query")(search))
    )
    return blueprint


@pytest.fixture
def http(serve: Serve) -> FlaskClient:
    """A client of an application that has no database."""
    return serve(lamp(), positions())


@pytest.fixture
def shelf(serve: Serve, things: ThingRepository) -> FlaskClient:
    """A client of an application with thirty boxes, three of each size."""
    for number in range(30):
        things.insert(thing(size=number // 3))
    return serve(shelf_of(things))
