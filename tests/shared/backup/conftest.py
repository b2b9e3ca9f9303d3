"""A small database to back up, and somewhere to put its backups."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from shared.backup import quietly
from shared.backup.dump import dump
from shared.backup.manifest import Manifest
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support import databases
from tests.support.odds import ODDS, OF_EVERY_TYPE, SERVICES
from tests.support.things import COLLECTIONS, SUBSCRIBERS, ThingRepository, changed, thing


@pytest.fixture
def settings(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to databases of this test alone, which are built."""
    made = databases.settings_of_its_own(mongo_url)
    with databases.client_of_its_own(made) as client:
        databases.built(client, made, "things", COLLECTIONS)
        databases.built(client, made, "odds", (ODDS,))
        yield made


@pytest.fixture
def database(client: MongoClient[Document], settings: Settings) -> Database[Document]:
    """The database of the made-up service, with three things of which events wait."""
    made = service_database(client, settings, "things")
    things = ThingRepository(made, SUBSCRIBERS)
    for one in (thing(size=size) for size in (1, 2, 3)):
        things.insert(one, changed(one))
    service_database(client, settings, "odds")[ODDS.name].insert_many(OF_EVERY_TYPE)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the backup."""
    made = tmp_path / "backup"
    made.mkdir()
    return made


@pytest.fixture
def backup(database: Database[Document], settings: Settings, folder: Path) -> Manifest:
    """A backup of the made-up services, in `folder`."""
    return dump(database.client, settings.database_prefix, SERVICES, folder, progress=quietly)


@pytest.fixture
def into(settings: Settings) -> str:
    """Another prefix, whose databases are removed as well."""
    return f"{settings.database_prefix}_back"
