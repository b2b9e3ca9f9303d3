"""Checks of waiting events and dead letters, on the real server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from shared.doctor.events import dead_letters, unconfirmed
from shared.doctor.findings import Level
from shared.document import Document
from shared.messaging.inbox import Inbox
from tests.support.things import COLLECTIONS, ThingRepository, changed, lost, thing


class TestUnconfirmed:
    def test_are_none_where_nothing_happened(
        self, database: Database[Document], things: ThingRepository, now: datetime
    ) -> None:
        things.insert(thing())

        (finding,) = unconfirmed(database, COLLECTIONS, now=now)

        assert (finding.level, finding.state) == (Level.GOOD, "none waits")

    @pytest.mark.parametrize(
        ("minutes", "level", "since"),
        [(0, Level.GOOD, "0 s"), (3, Level.LOOK, "3 min"), (30, Level.BAD, "30 min")],
    )
    def test_are_judged_by_the_age_of_the_oldest(
        self,
        database: Database[Document],
        things: ThingRepository,
        minutes: int,
        level: Level,
        since: str,
    ) -> None:
        first, second = thing(), thing()
        things.insert(first, lost(first))
        things.insert(second, lost(second), changed(second))
        now = datetime.now(UTC)
        age(database, first["_id"], now - timedelta(minutes=minutes))

        findings = {one.state: one for one in unconfirmed(database, COLLECTIONS, now=now)}

        finding = next(one for state, one in findings.items() if "ThingLost for others" in state)
        assert finding.level is level
        assert finding.state.startswith("2 ThingLost for others, the oldest since ")
        if minutes:
            assert finding.state.endswith(since)
            assert "worker of others" in finding.advice
        assert {one.split(",")[0] for one in findings} == {
            "2 ThingLost for others",
            "1 ThingChanged for others",
            "1 ThingChanged for things",
        }


class TestDeadLetters:
    def test_are_none(self, database: Database[Document]) -> None:
        (finding,) = dead_letters(database)

        assert (finding.level, finding.state) == (Level.GOOD, "none")

    def test_are_shown_with_the_reason(self, database: Database[Document]) -> None:
        delivery: dict[str, Any] = {"id": "e1", "name": "ThingLost"}
        Inbox(database).dead_letter(delivery, "ValueError: no such thing")

        (finding,) = dead_letters(database)

        assert finding.level is Level.BAD
        assert finding.state == "1 ThingLost; the last, e1: ValueError: no such thing"


def age(database: Database[Document], id: str, happened_at: datetime) -> None:
    """Have the events of a thing wait since some time."""
    database.things.update_one(
        {"_id": id}, {"$set": {"outbox.$[].id": str(ObjectId.from_datetime(happened_at))}}
    )
