"""Tokens that nobody may have made, at every route of every service: no door opens, none breaks."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from shared.local.ports import LOOPBACK
from tests.journeys.system import Person, System
from tests.support.forgery import Mint, mint
from tests.support.forgery_kinds import ALL
from tests.support.house import House, Route, house

Headers = list[tuple[str, str]]
PROBLEM = "application/problem+json"
REFUSED = (401, PROBLEM)

# Ways to hand over a token, even a right one, by which none may be taken.
OTHER_WAYS: dict[str, Callable[[str], Headers]] = {
    "no scheme": lambda token: [("Authorization", token)],
    "no space": lambda token: [("Authorization", f"Bearer{token}")],
    "a tab": lambda token: [("Authorization", f"Bearer\t{token}")],
    "a colon": lambda token: [("Authorization", f"Bearer: {token}")],
    "an equals sign": lambda token: [("Authorization", f'Bearer token="{token}"')],
    "Basic": lambda token: [("Authorization", f"Basic {token}")],
    "DPoP": lambda token: [("Authorization", f"DPoP {token}")],
    "Token": lambda token: [("Authorization", f"Token {token}")],
    "JWT": lambda token: [("Authorization", f"JWT {token}")],
    "Negotiate": lambda token: [("Authorization", f"Negotiate {token}")],
    "wide letters": lambda token: [
        ("Authorization", f"\uff22earer {token}".encode().decode("latin-1"))
    ],
    "Bearer twice": lambda token: [("Authorization", f"Bearer Bearer {token}")],
    "a comma": lambda token: [("Authorization", f"Bearer {token},")],
    "Basic before it": lambda token: [("Authorization", f"Basic eDp5, Bearer {token}")],
    "two headers": lambda token: [
        ("Authorization", "Bearer a.b.c"),
        ("Authorization", f"Bearer {token}"),
    ],
    "two headers, the right one first": lambda token: [
        ("Authorization", f"Bearer {token}"),
        ("Authorization", "Bearer a.b.c"),
    ],
    "twice the right one": lambda token: [("Authorization", f"Bearer {token}")] * 2,
    "Proxy-Authorization": lambda token: [("Proxy-Authorization", f"Bearer {token}")],
    "X-Authorization": lambda token: [("X-Authorization", f"Bearer {token}")],
    "X-Forwarded-Authorization": lambda token: [("X-Forwarded-Authorization", f"Bearer {token}")],
    "X-Access-Token": lambda token: [("X-Access-Token", token)],
    "X-Api-Key": lambda token: [("X-Api-Key", token)],
    "X-Forwarded-User": lambda _: [("X-Forwarded-User", "owner@shop.example")],
    "X-Remote-User": lambda _: [("X-Remote-User", "admin"), ("Remote-User", "admin")],
    "X-Original-URL": lambda _: [("X-Original-URL", "/health/live"), ("X-Rewrite-URL", "/docs")],
    "a cookie": lambda token: [("Cookie", f"access_token={token}; Authorization=Bearer {token}")],
}


class TestForgeries:
    @pytest.mark.parametrize(
        "share",
        [pytest.param(12, id="small"), pytest.param(1, id="full", marks=pytest.mark.security)],
    )
    def test_are_taken_at_no_route(
        self, doors: House, share: int, record_property: Callable[[str, object], None]
    ) -> None:
        """Of `share` pairs of kind and route one: each kind and each route has its turns."""
        made = {kind: forge(doors.mint) for kind, forge in ALL.items()}
        open_to_all = {route: seen(doors, route) for route in doors.routes()}

        answers = {
            (kind, str(route)): (
                seen(doors, route, [("Authorization", f"Bearer {made[kind]}")]),
                open_to_all[route] if route.is_public else REFUSED,
            )
            for at, route in enumerate(open_to_all)
            for kind in list(made)[at % share :: share]
        }

        record_property("requests", len(answers))
        assert len(made) >= 100
        assert {at: pair for at, pair in answers.items() if pair[0] != pair[1]} == {}
        assert not [pair for pair, _ in answers.values() if pair[0] >= 500]

    def test_are_refused_for_what_is_wrong_with_them(self, doors: House) -> None:
        """The same token, with nothing wrong, opens each door that is there."""
        taken = Counter(
            seen(doors, route, [("Authorization", f"Bearer {doors.mint.token()}")])[0]
            for route in doors.routes()
            if not route.is_public
        )

        assert 401 not in taken
        assert taken[200] >= 10

    def test_of_a_refresh_token_are_refused(self, doors: House) -> None:
        refresh_token = doors.tokens["refresh_token"]

        answers = {
            seen(doors, route, [("Authorization", f"Bearer {refresh_token}")])
            for route in doors.routes()
            if not route.is_public
        }

        assert answers == {REFUSED}


class TestOtherWays:
    @pytest.mark.parametrize("way", OTHER_WAYS)
    def test_are_no_way_in(self, doors: House, way: str) -> None:
        headers = OTHER_WAYS[way](doors.token)

        answers = {seen(doors, route, headers) for route in doors.routes() if not route.is_public}

        assert answers == {REFUSED}

    def test_nor_is_the_address(self, doors: House) -> None:
        query = f"access_token={doors.token}&token={doors.token}&authorization=Bearer+{doors.token}"

        answers = {
            seen(doors, route, query=query) for route in doors.routes() if not route.is_public
        }

        assert answers == {REFUSED}

    def test_nor_is_the_body(self, doors: House) -> None:
        answers = {
            outcome(
                doors.call(
                    route.service, route.method, route.address, json={"access_token": doors.token}
                )
            )
            for route in doors.routes()
            if not route.is_public
        }

        assert answers == {REFUSED}


class TestOverHttp:
    """The same, against the web processes, by somebody who has all but the private key."""

    @pytest.mark.parametrize(
        "kinds",
        [
            pytest.param(12, id="small"),
            pytest.param(len(ALL), id="full", marks=pytest.mark.security),
        ],
    )
    def test_no_process_takes_a_forgery(
        self, kith: System, doors: House, kinds: int, record_property: Callable[[str, object], None]
    ) -> None:
        forger = with_the_kid_of(kith)
        step = max(1, len(ALL) // kinds)
        made = {kind: ALL[kind](forger) for kind in list(ALL)[::step]} | {"right": forger.token()}
        sendable = {kind: token for kind, token in made.items() if is_sendable(token)}
        routes = [route for route in doors.routes() if not route.is_public]

        answers = Counter(
            sent(session, kith, route, token)
            for session in one_session()
            for route in routes
            for token in sendable.values()
        )

        record_property("requests", sum(answers.values()))
        # A header that is larger than the server takes ends before any route.
        assert answers.keys() <= {(401, PROBLEM), (401, None)}


def outcome(answer: Any) -> tuple[int, str]:
    """What matters of an answer."""
    with answer:
        return answer.status_code, answer.content_type


def seen(
    doors: House, route: Route, headers: Headers | None = None, query: str = ""
) -> tuple[int, str]:
    """What matters of the answer at a route."""
    browser = doors.apps[route.service].test_client(use_cookies=False)
    return outcome(
        browser.open(route.address, method=route.method, headers=headers, query_string=query)
    )


def with_the_kid_of(kith: System) -> Mint:
    """A mint with a key of its own, which knows how those of accounts are called."""
    (published,) = Person(kith.ports).get("accounts", "/.well-known/jwks.json")["keys"]
    own = mint()
    own.key["_id"] = published["kid"]
    own.key["public_key"] = published
    return own


def is_sendable(token: str) -> bool:
    """Whether a client would send this at all, and a server read it as one header."""
    return token.isascii() and token.isprintable() and len(token) < 8_000


def one_session() -> Iterator[requests.Session]:
    """Connections that stay open."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def sent(
    session: requests.Session, kith: System, route: Route, token: str
) -> tuple[int, str | None]:
    """What a process answers; to HEAD without the type of a body that is not there."""
    answer = session.request(
        route.method,
        f"http://{LOOPBACK}:{kith.ports[route.service]}{route.address}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    return answer.status_code, answer.headers.get("Content-Type")


@pytest.fixture(scope="module")
def doors(mongo_url: str) -> Iterator[House]:
    """All services, in this process."""
    with house(mongo_url) as made:
        yield made
