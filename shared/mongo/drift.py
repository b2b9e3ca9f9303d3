"""Differences between a live database and its declaration. Knows no collection."""

from collections.abc import Iterator
from typing import Any

from pymongo.database import Database

from shared.document import Document
from shared.mongo.collections import Collection
from shared.mongo.indexes import NEXT, same_index

SHOWN = 3
"""Places that are named where one rule differs in many."""


def differences(database: Database[Document], collections: tuple[Collection, ...]) -> Iterator[str]:
    """A sentence for each difference; none if the database is as declared."""
    present = {info["name"]: info["options"] for info in database.list_collections()}
    for collection in collections:
        subject = f"{database.name}.{collection.name}"
        if collection.name not in present:
            yield f"{subject} is missing"
            continue
        yield from _rules(subject, collection, present[collection.name])
        yield from _indexes(subject, collection, database)
    # The server's own, such as the profile of slow queries, are nobody's to declare.
    known = {collection.name for collection in collections}
    for name in sorted(present.keys() - known):
        if not name.startswith("system."):
            yield f"{database.name}.{name} is not declared"


def unknown_indexes(database: Database[Document], collection: Collection) -> list[str]:
    """The names of the indexes of a collection that nobody declared."""
    declared = {index.document["name"] for index in collection.all_indexes()}
    # One for each rebuild that was cut short goes with the next build.
    ours = declared | {name + NEXT for name in declared} | {"_id_"}
    return sorted(database[collection.name].index_information().keys() - ours)


def prune(database: Database[Document], collections: tuple[Collection, ...]) -> Iterator[str]:
    """Drop the indexes that nobody declared; yields a sentence for each."""
    for collection in collections:
        for name in unknown_indexes(database, collection):
            database[collection.name].drop_index(name)
            yield f"{database.name}.{collection.name}: index {name} dropped, it is not declared"


def _rules(subject: str, collection: Collection, options: Document) -> Iterator[str]:
    for name, declared in collection.rules().items():
        found = options.get(name)
        if isinstance(declared, dict):
            places = _places(declared, found or {})
            if places:
                more = ", …" if len(places) > SHOWN else ""
                yield f"{subject}: {name} differs at {', '.join(places[:SHOWN])}{more}"
        elif found != declared:
            yield f"{subject}: {name} is {found}, not {declared}"
    for name in sorted(options.keys() - collection.rules().keys()):
        yield f"{subject} has the option {name}, which is not declared"


def _indexes(subject: str, collection: Collection, database: Database[Document]) -> Iterator[str]:
    present = database[collection.name].index_information()
    for index in collection.all_indexes():
        name = index.document["name"]
        if name not in present:
            yield f"{subject}: index {name} is missing"
        elif not same_index(present[name], index.document):
            yield f"{subject}: index {name} is not as declared"
        if name + NEXT in present:
            yield f"{subject}: index {name + NEXT} is left of a rebuild that was cut short"
    for name in unknown_indexes(database, collection):
        yield f"{subject}: index {name} is not declared"


def _places(declared: Document, found: Document) -> list[str]:
    """The paths at which two rules differ."""
    ours, theirs = dict(_leaves(declared)), dict(_leaves(found))
    return [
        path for path in {**ours, **theirs} if path not in theirs or ours.get(path) != theirs[path]
    ]


def _leaves(rule: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a rule with the path to it. True is not 1."""
    inner = rule.items() if isinstance(rule, dict) else enumerate(rule)
    for key, value in inner:
        place = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict | list | tuple) and value:
            yield from _leaves(value, place)
        else:
            yield place, (isinstance(value, bool), value)
