"""The factory of relays: to whom they publish, and from where."""

from dataclasses import replace
from datetime import UTC, datetime

from pymongo import MongoClient

from shared.document import Document
from shared.messaging.broker import broker_client
from shared.messaging.relay_factory import create_relay
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.settings import Settings
from tests.support.queues import take_messages
from tests.support.things import COLLECTIONS, SUBSCRIBERS, ThingRepository, changed, thing


class TestCreateRelay:
    def test_publishes_to_each_subscriber_and_leaves_nothing_open(
        self, settings: Settings, redis_url: str, client: MongoClient[Document]
    ) -> None:
        settings = replace(settings, redis_url=redis_url)
        database = service_database(client, settings, "things")
        list(build(database, COLLECTIONS))
        document = thing()
        ThingRepository(database, SUBSCRIBERS).insert(document, changed(document))

        # A connection that stayed open would be a warning, and so fail the session.
        with create_relay(
            "things", settings, collections=COLLECTIONS, publishes=SUBSCRIBERS
        ) as relay:
            sent = relay.send_due(datetime.now(UTC))

        with broker_client(settings) as broker:
            received = {
                name: len(take_messages(broker, settings, name)) for name in ("things", "others")
            }
        assert (sent, received) == (2, {"things": 1, "others": 1})
