import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from shared.backup import BackupBroken, BackupFailed, quietly
from shared.backup.compare import differing_documents, differing_schema
from shared.backup.dump import dump
from shared.backup.manifest import Manifest, Record
from shared.backup.restore import (
    build_indexes,
    drop,
    fill,
    problems,
    refuse_occupied,
    release_events,
)
from shared.document import Document
from shared.settings import Settings
from tests.support.odds import ODDS, SERVICES

Restore = Callable[[], Database[Document]]


class TestProblems:
    def test_are_none_in_a_backup_as_it_was_written(self, backup: Manifest, folder: Path) -> None:
        assert list(problems(backup, folder, progress=quietly)) == []

    def test_are_found_wherever_a_byte_is_flipped(self, backup: Manifest, folder: Path) -> None:
        for path in sorted(folder.rglob("*.gz")):
            whole = path.read_bytes()
            # Behind the ten bytes of gzip's own head, which say nothing of what is in the file.
            for position in range(10, len(whole), max(1, len(whole) // 20)):
                if says_the_same(flipped(whole, position), whole):
                    # A bit behind the end of the packed data, which nobody reads.
                    continue
                path.write_bytes(flipped(whole, position))

                found = list(problems(backup, folder, progress=quietly))

                assert len(found) == 1, (path.name, position)
                assert str(path) in found[0]
            path.write_bytes(whole)

    def test_name_every_file_that_is_missing(self, backup: Manifest, folder: Path) -> None:
        record = one(backup, "odds.odd.ones")
        backup.data_file(folder, record).unlink()
        backup.metadata_file(folder, one(backup, "things.inbox")).unlink()

        found = list(problems(backup, folder, progress=quietly))

        assert [sentence.split("/")[-1] for sentence in found] == [
            "odd.ones.bson.gz is missing; use another backup.",
            "inbox.metadata.json.gz is missing; use another backup.",
        ]

    def test_are_documents_that_say_something_else(self, backup: Manifest, folder: Path) -> None:
        path = backup.data_file(folder, one(backup, "things.things"))
        content = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(content.replace(b"box", b"bag", 1)))

        (found,) = problems(backup, folder, progress=quietly)

        assert found == f"{path} is not as it was written; use another backup."

    def test_are_documents_that_were_taken_out(self, backup: Manifest, folder: Path) -> None:
        path = backup.data_file(folder, one(backup, "things.things"))
        path.write_bytes(gzip.compress(b""))

        (found,) = problems(backup, folder, progress=quietly)

        assert found == f"{path} holds 0 documents, and 3 were written; use another backup."


class TestRefuseOccupied:
    def test_lets_pass_what_is_empty(
        self, client: MongoClient[Document], settings: Settings
    ) -> None:
        refuse_occupied(client, [f"{settings.database_prefix}_things", "test_no_such"])

    def test_refuses_documents(
        self, database: Database[Document], client: MongoClient[Document]
    ) -> None:
        with pytest.raises(
            BackupFailed, match=rf"{database.name} holds documents \(things\), which"
        ):
            refuse_occupied(client, [database.name])


class TestRestore:
    def test_brings_back_everything(
        self, backup: Manifest, client: MongoClient[Document], into: str, restore: Restore
    ) -> None:
        restore()

        assert list(differing_documents(client, backup, into=into, progress=quietly)) == []
        assert list(differing_schema(client, backup, into=into)) == []

    def test_brings_back_rules_that_hold(self, restore: Restore) -> None:
        with pytest.raises(OperationFailure, match="failed validation"):
            restore().things.insert_one({"_id": "x"})

    def test_brings_back_what_breaks_the_rules_of_today(
        self,
        database: Database[Document],
        client: MongoClient[Document],
        settings: Settings,
        folder: Path,
        into: str,
    ) -> None:
        database.things.insert_one({"_id": "old"}, bypass_document_validation=True)
        made = dump(client, settings.database_prefix, SERVICES, folder, progress=quietly)

        fill(client, made, folder, into=into, progress=quietly)

        assert client[f"{into}_things"].things.find_one({"_id": "old"}) == {"_id": "old"}

    def test_names_what_mongodb_does_not_take(
        self, backup: Manifest, client: MongoClient[Document], folder: Path, into: str
    ) -> None:
        record = one(backup, "things.things")
        rewrite(
            backup.metadata_file(folder, record),
            lambda content: content["indexes"][1].update(unique=True, key={"kind": 1}),
        )
        fill(client, backup, folder, into=into, progress=quietly)

        with pytest.raises(BackupBroken, match=r"MongoDB does not take things\.things as it is in"):
            build_indexes(client, backup, folder, into=into, progress=quietly)

    def test_sends_waiting_events_again_at_once(
        self,
        backup: Manifest,
        database: Database[Document],
        client: MongoClient[Document],
        into: str,
        restore: Restore,
    ) -> None:
        restored, now = restore(), datetime(2030, 1, 1, tzinfo=UTC)

        assert release_events(client, backup, into=into, now=now) == 3

        entries = [entry for one in restored.things.find() for entry in one["outbox"]]
        assert len(entries) == 6
        assert {(entry["due_at"], entry["sent"]) for entry in entries} == {(now, 0)}
        assert {entry["id"] for entry in entries} == {
            entry["id"] for one in database.things.find() for entry in one["outbox"]
        }

    def test_can_be_dropped(self, client: MongoClient[Document], restore: Restore) -> None:
        name = restore().name

        drop(client, [name, "test_no_such"])

        assert name not in client.list_database_names()


class TestDiffering:
    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda things: things.delete_one({}), "things.things: 3 documents became 2."),
            (
                lambda things: things.update_one({}, {"$set": {"size": 9}}),
                "things.things: its documents are not those that were backed up.",
            ),
        ],
        ids=["lost", "changed"],
    )
    def test_documents_are_found(
        self,
        backup: Manifest,
        client: MongoClient[Document],
        into: str,
        restore: Restore,
        change: Callable[[object], object],
        sentence: str,
    ) -> None:
        change(restore().things)

        assert list(differing_documents(client, backup, into=into, progress=quietly)) == [sentence]

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (
                lambda base: base.things.drop_index("by_size"),
                "things.things: the index by_size is missing.",
            ),
            (
                lambda base: base.things.create_index("note", name="more"),
                "things.things: the index more was not in the backup.",
            ),
            (
                lambda base: base.command({"collMod": "things", "validationLevel": "moderate"}),
                "things.things: its validator or other options are not those backed up.",
            ),
            (lambda base: base.inbox.drop(), "things.inbox: the collection is missing."),
            (
                lambda base: base.create_collection("more"),
                "things.more: the collection was not in the backup.",
            ),
            (
                lambda base: base.command(
                    {
                        "collMod": "inbox",
                        "index": {"name": "forget_done", "expireAfterSeconds": 5},
                    }
                ),
                "things.inbox: the index forget_done is not the one backed up.",
            ),
        ],
        ids=["index", "another-index", "rule", "collection", "another-collection", "ttl"],
    )
    def test_schema_is_found(
        self,
        backup: Manifest,
        client: MongoClient[Document],
        into: str,
        restore: Restore,
        change: Callable[[object], object],
        sentence: str,
    ) -> None:
        change(restore())

        assert list(differing_schema(client, backup, into=into)) == [sentence]

    def test_order_of_an_indexs_fields_counts(
        self, backup: Manifest, client: MongoClient[Document], folder: Path, into: str
    ) -> None:
        record = one(backup, "odds.odd.ones")
        rewrite(
            backup.metadata_file(folder, record),
            lambda content: content["indexes"][1].update(key={"a": 1, "b": -1}),
        )
        fill(client, backup, folder, into=into, progress=quietly)
        build_indexes(client, backup, folder, into=into, progress=quietly)

        assert list(differing_schema(client, backup, into=into)) == [
            f"odds.{ODDS.name}: the index partial is not the one backed up."
        ]


def one(backup: Manifest, name: str) -> Record:
    """A record by its name."""
    (found,) = [record for record in backup.records if record.name == name]
    return found


def rewrite(path: Path, change: Callable[[Document], object]) -> None:
    """Change a file of metadata."""
    content = json.loads(gzip.decompress(path.read_bytes()))
    change(content)
    path.write_bytes(gzip.compress(json.dumps(content).encode()))


def says_the_same(content: bytes, whole: bytes) -> bool:
    """True if both unpack to the same."""
    try:
        return gzip.decompress(content) == gzip.decompress(whole)
    except (OSError, EOFError, zlib.error):
        return False


def flipped(content: bytes, position: int) -> bytes:
    """The same, but for one bit."""
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.fixture
def restore(backup: Manifest, client: MongoClient[Document], folder: Path, into: str) -> Restore:
    """`restore()`: the backup brought back under another prefix; gives the first database."""

    def bring_back() -> Database[Document]:
        fill(client, backup, folder, into=into, progress=quietly)
        build_indexes(client, backup, folder, into=into, progress=quietly)
        return client[f"{into}_things"]

    return bring_back
