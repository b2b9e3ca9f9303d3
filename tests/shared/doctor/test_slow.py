"""Slow queries, by the real server's own notes."""

from collections.abc import Iterator

import pytest
from pymongo.database import Database

from shared.doctor.findings import ASKS, Level
from shared.doctor.slow import note_slow_queries, slowest
from shared.document import Document
from tests.support.things import thing


class TestSlowest:
    def test_says_how_to_have_them_noted(self, database: Database[Document]) -> None:
        (finding,) = slowest(database)

        assert (finding.level, finding.state) == (Level.GOOD, "not noted")
        assert "make doctor PROFILE=" in finding.advice

    def test_is_none_where_none_was_slow(self, noted: Database[Document]) -> None:
        note_slow_queries(noted, milliseconds=60_000)

        (finding,) = slowest(noted)

        assert finding.state == "none took 60000 ms"

    def test_names_what_reads_much_for_little(self, noted: Database[Document]) -> None:
        noted.things.insert_many([{**thing(size=n), "outbox": []} for n in range(200)])

        list(noted.things.find({"note": "planted"}))
        list(noted.things.find({"note": "of the doctor"}).comment(ASKS))

        (finding,) = [one for one in slowest(noted) if "COLLSCAN" in one.state]
        assert finding.level is Level.LOOK
        assert "things query COLLSCAN: 1 times" in finding.state
        assert "200 documents read for 0" in finding.state

    def test_ends_when_told(self, noted: Database[Document]) -> None:
        note_slow_queries(noted, milliseconds=None)

        assert noted.command("profile", -1)["was"] == 0


@pytest.fixture
def noted(database: Database[Document]) -> Iterator[Database[Document]]:
    """The database, of which every query is noted."""
    note_slow_queries(database, milliseconds=0)
    yield database
    database.command("profile", 0)
    database.drop_collection("system.profile")
