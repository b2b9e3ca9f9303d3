"""The factory of relays: to whom they publish, and from where."""

from collections.abc import Callable
from datetime import UTC, datetime

from shared.messaging.relay_factory import create_relay
from shared.settings import Settings
from tests.support.queues import Message
from tests.support.things import COLLECTIONS, SUBSCRIBERS, ThingRepository, changed, thing


class TestCreateRelay:
    def test_publishes_to_each_subscriber_and_leaves_nothing_open(
        self, things: ThingRepository, wired: Settings, messages: Callable[[str], list[Message]]
    ) -> None:
        document = thing()
        things.insert(document, changed(document))

        # A connection that stayed open would be a warning, and so fail the session.
        with create_relay(
            "things", wired, collections=COLLECTIONS, publishes=SUBSCRIBERS, subscribes=()
        ) as relay:
            sent = relay.send_due(datetime.now(UTC))

        received = {name: len(messages(name)) for name in ("things", "others")}
        assert (sent, received) == (2, {"things": 1, "others": 1})
