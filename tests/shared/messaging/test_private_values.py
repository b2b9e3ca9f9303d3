"""Private values: they stay in the database, and are there when the event is handled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
import redis
from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.events.event import Event
from shared.events.outbox import outbox_entries
from shared.messaging import receipts
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import DeadLetters, Replay
from shared.messaging.relay import Relay
from shared.messaging.retries import MAX_ATTEMPTS
from shared.settings import Settings
from tests.support.handlers import sealed
from tests.support.queues import Message
from tests.support.things import thing

NOTE = "Ann Planted called"
Messages = Callable[[str], list[Message]]


@dataclass(frozen=True, kw_only=True)
class ThingNoted(Event):
    """Something personal was said of a thing."""

    PRIVATE: ClassVar[frozenset[str]] = frozenset({"note"})
    EMPTIED: ClassVar[dict[str, Any]] = {"name": "-"}

    thing_id: str
    note: str


class TestRestored:
    def test_values_are_handled_though_they_never_travel(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)

        (sent,) = line.sent()

        assert NOTE not in str(sent)
        assert sent["data"]["name"] == "-"
        assert line.handle([sent]) == [sent["id"]]
        assert line.notes == [NOTE]

    def test_of_an_entry_that_is_gone_nothing_is_handled_or_dead_lettered(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)
        (sent,) = line.sent()
        database.things.update_one({}, {"$set": {"outbox": []}})

        assert line.handle([sent]) == []

        assert line.notes == []
        assert database.dead_letters.count_documents({}) == 0
        assert database.inbox.count_documents({}) == 0

    def test_that_comes_again_after_it_is_done_is_confirmed_again(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)
        (sent,) = line.sent()

        assert line.handle([sent]) == line.handle([sent]) == [sent["id"]]
        assert line.notes == [NOTE]

    def test_are_in_the_dead_letter_and_come_from_there_when_it_is_redelivered(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)
        (sent,) = line.sent()
        line.fails = True
        assert [line.handle([sent]) for _ in range(MAX_ATTEMPTS)][-1] == [sent["id"]]
        receipts.confirm(database, [["things", "t", sent["id"]]], subscriber="things")
        (letter,) = database.dead_letters.find()
        assert letter["delivery"]["data"]["note"] == NOTE
        assert NOTE not in letter["error"]

        line.fails = False
        replayed = DeadLetters(database, "things").replay(sent["id"], now=datetime.now(UTC))
        (again,) = line.sent()

        assert replayed is Replay.SENT
        assert NOTE not in str(again)
        assert line.handle([again]) == [sent["id"]]
        assert line.notes == [NOTE]
        assert database.dead_letters.count_documents({}) == 0

    def test_are_forgotten_with_their_document(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)
        (sent,) = line.sent()
        line.fails = True
        for _ in range(MAX_ATTEMPTS):
            line.handle([sent])

        letters = DeadLetters(database, "things")
        letters.forget_values("another", [ThingNoted])
        assert letters.count() == 1
        letters.forget_values("t", [ThingNoted])
        assert letters.count() == 0

    def test_are_not_read_for_an_event_of_another_service(
        self, line: "Line", database: Database[Document]
    ) -> None:
        add(database)
        (sent,) = line.sent()

        line.handle([sealed({**sent, "sender": "others"})])

        assert line.notes == []
        (letter,) = database.dead_letters.find()
        assert letter["error"].startswith("It is malformed: ThingNoted: Object missing")


class Line:
    """A relay and a consumer of the made-up service, which knows one event."""

    def __init__(self, relay: Relay, consumer: Consumer, messages: Messages) -> None:
        self._relay, self._messages = relay, messages
        self._consumer = consumer
        self._rounds = count(1)
        self.notes: list[str] = []
        self.fails = False

    def on_noted(self, events: Sequence[ThingNoted]) -> None:
        """Remember the notes, or fail because of them."""
        if self.fails:
            raise ValueError(events[0].note)
        self.notes += [event.note for event in events]

    def sent(self) -> list[Document]:
        """What the relay sends now."""
        self._relay.send_due(datetime.now(UTC) + timedelta(minutes=2 * next(self._rounds)))
        return [one for each in self._messages("things") for one in each.kwargs["deliveries"]]

    def handle(self, deliveries: list[Document]) -> list[str]:
        """The ids of those that are settled."""
        return [settled["id"] for settled in self._consumer.handle(deliveries)]


def add(database: Database[Document]) -> None:
    """A thing of which something personal was said."""
    event = ThingNoted(
        thing_id="t", note=NOTE, version=1, occurred_at=datetime.now(UTC).isoformat()
    )
    entries = outbox_entries((event,), {ThingNoted: ("things",)}, now=datetime.now(UTC))
    database.things.insert_one({**thing(), "_id": "t", "outbox": entries})


@pytest.fixture
def line(
    database: Database[Document],
    celery: Celery,
    broker: redis.Redis,
    wired: Settings,
    messages: Messages,
) -> Iterator[Line]:
    """The way of an event from its document to its handler."""
    relay = Relay(
        "things",
        database,
        ("things", "dead_letters"),
        events={"ThingNoted": ThingNoted},
        subscribers=("things",),
        celery=celery,
        broker=broker,
        settings=wired,
    )
    consumer = Consumer("things", wired, lambda _: {ThingNoted: made.on_noted})
    made = Line(relay, consumer, messages)
    yield made
    consumer.database.client.close()
