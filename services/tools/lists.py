"""Lists that the API offers: their addresses, their filters, and values to ask for by each.

The lists come from the services' OpenAPI documents, the values from the filters that each service
declares. Knows all services.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from pymongo import MongoClient

from services import registry
from shared.document import Document
from shared.mongo.client import service_database
from shared.mongo.examples import Values
from shared.mongo.filters import Filter
from shared.settings import Settings

# Parameters that say where in a list one is, and narrow nothing.
NAVIGATION = frozenset({"cursor", "limit"})
_PLACE = re.compile(r"{(\w+)}")


class UnknownFilter(Exception):
    """A list offers a filter that no service declares; the message names it."""


@dataclass(frozen=True, kw_only=True)
class ListRoute:
    """A list that a service offers, and the filters that narrow it."""

    service: str
    path: str
    filters: tuple[str, ...]


def declared(service: str) -> dict[str, Filter]:
    """The filters of all lists of a service, by name."""
    return {one.name: one for filters in registry.lists(service) for one in filters}


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
    known = declared(route.service)
    unknown = sorted(set(route.filters) - known.keys())
    if unknown:
        raise UnknownFilter(
            f"{route.path} offers {', '.join(unknown)}; declare it in "
            f"services/{route.service}/repository/filters.py, and see to an index."
        )
    owned = service_database(client, settings, route.service)
    return {name: known[name].example(owned) for name in route.filters}


def address_of(route: ListRoute, client: MongoClient[Document], settings: Settings) -> str | None:
    """The address of a list, with something that is there in each place of its path, or None.

    :raises UnknownFilter: it is not known what to put in a place.
    """
    known = registry.places(route.service)
    names = _PLACE.findall(route.path)
    if not known.keys() >= set(names):
        raise UnknownFilter(
            f"{route.path} is a list for each {', '.join(names)}; say which in PLACES of "
            f"services/{route.service}/repository/filters.py."
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


def narrowing(service: str, names: Collection[str]) -> str | None:
    """The filter whose index finds what the others are then compared with, one by one.

    None where one index serves all of these filters.
    """
    for filters in registry.lists(service):
        if {one.name for one in filters} >= set(names):
            lead = filters.narrows(names)
            return None if lead is None else lead.name
    return None


def _is_list(operation: Document, document: Document) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    properties: Document = document["components"]["schemas"].get(name, {}).get("properties", {})
    return {"items", "next"} <= properties.keys()
