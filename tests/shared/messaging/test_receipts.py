"""Receipts: sent by a consumer, and confirming events in their sender's documents."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.events.signature import Signer
from shared.local.ports import free_port
from shared.local.redis_server import redis_url
from shared.messaging import receipts
from shared.messaging.broker import create_celery
from shared.messaging.relay import Relay
from shared.settings import Settings
from tests.support.handlers import delivery
from tests.support.queues import Message
from tests.support.things import ThingRepository, added, changed, lost, thing, waiting

SIGNER = Signer([b"k" * 32])
Messages = Callable[[str], list[Message]]


class TestSend:
    def test_sends_one_message_to_each_sender(
        self, make_worker: Callable[[str], Celery], messages: Messages
    ) -> None:
        settled = [delivery(1), delivery(2), delivery(3, sender="orders")]

        receipts.send(make_worker("others"), settled, subscriber="others", signer=SIGNER)

        (to_things,) = messages("things")
        (to_orders,) = messages("orders")
        assert to_things.task == "things.confirm"
        assert to_things.kwargs == {
            "receipts": [["things", each["document_id"], each["id"]] for each in settled[:2]],
            "hearer": "others",
            "signature": to_things.kwargs["signature"],
        }
        assert receipts.are_genuine(**to_things.kwargs, sender="things", signer=SIGNER)
        assert len(to_orders.kwargs["receipts"]) == 1

    def test_sends_none_for_what_does_not_say_where_it_comes_from(
        self, make_worker: Callable[[str], Celery], messages: Messages
    ) -> None:
        settled = [{"id": "malformed-1", "text": "5"}, delivery(1)]

        receipts.send(make_worker("others"), settled, subscriber="others", signer=SIGNER)

        (receipt,) = messages("things")
        assert len(receipt.kwargs["receipts"]) == 1

    def test_bears_a_broker_that_is_away(self, settings: Settings) -> None:
        gone = replace(settings, redis_url=redis_url(free_port()))

        with create_celery("others", gone) as celery:
            receipts.send(celery, [delivery(1)], subscriber="others", signer=SIGNER)


class TestConfirm:
    def test_takes_out_the_one_event_of_the_one_subscriber(
        self, database: Database[Document], things: ThingRepository
    ) -> None:
        lamp = thing()
        things.insert(lamp, changed(lamp), lost(lamp))
        first = waiting(things)[0]["id"]

        receipts.confirm(database, [["things", lamp["_id"], first]], subscriber="others")

        assert [(entry["name"], entry["to"]) for entry in waiting(things)] == [
            ("ThingChanged", "things"),
            ("ThingLost", "others"),
        ]

    def test_may_be_done_twice_and_for_what_is_gone(
        self, database: Database[Document], things: ThingRepository
    ) -> None:
        (lamp,) = added(things, 1)
        (entry,) = waiting(things)
        both = [["things", lamp["_id"], entry["id"]], ["things", "nothing", entry["id"]]]

        receipts.confirm(database, both, subscriber="others")
        receipts.confirm(database, both, subscriber="others")

        assert waiting(things) == []
        assert things.get(lamp["_id"])["version"] == 1

    def test_ends_the_sending(
        self,
        make_relay: Callable[[], Relay],
        database: Database[Document],
        things: ThingRepository,
    ) -> None:
        relay, now = make_relay(), datetime.now(UTC) + timedelta(seconds=1)
        (lamp,) = added(things, 1)
        relay.send_due(now)
        (entry,) = waiting(things)

        receipts.confirm(database, [["things", lamp["_id"], entry["id"]]], subscriber="others")

        assert relay.send_due(now + timedelta(days=1)) == 0

    def test_of_nothing_does_nothing(self, database: Database[Document]) -> None:
        receipts.confirm(database, [], subscriber="others")
