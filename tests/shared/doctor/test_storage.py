"""Checks of sizes, indexes and disk, on the real server."""

from datetime import datetime, timedelta

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from shared.doctor import storage
from shared.doctor.findings import Level
from shared.document import Document
from shared.mongo.collections import build
from tests.support.things import COLLECTIONS, THINGS, thing


class TestCollections:
    def test_tell_how_much_there_is(self, database: Database[Document], now: datetime) -> None:
        fill(database, 3)

        (finding, empty) = storage.collections(database, COLLECTIONS, now=now)

        assert finding.level is Level.GOOD
        assert finding.subject == f"{database.name}.things"
        assert finding.state.startswith("3 documents, ")
        assert "; indexes " in finding.state
        assert empty.state == "inbox, dead_letters"

    def test_that_are_not_there_are_named(
        self, database: Database[Document], now: datetime
    ) -> None:
        database.drop_collection("things")
        try:
            finding = next(storage.collections(database, COLLECTIONS, now=now))
        finally:
            list(build(database, COLLECTIONS))

        assert (finding.level, finding.state) == (Level.BAD, "not there")
        assert "setup" in finding.advice

    def test_name_a_dropped_index(self, database: Database[Document], now: datetime) -> None:
        database.things.drop_index("by_size")
        try:
            findings = list(storage.collections(database, COLLECTIONS, now=now))
        finally:
            list(build(database, COLLECTIONS))

        assert [one.state for one in findings if one.level is Level.BAD] == ["missing: by_size"]

    @pytest.mark.parametrize(
        ("settled", "level"), [(timedelta(0), Level.LOOK), (timedelta(days=1), Level.GOOD)]
    )
    def test_name_unused_indexes_once_it_is_time(
        self, database: Database[Document], now: datetime, settled: timedelta, level: Level
    ) -> None:
        fill(database, storage.MIN_DOCUMENTS)
        database.things.create_index("note", name="planted")
        database.things.find_one({"kind": "box"}, hint="by_size")
        database.things.find_one({"outbox.to": "others"}, hint="outbox_due")
        try:
            found = {
                one.subject: one
                for one in storage.collections(
                    database, (THINGS,), now=now + timedelta(minutes=5), settled=settled
                )
            }
        finally:
            database.things.drop_index("planted")

        finding = found[f"{database.name}.things indexes"]
        assert finding.level is level
        assert "planted (" in finding.state
        assert "by_size" not in finding.state
        assert "_id_" not in finding.state


class TestDisk:
    @pytest.mark.parametrize(
        ("scarce", "very_scarce", "level"),
        [(0.0, 0.0, Level.GOOD), (1.0, 0.0, Level.LOOK), (1.0, 1.0, Level.BAD)],
    )
    def test_is_shown_with_what_is_left(
        self,
        database: Database[Document],
        client: MongoClient[Document],
        monkeypatch: pytest.MonkeyPatch,
        scarce: float,
        very_scarce: float,
        level: Level,
    ) -> None:
        # The disk is as full as it is; so the bounds are moved instead.
        monkeypatch.setattr(storage, "SCARCE", scarce)
        monkeypatch.setattr(storage, "VERY_SCARCE", very_scarce)

        finding = storage.disk(client, database.name)

        assert finding.level is level
        assert " free" in finding.state


def fill(database: Database[Document], count: int) -> None:
    database.things.insert_many([{**thing(), "outbox": []} for _ in range(count)])
