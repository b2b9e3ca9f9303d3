"""The collections, rules and indexes of all services: built, and held against what is declared."""

from collections.abc import Iterator
from importlib import import_module

from pymongo import MongoClient

from shared.document import Document
from shared.mongo import drift
from shared.mongo.client import service_database
from shared.mongo.collections import Collection, build
from shared.settings import PORTS, Settings


def declared(service: str) -> tuple[Collection, ...]:
    """What a service declares of its database."""
    found: tuple[Collection, ...] = import_module(f"services.{service}.documents").COLLECTIONS
    return found


def update(
    settings: Settings, client: MongoClient[Document], *, prune: bool = False
) -> Iterator[str]:
    """Build what is missing or has changed; yields a sentence for each thing changed.

    With `prune`, indexes that nobody declares go.
    """
    for service in PORTS:
        owned = service_database(client, settings, service)
        yield from build(owned, declared(service))
        if prune:
            yield from drift.prune(owned, declared(service))


def differences(settings: Settings, client: MongoClient[Document]) -> Iterator[str]:
    """A sentence for each way in which the databases are not as declared."""
    for service in PORTS:
        yield from drift.differences(service_database(client, settings, service), declared(service))
