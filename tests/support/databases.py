"""Databases of tests: settings that lead to some of their own, built, emptied and dropped."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.collections import Collection, build
from shared.settings import Settings, load


def settings_of_its_own(mongo_url: str, **changes: Any) -> Settings:
    """Settings that lead to databases which nobody else uses."""
    prefix = f"test_{uuid4().hex[:12]}"
    return replace(load(), mongo_url=mongo_url, database_prefix=prefix, **changes)


@contextmanager
def client_of_its_own(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for these settings. In the end their databases are dropped."""
    with connect(settings) as client:
        try:
            yield client
        finally:
            drop(client, settings)


def drop(client: MongoClient[Document], settings: Settings) -> None:
    """Drop all databases that these settings lead to."""
    for name in client.list_database_names():
        if name.startswith(settings.database_prefix):
            client.drop_database(name)


def built(
    client: MongoClient[Document],
    settings: Settings,
    service: str,
    collections: Iterable[Collection],
) -> Database[Document]:
    """The database of a service with its rules and indexes."""
    database = service_database(client, settings, service)
    list(build(database, tuple(collections)))
    return database


def empty(database: Database[Document], names: Iterable[str] | None = None) -> None:
    """Delete all documents of these collections, or of all; rules and indexes stay."""
    *most, last = database.list_collection_names() if names is None else names
    for name in most:
        database.get_collection(name, write_concern=WriteConcern(w=1)).delete_many({})
    # What is acknowledged by the majority has all that was written before it. Otherwise the next
    # test would see what is being deleted.
    database[last].delete_many({})
