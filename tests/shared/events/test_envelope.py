from datetime import UTC, datetime

import orjson
import pytest

from shared.events.envelope import delivery, outbox_entries
from shared.identifiers import is_id
from tests.shared.things import ThingChanged, ThingLost

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
CHANGED = ThingChanged(thing_id="t", size=3, version=2, occurred_at="2025-06-01T12:00:00Z")
LOST = ThingLost(thing_id="t", version=3, occurred_at="2025-06-01T12:00:00Z")


class TestEvent:
    def test_is_read_from_what_was_sent(self) -> None:
        sent = {"thing_id": "t", "size": 3, "version": 2, "occurred_at": "2025-06-01T12:00:00Z"}

        assert ThingChanged.from_data(sent) == CHANGED

    def test_ignores_fields_that_are_newer_than_its_reader(self) -> None:
        sent = {
            "thing_id": "t",
            "size": 3,
            "version": 2,
            "occurred_at": "2025-06-01T12:00:00Z",
            "colour": "red",
        }

        assert ThingChanged.from_data(sent) == CHANGED

    def test_cannot_be_read_from_half_of_it(self) -> None:
        with pytest.raises(TypeError, match="occurred_at"):
            ThingChanged.from_data({"thing_id": "t", "size": 3, "version": 2})


class TestOutboxEntries:
    def test_has_one_for_each_that_hears_an_event(self) -> None:
        hearers = {ThingChanged: ("orders", "customers"), ThingLost: ("orders",)}

        entries = outbox_entries((CHANGED, LOST), hearers, now=NOW)

        assert [(entry["name"], entry["to"]) for entry in entries] == [
            ("ThingChanged", "orders"),
            ("ThingChanged", "customers"),
            ("ThingLost", "orders"),
        ]

    def test_gives_an_event_one_id_for_all_and_no_other_event_the_same(self) -> None:
        hearers = {ThingChanged: ("orders", "customers"), ThingLost: ("orders",)}

        entries = outbox_entries((CHANGED, LOST), hearers, now=NOW)

        ids = [entry["id"] for entry in entries]
        assert ids[0] == ids[1] != ids[2]
        assert all(is_id(id) for id in ids)

    def test_is_due_at_once_and_was_never_sent(self) -> None:
        (entry,) = outbox_entries((LOST,), {ThingLost: ("orders",)}, now=NOW)

        assert (entry["due_at"], entry["sent"], entry["schema"]) == (NOW, 0, 1)

    def test_has_none_for_an_event_that_nobody_hears(self) -> None:
        assert outbox_entries((LOST,), {ThingLost: ()}, now=NOW) == []

    def test_does_not_pass_over_an_event_that_was_forgotten(self) -> None:
        with pytest.raises(KeyError):
            outbox_entries((LOST,), {}, now=NOW)


class TestDelivery:
    def test_says_what_it_is_and_where_it_waits(self) -> None:
        (entry,) = outbox_entries((LOST,), {ThingLost: ("orders",)}, now=NOW)

        message = delivery(entry, sender="things", collection="boxes", document_id="t")

        assert message == {
            "id": entry["id"],
            "name": "ThingLost",
            "schema": 1,
            "sender": "things",
            "collection": "boxes",
            "document_id": "t",
            "data": {"thing_id": "t", "version": 3, "occurred_at": "2025-06-01T12:00:00Z"},
        }

    def test_is_plain_json(self) -> None:
        (entry,) = outbox_entries((CHANGED,), {ThingChanged: ("orders",)}, now=NOW)

        message = delivery(entry, sender="things", collection="boxes", document_id="t")

        assert orjson.loads(orjson.dumps(message)) == message
