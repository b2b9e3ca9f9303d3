"""Dead letters on the real servers: listed, redelivered, and handled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from pymongo.database import Database

from shared.document import Document
from shared.messaging import receipts
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import DeadLetters, Replay
from shared.messaging.inbox import Inbox
from shared.messaging.relay import Relay
from shared.messaging.retries import MAX_ATTEMPTS
from tests.support.handlers import RecordingHandlers, delivery
from tests.support.queues import Message

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MakeHearing = Callable[..., Consumer]
Messages = Callable[[str], list[Message]]


class TestForgetForged:
    def test_leaves_all_others(self, letters: DeadLetters, database: Database[Document]) -> None:
        for id in ("forged-1", "forged-f", "forge", "malformed-1", "a"):
            Inbox(database).dead_letter({**delivery(1), "id": id}, "X")

        assert letters.forget_forged() == 2
        assert [letter.id for letter in letters.search()] == ["forge", "malformed-1", "a"]


class TestSearch:
    def test_finds_the_oldest_first(
        self, letters: DeadLetters, database: Database[Document]
    ) -> None:
        for id in ("a", "b", "c"):
            Inbox(database).dead_letter({**delivery(1), "id": id}, f"ValueError: {id}")
        database.dead_letters.update_one({"_id": "c"}, {"$set": {"parked_at": LONG_AGO}})

        assert [letter.id for letter in letters.search()] == ["c", "a", "b"]
        assert [letter.id for letter in letters.search(ids=["b", "x"])] == ["b"]
        lately = datetime.now(UTC) - timedelta(days=1)
        assert [letter.id for letter in letters.search(since=lately)] == ["a", "b"]
        assert letters.count() == 3

    @pytest.mark.parametrize(
        ("error", "remedy"),
        [
            ("ValueError: no", "Mend the reason, then: make replay ID="),
            ("EventUnknown: X", "Start newer workers, then: make replay ID="),
            ("It is forged: X", "Find out who can write to Redis"),
            ("It is malformed: X", "Have its sender republish the state of its documents"),
            ("It happened 99 days ago", "Have its sender republish the state of its documents"),
        ],
    )
    def test_says_what_to_do(
        self, letters: DeadLetters, database: Database[Document], error: str, remedy: str
    ) -> None:
        dead_lettered = delivery(1)
        Inbox(database).dead_letter(dead_lettered, error)

        (letter,) = letters.search()

        assert (letter.event, letter.error) == ("ThingChanged", error)
        assert letter.source == f"things.things.{dead_lettered['document_id']}"
        assert letter.remedy.startswith(remedy)

    def test_shows_what_could_not_be_read(
        self, letters: DeadLetters, database: Database[Document]
    ) -> None:
        Inbox(database).dead_letter(
            {"id": "malformed-1", "text": "5"}, "It is malformed: no object"
        )

        (letter,) = letters.search()

        assert (letter.event, letter.source) == ("unreadable", "?.?.?")


class TestReplay:
    def test_has_the_event_handled_and_the_letter_forgotten(
        self,
        poisoned: Document,
        letters: DeadLetters,
        carry: Callable[[], None],
        handled: RecordingHandlers,
    ) -> None:
        handled.failing = {}

        assert letters.replay(poisoned["id"], now=datetime.now(UTC)) is Replay.SENT
        carry()

        assert handled.batches == [[13]]
        assert letters.count() == 0

    def test_may_be_repeated_before_and_after(
        self,
        poisoned: Document,
        letters: DeadLetters,
        carry: Callable[[], None],
        handled: RecordingHandlers,
    ) -> None:
        handled.failing = {}
        now = datetime.now(UTC)

        assert letters.replay(poisoned["id"], now=now) is Replay.SENT
        assert letters.replay(poisoned["id"], now=now) is Replay.WAITS
        (letter,) = letters.search()
        assert letter.remedy == "It is being redelivered; wait."
        carry()

        assert letters.replay(poisoned["id"], now=now) is Replay.UNKNOWN
        carry()
        assert handled.batches == [[13]]

    def test_survives_that_the_message_is_lost(
        self,
        poisoned: Document,
        letters: DeadLetters,
        relay: Relay,
        messages: Messages,
        carry: Callable[[], None],
        handled: RecordingHandlers,
    ) -> None:
        handled.failing = {}
        letters.replay(poisoned["id"], now=datetime.now(UTC))
        relay.send_due(datetime.now(UTC) + timedelta(seconds=1))
        assert len(messages("things")) == 1

        carry()

        assert handled.batches == [[13]]
        assert letters.count() == 0

    def test_gives_it_as_many_tries_as_the_first_time_and_parks_it_again(
        self,
        poisoned: Document,
        letters: DeadLetters,
        carry: Callable[[], None],
        handled: RecordingHandlers,
    ) -> None:
        handled.failing = {13: KeyError("still no")}
        handled.attempts = {}

        letters.replay(poisoned["id"], now=datetime.now(UTC))
        for _ in range(MAX_ATTEMPTS + 2):
            carry()

        (letter,) = letters.search()
        assert handled.attempts == {13: MAX_ATTEMPTS}
        assert letter.error.startswith("KeyError in on_changed")
        assert not letter.waits

    def test_of_a_forgery_does_nothing(
        self, letters: DeadLetters, database: Database[Document]
    ) -> None:
        """Sent again by the relay it would be signed."""
        Inbox(database).dead_letter({**delivery(1), "id": "forged-1"}, "It is forged: X")

        assert letters.replay("forged-1", now=datetime.now(UTC)) is Replay.FORGED
        assert database.dead_letters.count_documents({"outbox": {"$exists": True}}) == 0

    def test_of_what_had_its_effect_only_forgets_the_letter(
        self,
        poisoned: Document,
        letters: DeadLetters,
        database: Database[Document],
        handled: RecordingHandlers,
    ) -> None:
        Inbox(database).mark_done([poisoned["id"]])

        assert letters.replay(poisoned["id"], now=datetime.now(UTC)) is Replay.DONE
        assert letters.count() == 0
        assert handled.batches == []

    def test_of_what_cannot_be_read_does_nothing(
        self, letters: DeadLetters, database: Database[Document]
    ) -> None:
        Inbox(database).dead_letter(
            {"id": "malformed-1", "text": "5"}, "It is malformed: no object"
        )

        assert letters.replay("malformed-1", now=datetime.now(UTC)) is Replay.BROKEN
        (letter,) = letters.search()
        assert not letter.waits

    def test_keeps_the_request_by_which_it_happened(
        self, letters: DeadLetters, database: Database[Document]
    ) -> None:
        Inbox(database).dead_letter(
            {**delivery(1), "id": "e", "request_id": "r1"}, "ValueError: no"
        )

        letters.replay("e", now=datetime.now(UTC))

        (entry,) = (database.dead_letters.find_one() or {})["outbox"]
        assert entry["request_id"] == "r1"


@pytest.fixture
def letters(database: Database[Document]) -> DeadLetters:
    """The dead letters of the made-up service."""
    return DeadLetters(database, "things")


@pytest.fixture
def consumer(make_consumer: MakeHearing, handled: RecordingHandlers) -> Consumer:
    """A worker of the made-up service."""
    return make_consumer(handled)


@pytest.fixture
def poisoned(consumer: Consumer, handled: RecordingHandlers) -> Document:
    """A dead-lettered event."""
    made = delivery(13)
    handled.failing = {13: ValueError("no")}
    for _ in range(MAX_ATTEMPTS):
        consumer.handle([made])
    return made


@pytest.fixture
def relay(make_relay: Callable[..., Relay]) -> Relay:
    """The relay of the made-up service, which sends dead letters too."""
    return make_relay(("things", "dead_letters"))


@pytest.fixture
def carry(
    relay: Relay, consumer: Consumer, messages: Messages, database: Database[Document]
) -> Callable[[], None]:
    """`carry()`: two minutes later, send what is due, handle it, confirm it."""
    rounds = count(1)

    def carry() -> None:
        relay.send_due(datetime.now(UTC) + timedelta(minutes=2 * next(rounds)))
        for message in messages("things"):
            for settled in consumer.handle(message.kwargs["deliveries"]):
                receipt = [settled["collection"], settled["document_id"], settled["id"]]
                receipts.confirm(database, [receipt], subscriber="things")

    return carry
