"""The replica set and its log, on the real server; what it may say besides, by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from shared.doctor import replication
from shared.doctor.findings import Level
from shared.document import Document


class TestMembers:
    def test_say_that_one_is_alone(self, client: MongoClient[Document]) -> None:
        (finding,) = replication.members(client)

        assert (finding.level, finding.subject) == (Level.LOOK, "replication")
        assert "one member" in finding.state

    def test_are_good_together(self) -> None:
        assert levels([member(1), member(2), member(2)]) == [Level.GOOD]

    def test_say_who_is_behind_or_away(self) -> None:
        findings = list(replication.findings("rs", [member(1), member(2, lag=600), member(8)]))

        assert [one.level for one in findings] == [Level.LOOK, Level.BAD]
        assert "10 min behind" in findings[0].state

    def test_say_that_nobody_leads(self) -> None:
        assert levels([member(2), member(8)]) == [Level.BAD]


class TestOplog:
    def test_says_how_far_it_reaches(self, client: MongoClient[Document]) -> None:
        finding = replication.oplog(client)

        assert finding.state.startswith("reaches back ")

    def test_is_too_short_when_full_within_a_day(self) -> None:
        assert replication.reach(seconds=3_600, size=99, most=100).level is Level.LOOK
        assert replication.reach(seconds=3_600, size=9, most=100).level is Level.GOOD
        assert replication.reach(seconds=90_000, size=99, most=100).level is Level.GOOD


def levels(members: list[Document]) -> list[Level]:
    found: Iterator[Any] = replication.findings("rs", members)
    return [one.level for one in found]


def member(state: int, *, lag: int = 0) -> Document:
    """A member as the server tells of it."""
    return {
        "name": f"host{state}:27017",
        "state": state,
        "stateStr": {1: "PRIMARY", 2: "SECONDARY", 8: "(not reachable/healthy)"}[state],
        "optimeDate": datetime(2025, 1, 1, tzinfo=UTC) - timedelta(seconds=lag),
    }
