import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import bson
import pytest
from pymongo.database import Database

from shared.backup import BackupBroken, streams
from shared.backup.streams import BsonWriter, Tally, raw_batches
from shared.document import Document

ONES = [bson.encode({"_id": number, "text": "x" * number}) for number in range(5)]


class TestTally:
    def test_counts_what_passes(self) -> None:
        tally = Tally()

        tally.add(b"".join(ONES[:2]))
        tally.add(b"".join(ONES[2:]))

        whole = b"".join(ONES)
        assert (tally.documents, tally.length) == (5, len(whole))
        assert tally.sha256 == sha256(whole).hexdigest()


class TestRawBatches:
    def test_come_in_the_order_of_ids_however_they_lie(self, database: Database[Document]) -> None:
        database.inbox.insert_many([{"_id": id, "attempts": 0, "seen_at": _NOW} for id in "cab"])

        (batch,) = raw_batches(database.inbox)

        assert [document["_id"] for document in bson.decode_all(batch)] == ["a", "b", "c"]


class TestRead:
    def test_gives_what_was_written(self, path: Path) -> None:
        tally = Tally()

        (batch,) = streams.read(path, tally)

        assert [document.raw for document in batch] == ONES
        assert tally.documents == 5

    def test_gives_batches_of_a_size_that_can_be_sent(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "BATCH_DOCUMENTS", 2)

        assert [len(batch) for batch in streams.read(path, Tally())] == [2, 2, 1]

    def test_of_an_empty_collection_is_nothing(self, tmp_path: Path) -> None:
        assert list(streams.read(written(tmp_path / "empty", []), Tally())) == []

    def test_says_which_file_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(BackupBroken, match=r"none\.bson\.gz is missing; use another backup"):
            list(streams.read(tmp_path / "none.bson.gz", Tally()))

    def test_says_that_a_file_is_cut_off(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-12])

        with pytest.raises(BackupBroken, match="is damaged"):
            list(streams.read(path, Tally()))

    @pytest.mark.parametrize(
        "content",
        [
            b"\x05",
            b"\x04\x00\x00\x00",
            b"\xff\xff\xff\x7f",
            ONES[3][:-1],
            ONES[3][:-1] + b"\x01",
        ],
        ids=["cut", "short", "long", "unfinished", "endless"],
    )
    def test_refuses_what_is_no_document(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "odd.bson.gz"
        path.write_bytes(gzip.compress(content))

        with pytest.raises(BackupBroken, match="is damaged"):
            list(streams.read(path, Tally()))


class TestBsonWriter:
    def test_makes_the_same_file_of_the_same_documents(self, tmp_path: Path) -> None:
        made = [written(tmp_path / name, ONES).read_bytes() for name in ("one", "other")]

        assert made[0] == made[1]
        assert gzip.decompress(made[0]) == b"".join(ONES)

    def test_does_not_replace_another_file(self, path: Path) -> None:
        with pytest.raises(FileExistsError):
            BsonWriter(path)


_NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def written(path: Path, documents: Iterable[bytes]) -> Path:
    """A file of documents."""
    with BsonWriter(path) as writer:
        for document in documents:
            writer.write(document)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of five documents."""
    return written(tmp_path / "five.bson.gz", ONES)
