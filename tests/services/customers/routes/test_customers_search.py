"""Lists of customers over HTTP, on the real server."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from shared.document import Document

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
Add = Callable[..., str]


class TestFilters:
    @pytest.mark.parametrize(
        "query",
        [
            {"last_name": "GARCIA"},
            {"last_name": "garci\u0301a"},
            {"email": "ANA@example.com"},
            {"email": " ana@EXAMPLE.com"},
            {"phone": "+44 20 7946 0958"},
            {"phone": "tel:+44-20-7946-0958"},
            {"external_id": "17850"},
            {"tag": "vip"},
            {"q": "ana"},
            {"q": "Á"},
            {"q": "garc"},
            {"q": "GARCÍA"},
            {"q": "cafe o"},
            {"q": "  café   o"},
            {"tag": "vip", "last_name": "garcia"},
            {"tag": "vip", "q": "caf"},
            {"email": "ana@example.com", "q": "caf", "tag": "vip"},
            {"phone": "+442079460958", "external_id": "17850"},
        ],
        ids=str,
    )
    def test_find_the_one_that_is_meant(
        self, http: Client, add: Add, query: dict[str, str]
    ) -> None:
        meant = add(
            first_name="Ána",
            last_name="García",
            company="Café Oriente",
            emails=[{"address": "Ana@example.com"}],
            phones=[{"number": "+442079460958"}],
            external_id="17850",
            tags=["vip"],
        )
        add(last_name="Garcías", first_name="Tom", tags=["VIP"], external_id="1785")

        assert ids(http, query)[:1] == [meant]

    @pytest.mark.parametrize(
        "query",
        [
            {"last_name": "gar"},
            {"last_name": "garcía lopez"},
            {"email": "na@example.com"},
            {"external_id": "1785"},
            {"tag": "VIP"},
            {"q": "arcía"},
            {"q": ".*"},
            {"q": "^g"},
            {"email": "ana@example.com", "q": "tom"},
            {"external_id": "17850", "tag": "new"},
            {"tag": "vip", "q": "z"},
            {"id": "none"},
        ],
        ids=str,
    )
    def test_find_nobody_else(self, http: Client, add: Add, query: dict[str, str]) -> None:
        add(
            first_name="Ána",
            last_name="García",
            emails=[{"address": "Ana@example.com"}],
            external_id="17850",
            tags=["vip"],
        )

        assert ids(http, query) == []

    def test_by_ids_find_all_that_are_there(self, http: Client, add: Add) -> None:
        known = [add(last_name="Lee") for _ in range(60)]

        found = http.get("/v1/customers", query_string={"id": [*known, "0" * 24]}).json

        assert sorted(one["id"] for one in found["items"]) == sorted(known)
        assert found["next"] is None

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("limit=" + "9" * 5_000, "limit"),
            ("phone=020", "phone"),
            ("q=", "q"),
            ("q=a%00b", "q"),
            ("q=" + "x" * 101, "q"),
            ("tag=%1b", "tag"),
            ("lastname=Lee", "lastname"),
            ("q[$gt]=", "q[$gt]"),
            ("%24where=sleep(1000)", "$where"),
            ("&".join(["id=1"] * 201), "id"),
        ],
        ids=lambda value: value[:30],
    )
    def test_that_are_wrong_are_named(self, http: Client, query: str, field: str) -> None:
        answer = http.get(f"/v1/customers?{query}")

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)

    @pytest.mark.parametrize(
        "query", ["q=%ED%A0%80", "q=%FF%FE", "tag=%F0%9F", "q=%F4%8F%BF%BF", "q=%CC%81", "email=x"]
    )
    def test_that_are_odd_do_no_harm(self, http: Client, add: Add, query: str) -> None:
        add(last_name="Lee")

        assert http.get(f"/v1/customers?{query}").status_code == 200


class TestPages:
    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"last_name": "lee"},
            {"tag": "vip"},
            {"phone": "+442079460958"},
            {"q": "le"},
            {"q": "lee & co"},
            {"q": "l", "tag": "vip"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("limit", [1, 3, 7, 8])
    def test_together_hold_everybody_once(
        self, http: Client, add: Add, query: dict[str, str], limit: int
    ) -> None:
        # Each has two names that begin alike, far enough apart to lie on different pages.
        known = [
            add(
                first_name=f"Le{letter}",
                last_name="Lee",
                company=f"Lee & Co {letter}",
                phones=[{"number": "+442079460958"}],
                tags=["vip"],
            )
            for letter in "aczxbyd"
        ]

        found = ids(http, query | {"limit": str(limit)})

        assert sorted(found) == sorted(known)

    def test_are_newest_first(self, http: Client, add: Add) -> None:
        known = [add(last_name="Lee") for _ in range(5)]

        found = http.get("/v1/customers?limit=2").json["items"]

        assert [one["created_at"] for one in found] == sorted(
            (one["created_at"] for one in found), reverse=True
        )
        assert ids(http, {"limit": "2"}) == known[::-1]

    def test_by_beginning_are_in_the_order_of_names(self, http: Client, add: Add) -> None:
        order = {add(last_name=name): name for name in ("Lev", "Léa", "LEB", "lec")}

        found = ids(http, {"q": "le", "limit": "2"})

        assert [order[id] for id in found] == ["Léa", "LEB", "lec", "Lev"]

    def test_show_somebody_with_two_such_names_at_the_first(self, http: Client, add: Add) -> None:
        both = add(first_name="Lee", last_name="Leo")
        between = add(last_name="Lel")

        found = [ids(http, {"q": "le", "limit": str(limit)}) for limit in (1, 2, 3)]

        assert found == [[both, between]] * 3

    def test_hold_up_while_somebody_is_added(self, http: Client, add: Add) -> None:
        known = [add(last_name="Lee") for _ in range(4)]
        first = http.get("/v1/customers?limit=2").json

        add(last_name="New")
        rest = http.get(f"/v1/customers?limit=9&cursor={first['next']}").json

        found = [one["id"] for page in (first, rest) for one in page["items"]]
        assert (found, rest["next"]) == (known[::-1], None)

    def test_show_what_one_customer_alone_shows(self, http: Client, add: Add) -> None:
        id = add(last_name="Lee", external_id="1")
        alone = http.get(f"/v1/customers/{id}").json

        listed = [
            http.get("/v1/customers", query_string=query).json["items"]
            for query in ({}, {"q": "lee"}, {"external_id": "1"}, {"last_name": "lee"})
        ]

        assert listed == [[alone]] * 4


class TestCursors:
    @pytest.mark.parametrize("other", ["&tag=vip", "&q=le", "&last_name=Lee"])
    def test_are_for_their_own_filters(self, http: Client, add: Add, other: str) -> None:
        for _ in range(3):
            add(last_name="Lee", tags=["vip"])
        cursor = http.get("/v1/customers?limit=1").json["next"]

        answer = http.get(f"/v1/customers?limit=1{other}&cursor={cursor}")

        assert (answer.status_code, answer.json["type"]) == (
            400,
            "urn:kith:problem:invalid-cursor",
        )

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "%00", "a" * 5_000, "=", "../.."])
    def test_that_are_none_are_refused(self, http: Client, cursor: str) -> None:
        answer = http.get(f"/v1/customers?cursor={cursor}")

        assert answer.status_code == 400

    @pytest.mark.parametrize("filters", [{}, {"q": "le"}, {"tag": "vip"}], ids=str)
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"5",
            b"{}",
            b"[]",
            b"[5, 5]",
            b"[null, null]",
            b'["zz"]',
            b'["zz", "zz"]',
            b"[[], {}]",
            b'[{"$gt": ""}, "x"]',
            b'[{"at": "never"}, "x"]',
            b'[{"at": 5}]',
            b'[{"at": "0001-01-01T00:00:00+00:00"}, "x"]',
            b'[{"at": "9999-12-31T23:59:59+00:00"}, "x"]',
            b'["x", "y", "z", 1, 2, 3]',
            b"[" * 2_000,
        ],
        ids=lambda body: body[:40].decode(),
    )
    def test_that_are_forged_do_no_harm(
        self, http: Client, add: Add, filters: dict[str, str], body: bytes
    ) -> None:
        add(last_name="Lee", tags=["vip"])
        add(last_name="Lew", tags=["vip"])

        answer = http.get(f"/v1/customers?{urlencode(filters | {'cursor': forged(body, filters)})}")

        assert answer.status_code in {200, 400}


def ids(http: Client, query: dict[str, str]) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(50):
        page = http.get("/v1/customers", query_string=query | cursor).json
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("The pages do not end.")


def forged(body: bytes, filters: dict[str, str]) -> str:
    """A cursor with the right checksum, as anybody can make who reads how it is made."""
    context = orjson.dumps(["/v1/customers", filters], option=orjson.OPT_SORT_KEYS)
    check = blake2b(body + context, digest_size=6).digest()
    return urlsafe_b64encode(check + body).rstrip(b"=").decode("ascii")


@pytest.fixture
def add(http: Client) -> Add:
    """`add(**fields)`: the id of a customer that is registered."""

    def make(**fields: Any) -> str:
        answer: Document = http.post("/v1/customers", json=fields).json
        return str(answer["id"])

    return make
