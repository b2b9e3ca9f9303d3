"""Measures what every list of the API costs the database, by each of its filters.

The lists come from the services' own OpenAPI documents, so that none can be forgotten; what to ask
for comes from the filters that each service declares. Knows all services.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient

from services import registry
from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.repository import sessions
from services.tools.lists import (
    ListRoute,
    UnknownFilter,
    address_of,
    cases,
    declared,
    list_routes,
    narrowing,
    values_of,
)
from shared.auth.keyring import Keyring
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.client import connect, service_database
from shared.mongo.filters import Filter
from shared.mongo.query_cost import Cost, Query, Recorder, explain
from shared.settings import Settings

LIMIT = 50


class NotSetUp(Exception):
    """There is no key to sign in with; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One page of a list, and what it cost."""

    route: ListRoute
    filters: Mapping[str, tuple[str, ...]]
    page: int
    items: int
    queries: tuple[tuple[Query, Cost], ...]

    @property
    def returned(self) -> int:
        """Documents that the queries returned; one more than are shown says that there are more."""
        return sum(cost.returned for _, cost in self.queries)

    @property
    def keys(self) -> int:
        """Entries of indexes that were read."""
        return sum(cost.keys for _, cost in self.queries)

    @property
    def documents(self) -> int:
        """Documents that were read."""
        return sum(cost.documents for _, cost in self.queries)

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes that were used, each once."""
        return tuple(dict.fromkeys(name for _, cost in self.queries for name in cost.indexes))

    @property
    def scans(self) -> bool:
        """True if a whole collection was read, or everything before it could be sorted."""
        return any(cost.scans for _, cost in self.queries)

    @property
    def narrows(self) -> str | None:
        """The filter whose index is read where the other filter looks at each document it finds.

        None where one index serves both.
        """
        return narrowing(self.route.service, self.filters)

    @property
    def is_served(self) -> bool:
        """True if an index finds what is asked for, and hardly anything else is read."""
        return not self.scans and (
            self.narrows is not None
            or (self.documents <= self._most and self.keys <= self._max_keys)
        )

    @property
    def _most(self) -> int:
        twice = any(one.finds_twice for one in self._asked)
        return 2 * self.returned + 1 if twice else self.returned + 1

    @property
    def _max_keys(self) -> int:
        # Between two values that are asked for comes an entry that says where the next begins.
        many = [len(self.filters[one.name]) for one in self._asked if one.max_values > 1]
        return max(self._most, *(2 * count for count in many), 0)

    @property
    def _asked(self) -> list[Filter]:
        known = declared(self.route.service)
        return [known[name] for name in self.filters]


def run(settings: Settings) -> Iterator[Ask]:
    """Ask all lists on your data.

    :raises NotSetUp: the databases are not built.
    :raises UnknownFilter: a list offers a filter that its service does not declare.
    """
    recorder = Recorder()
    with connect(settings, listeners=[recorder]) as client:
        for service, app in _apps(settings, client).items():
            http = app.test_client()
            http.environ_base["HTTP_AUTHORIZATION"] = _token(settings, client)
            for route in list_routes(service, http.get("/openapi.json").get_json()):
                samples = values_of(route, client, settings)
                address = address_of(route, client, settings)
                if address is None:
                    # Without customers there is no journal to ask for.
                    continue
                for filters in cases(samples):
                    yield from _pages(
                        http, address, route, filters, client=client, recorder=recorder
                    )


def _pages(
    http: FlaskClient,
    address: str,
    route: ListRoute,
    filters: Mapping[str, tuple[str, ...]],
    *,
    client: MongoClient[Document],
    recorder: Recorder,
) -> Iterator[Ask]:
    """The first page, and the second where there is one."""
    query: Document = {name: list(value) for name, value in filters.items()}
    cursor: Document = {}
    for page in (1, 2):
        recorder.take()
        answer = http.get(address, query_string={**query, **cursor, "limit": LIMIT})
        asked = [one for one in recorder.take() if one.database.endswith(f"_{route.service}")]
        body: Any = answer.get_json()
        if answer.status_code != 200:
            raise UnknownFilter(f"{route.path} refuses {dict(filters)}: {body['detail']}")
        yield Ask(
            route=route,
            filters=filters,
            page=page,
            items=len(body["items"]),
            queries=tuple((one, explain(client, one)) for one in asked),
        )
        if body["next"] is None:
            return
        cursor = {"cursor": body["next"]}


def _apps(settings: Settings, client: MongoClient[Document]) -> dict[str, Flask]:
    accounts = create_context(service_database(client, settings, "accounts"))
    published = sessions.published(
        accounts.keys, accounts.users, accounts.sessions, now=datetime.now(UTC)
    )
    verifier = TokenVerifier(Keyring(lambda: published))
    return {
        service: registry.create_app(service, settings, client=client, verifier=verifier)
        for service in registry.SERVICES
    }


def _token(settings: Settings, client: MongoClient[Document]) -> str:
    """A header that lets one ask in this process, signed with the installation's own key."""
    key = create_context(service_database(client, settings, "accounts")).keys.signing_key()
    if key is None:
        raise NotSetUp("The databases are not built; run `python -m services setup` first.")
    token = crypto.sign_access_token(
        key, user_id=new_id(), role="admin", via=None, token_id=new_id(), now=datetime.now(UTC)
    )
    return f"Bearer {token}"
