import gzip
import json
from pathlib import Path
from threading import Event, Thread
from typing import Any

import bson
import pytest
from bson import CodecOptions
from pymongo import MongoClient
from pymongo.database import Database

from shared.backup import BackupFailed, quietly
from shared.backup.dump import dump
from shared.backup.manifest import Manifest
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.odds import ODDS, OF_EVERY_TYPE, SERVICES


class TestDump:
    @pytest.mark.usefixtures("backup")
    def test_lies_as_mongorestore_reads_it(self, folder: Path, settings: Settings) -> None:
        files = {str(path.relative_to(folder / "dump")) for path in folder.rglob("*.gz")}

        prefix = settings.database_prefix
        assert files == {
            f"{prefix}_{database}/{name}.{ending}"
            for database, names in (
                ("things", ("things", "inbox", "dead_letters")),
                ("odds", ("odd.ones",)),
            )
            for name in names
            for ending in ("bson.gz", "metadata.json.gz")
        }

    @pytest.mark.usefixtures("backup")
    def test_holds_the_documents_as_they_are(self, folder: Path, settings: Settings) -> None:
        path = folder / "dump" / f"{settings.database_prefix}_odds" / "odd.ones.bson.gz"

        found = bson.decode_all(
            gzip.decompress(path.read_bytes()), CodecOptions[Document](tz_aware=True)
        )

        assert sorted(found, key=lambda one: str(one["_id"])) == sorted(
            OF_EVERY_TYPE, key=lambda one: str(one["_id"])
        )

    @pytest.mark.usefixtures("backup")
    def test_holds_rules_and_indexes_in_extended_json(
        self, folder: Path, settings: Settings
    ) -> None:
        path = folder / "dump" / f"{settings.database_prefix}_odds" / "odd.ones.metadata.json.gz"

        content = json.loads(gzip.decompress(path.read_bytes()))

        assert content.keys() == {"options", "indexes", "uuid", "collectionName", "type"}
        assert (content["collectionName"], content["type"]) == ("odd.ones", "collection")
        assert len(bytes.fromhex(content["uuid"])) == 16
        assert content["options"]["validator"] == ODDS.validator
        assert content["options"]["validationLevel"] == "strict"
        assert content["indexes"] == [
            {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"},
            {
                "v": {"$numberInt": "2"},
                "key": {"b": {"$numberInt": "-1"}, "a": {"$numberInt": "1"}},
                "name": "partial",
                "unique": True,
                "partialFilterExpression": {"b": {"$gt": ""}},
            },
            {
                "v": {"$numberInt": "2"},
                "key": {"expires_at": {"$numberInt": "1"}},
                "name": "expired",
                "expireAfterSeconds": {"$numberInt": "0"},
            },
        ]

    def test_counts_and_hashes_every_collection(self, backup: Manifest) -> None:
        assert {record.name: record.documents for record in backup.records} == {
            "odds.odd.ones": 3,
            "things.dead_letters": 0,
            "things.inbox": 0,
            "things.things": 3,
        }

    def test_is_of_one_moment_while_others_write(
        self,
        database: Database[Document],
        client: MongoClient[Document],
        settings: Settings,
        folder: Path,
    ) -> None:
        odds, stop = service_database(client, settings, "odds")[ODDS.name], Event()
        padding = "x" * 1_000
        database.things.update_many({}, {"$set": {"size": 0}})
        database.inbox.insert_many(
            [
                {"_id": str(id), "attempts": 0, "seen_at": NOW, "error": padding}
                for id in range(20_000)
            ]
        )

        def write() -> None:
            """Raise a number in one database and then in the other: never apart by more than 1."""
            count = 0
            while not stop.is_set():
                count += 1
                odds.update_one({"_id": 1}, {"$set": {"count": count}})
                database.things.update_many({}, {"$set": {"size": count}})
                database.inbox.delete_one({"_id": str(count)})

        thread = Thread(target=write)
        thread.start()
        while odds.count_documents({"count": {"$gt": 3}}) == 0:
            pass

        made = dump(client, settings.database_prefix, SERVICES, folder, progress=quietly)

        stop.set()
        thread.join(30)
        (one,) = [one for one in documents(folder, made, "odds.odd.ones") if one["_id"] == 1]
        sizes = {one["size"] for one in documents(folder, made, "things.things")}
        left = len(documents(folder, made, "things.inbox"))
        assert {one["count"] - size for size in sizes} <= {0, 1}
        assert 20_000 - left in {one["count"] - 1, one["count"]}
        assert odds.count_documents({"count": {"$gt": one["count"] + 1}}) == 1

    def test_says_that_there_is_nothing(self, client: MongoClient[Document], folder: Path) -> None:
        with pytest.raises(BackupFailed, match="no database is named no_such_…"):
            dump(client, "no_such", SERVICES, folder, progress=quietly)

    @pytest.mark.parametrize(
        "change",
        [
            lambda things: things.drop(),
            lambda things: things.drop_index("by_size"),
            lambda things: things.create_index("note"),
            lambda things: things.database.create_collection("more"),
        ],
        ids=["dropped", "index-dropped", "index-built", "made"],
    )
    def test_fails_when_the_schema_changes_meanwhile(
        self,
        database: Database[Document],
        client: MongoClient[Document],
        settings: Settings,
        folder: Path,
        change: Any,
    ) -> None:
        def progress(name: str, _done: int, _of: int) -> None:
            if name == "odds.odd.ones" and not changed:
                changed.append(name)
                change(database.things)

        changed: list[str] = []

        with pytest.raises(BackupFailed, match="The schema was changed during the backup"):
            dump(client, settings.database_prefix, SERVICES, folder, progress=progress)

        assert not (folder / "manifest.json").exists()

    def test_waits_for_a_collection_that_was_made_just_now(
        self,
        database: Database[Document],
        client: MongoClient[Document],
        settings: Settings,
        folder: Path,
    ) -> None:
        database.create_collection("newest").insert_one({})

        made = dump(client, settings.database_prefix, SERVICES, folder, progress=quietly)

        assert [one.documents for one in made.records if one.collection == "newest"] == [1]


NOW = OF_EVERY_TYPE[1]["when"]


def documents(folder: Path, made: Manifest, name: str) -> list[Document]:
    """The documents of a collection in a backup."""
    (record,) = [one for one in made.records if one.name == name]
    return bson.decode_all(gzip.decompress(made.data_file(folder, record).read_bytes()))
