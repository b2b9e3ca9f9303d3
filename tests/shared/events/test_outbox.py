"""Outbox entries of events."""

from datetime import UTC, datetime

import pytest

from shared.events.delivery import delivery
from shared.events.event import Event
from shared.events.outbox import outbox_entries
from shared.identifiers import is_id
from tests.support.things import ThingChanged, ThingLost

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
CHANGED = ThingChanged(thing_id="t", size=3, version=2, occurred_at="2025-06-01T12:00:00Z")
LOST = ThingLost(thing_id="t", version=3, occurred_at="2025-06-01T12:00:00Z")


class TestOutboxEntries:
    def test_has_one_for_each_subscriber_of_an_event(self) -> None:
        subscribers = {ThingChanged: ("orders", "customers"), ThingLost: ("orders",)}

        entries = outbox_entries((CHANGED, LOST), subscribers, now=NOW)

        assert [(entry["name"], entry["to"]) for entry in entries] == [
            ("ThingChanged", "orders"),
            ("ThingChanged", "customers"),
            ("ThingLost", "orders"),
        ]

    def test_gives_an_event_one_id_for_all_and_no_other_event_the_same(self) -> None:
        subscribers = {ThingChanged: ("orders", "customers"), ThingLost: ("orders",)}

        entries = outbox_entries((CHANGED, LOST), subscribers, now=NOW)

        ids = [entry["id"] for entry in entries]
        assert ids[0] == ids[1] != ids[2]
        assert all(is_id(id) for id in ids)

    def test_is_due_at_once_and_was_never_sent(self) -> None:
        (entry,) = outbox_entries((LOST,), {ThingLost: ("orders",)}, now=NOW)

        assert (entry["due_at"], entry["sent"], entry["schema"]) == (NOW, 0, 1)

    def test_has_none_for_an_event_without_subscribers(self) -> None:
        assert outbox_entries((LOST,), {ThingLost: ()}, now=NOW) == []

    def test_does_not_pass_over_an_event_that_was_forgotten(self) -> None:
        with pytest.raises(KeyError):
            outbox_entries((LOST,), {}, now=NOW)

    def test_names_the_request_by_which_it_happened(self) -> None:
        subscribers: dict[type[Event], tuple[str, ...]] = {ThingLost: ("orders",)}

        (asked,) = outbox_entries((LOST,), subscribers, now=NOW, request_id="r1")
        (unasked,) = outbox_entries((LOST,), subscribers, now=NOW)

        assert asked["request_id"] == "r1"
        assert "request_id" not in unasked
        for entry, id in ((asked, "r1"), (unasked, None)):
            message = delivery(entry, sender="things", collection="boxes", document_id="t")
            assert message["request_id"] == id
