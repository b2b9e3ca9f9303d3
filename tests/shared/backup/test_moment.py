import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pymongo import MongoClient

from shared.backup import BackupFailed
from shared.backup.dump import dump
from shared.backup.moment import History, one_moment
from shared.document import Document
from shared.local.mongod import running_mongod
from shared.mongo.client import connect, wait_for_primary
from shared.settings import load
from tests.support.clock import Clock

PARAMETER = "minSnapshotHistoryWindowInSeconds"


class TestOneMoment:
    def test_shows_what_was_there_whatever_is_written(
        self, forgetful: MongoClient[Document]
    ) -> None:
        collections = [forgetful["kith_a"]["one"], forgetful["kith_b"]["two"]]

        with one_moment(collections) as moment:
            for collection in collections:
                collection.update_many({}, {"$set": {"changed": True}})
            found = [one.find_one({}, session=moment.session) for one in collections]

        assert found == [{"_id": 1}, {"_id": 1}]


class TestHistory:
    def test_is_left_alone_by_a_short_backup(
        self, forgetful: MongoClient[Document], clock: Clock
    ) -> None:
        history = History(forgetful, clock=clock)

        clock.advance(0.4)
        history.keep()

        assert window(forgetful) == 1

    def test_is_kept_for_longer_and_put_back(
        self, forgetful: MongoClient[Document], clock: Clock
    ) -> None:
        history, windows = History(forgetful, clock=clock), []

        for _ in range(6):
            clock.advance(0.5)
            history.keep()
            windows.append(window(forgetful))
        history.let_go()

        assert windows == [2, 4, 4, 8, 8, 8]
        assert window(forgetful) == 1

    def test_is_left_as_somebody_else_has_set_it(
        self, forgetful: MongoClient[Document], clock: Clock
    ) -> None:
        history = History(forgetful, clock=clock)
        clock.advance(2)
        history.keep()

        remember(forgetful, 100)
        history.let_go()

        assert window(forgetful) == 100

    def test_lets_a_backup_take_longer_than_the_server_remembers(
        self, forgetful: MongoClient[Document], folder: Path
    ) -> None:
        def slowly(_name: str, _done: int, _of: int) -> None:
            time.sleep(0.25)
            write(forgetful)

        began = time.monotonic()

        made = dump(forgetful, "kith", ["a", "b"], folder, progress=slowly)

        assert time.monotonic() - began > 4
        assert [record.documents for record in made.records] == [1] * 12
        assert window(forgetful) == 1

    def test_that_is_gone_is_said_so(self, forgetful: MongoClient[Document], folder: Path) -> None:
        def stuck(_name: str, _done: int, _of: int) -> None:
            for _ in range(8):
                time.sleep(0.3)
                write(forgetful)

        with pytest.raises(BackupFailed, match="took longer than MongoDB remembers the past; star"):
            dump(forgetful, "kith", ["a", "b"], folder, progress=stuck)

        assert window(forgetful) == 1


def write(client: MongoClient[Document]) -> None:
    """Change what the backup reads, which moves on what the server remembers."""
    client["kith_b"]["two"].update_many({}, {"$inc": {"count": 1}})


def window(client: MongoClient[Document]) -> int:
    """For how many seconds the server remembers."""
    return int(client.admin.command({"getParameter": 1, PARAMETER: 1})[PARAMETER])


def remember(client: MongoClient[Document], seconds: int) -> None:
    """Have the server remember for so long."""
    client.admin.command({"setParameter": 1, PARAMETER: seconds})


@pytest.fixture
def forgetful(own_server: MongoClient[Document]) -> MongoClient[Document]:
    """A server that remembers one second, with twelve collections of one document."""
    remember(own_server, 1)
    for name in ("kith_a", "kith_b"):
        own_server.drop_database(name)
    own_server["kith_a"]["one"].insert_one({"_id": 1})
    own_server["kith_b"]["two"].insert_one({"_id": 1})
    for number in range(10):
        own_server["kith_b"][f"more{number}"].insert_one({"_id": 1})
    return own_server


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoClient[Document]]:
    """A server of these tests alone, since they change how long it remembers."""
    with running_mongod(tmp_path_factory.mktemp("forgetful")) as url:
        settings = replace(load(), mongo_url=url)
        wait_for_primary(settings, seconds=60)
        with connect(settings) as client:
            yield client
