"""Asks every list that the API offers, by every filter, and says what each costs the database.

The routes and their filters come from the services' own OpenAPI documents, so that none can be
forgotten. Knows all services.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient

from services import registry
from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.repository import sessions
from services.tools.explain_samples import PLACES, SAMPLES, Values, leading
from shared.auth.keyring import Keyring
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.client import connect, service_database
from shared.mongo.query_cost import Cost, Query, Recorder, explain
from shared.settings import Settings

# Parameters that say where in a list one is, and narrow nothing.
NAVIGATION = frozenset({"cursor", "limit"})
LIMIT = 50
_PLACE = re.compile(r"{(\w+)}")


class UnknownFilter(Exception):
    """A list offers a filter of which it is not known what to ask for; the message names it."""


class NotSetUp(Exception):
    """There is no key to sign in with; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class ListRoute:
    """A list that a service offers, and the filters that narrow it."""

    service: str
    path: str
    filters: tuple[str, ...]


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
        """Whether a whole collection was read, or everything before it could be sorted."""
        return any(cost.scans for _, cost in self.queries)

    @property
    def narrows(self) -> str | None:
        """The filter whose index serves a pair of which the other filter looks at each document.

        None where one index serves both.
        """
        return leading(self.route.service, frozenset(self.filters))

    @property
    def is_served(self) -> bool:
        """Whether an index finds what is asked for, and hardly anything else is read."""
        return not self.scans and (
            self.narrows is not None
            or (self.documents <= self._most and self.keys <= self._max_keys)
        )

    @property
    def _most(self) -> int:
        # People have several names, of which some begin alike.
        return 2 * self.returned + 1 if "q" in self.filters else self.returned + 1

    @property
    def _max_keys(self) -> int:
        # Between two ids that are asked for lies one that says where the next begins.
        return max(self._most, 2 * len(self.filters.get("id", ())))


def run(settings: Settings) -> Iterator[Ask]:
    """Ask all lists on the data that are there.

    :raises NotSetUp: the databases are not built.
    :raises UnknownFilter: a list offers a filter that `services.filters` does not know.
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


def list_routes(service: str, document: Document) -> list[ListRoute]:
    """The lists in an OpenAPI document: what answers with `items` and `next`."""
    routes = []
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        if operation is not None and _is_list(operation, document):
            names = [
                parameter["name"]
                for parameter in (*operations.get("parameters", []), *operation["parameters"])
                if parameter["in"] == "query"
            ]
            filters = tuple(name for name in names if name not in NAVIGATION)
            routes.append(ListRoute(service=service, path=path, filters=filters))
    return routes


def values_of(
    route: ListRoute, client: MongoClient[Document], settings: Settings
) -> dict[str, Values]:
    """For each filter of a list, values to ask for, taken from the data; the commonest first.

    :raises UnknownFilter: it is not known what to ask for.
    """
    known = SAMPLES.get(route.service, {})
    unknown = sorted(set(route.filters) - known.keys())
    if unknown:
        raise UnknownFilter(
            f"{route.path} offers {', '.join(unknown)}; say in services/tools/explain_samples.py "
            "what to ask for, and see to an index."
        )
    owned = service_database(client, settings, route.service)
    return {name: known[name](owned) for name in route.filters}


def address_of(route: ListRoute, client: MongoClient[Document], settings: Settings) -> str | None:
    """The address of a list, with something that is there in each place of its path, or None.

    :raises UnknownFilter: it is not known what to put in a place.
    """
    known = PLACES.get(route.service, {})
    names = _PLACE.findall(route.path)
    if not known.keys() >= set(names):
        raise UnknownFilter(
            f"{route.path} is a list for each {', '.join(names)}; say in "
            "services/tools/explain_samples.py which."
        )
    owned = service_database(client, settings, route.service)
    places = {name: known[name](owned) for name in names}
    return route.path.format(**places) if all(places.values()) else None


def cases(samples: Mapping[str, Values]) -> Iterator[dict[str, tuple[str, ...]]]:
    """No filter, each with each of its values, and each two with their commonest."""
    yield {}
    for name, values in samples.items():
        for value in values:
            yield {name: value}
    for first, second in combinations(samples, 2):
        yield {first: samples[first][0], second: samples[second][0]}


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


def _is_list(operation: Document, document: Document) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    properties: Document = document["components"]["schemas"].get(name, {}).get("properties", {})
    return {"items", "next"} <= properties.keys()


def _apps(settings: Settings, client: MongoClient[Document]) -> dict[str, Flask]:
    accounts = create_context(service_database(client, settings, "accounts"))
    published = sessions.published(accounts.keys, accounts.users, now=datetime.now(UTC))
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
