"""Builds the declared collections, rules and indexes of all services, and compares them."""

from collections.abc import Iterator

from pymongo import MongoClient

from services.registry import SERVICES, collections
from shared.document import Document
from shared.mongo import drift
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.settings import Settings


def update(
    settings: Settings, client: MongoClient[Document], *, prune: bool = False
) -> Iterator[str]:
    """Build what is missing or has changed; yields a sentence for each thing changed.

    With `prune`, indexes that nobody declares go.
    """
    for service in SERVICES:
        owned = service_database(client, settings, service)
        yield from build(owned, collections(service))
        if prune:
            yield from drift.prune(owned, collections(service))


def differences(settings: Settings, client: MongoClient[Document]) -> Iterator[str]:
    """A sentence for each way in which the databases are not as declared."""
    for service in SERVICES:
        yield from drift.differences(
            service_database(client, settings, service), collections(service)
        )
