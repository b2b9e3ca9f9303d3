from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from shared.events.delivery import delivery
from shared.events.event import Event, EventMalformed
from shared.events.outbox import outbox_entries
from shared.identifiers import is_id
from tests.support.things import ThingChanged, ThingLost

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
CHANGED = ThingChanged(thing_id="t", size=3, version=2, occurred_at="2025-06-01T12:00:00Z")
LOST = ThingLost(thing_id="t", version=3, occurred_at="2025-06-01T12:00:00Z")


@dataclass(frozen=True, kw_only=True)
class EverythingHappened(Event):
    """An event with a field of every type that JSON has."""

    version: int = 1
    occurred_at: str = "2025-06-01T12:00:00Z"
    flag: bool = True
    ratio: float = 1.5
    maybe: str | None = None
    names: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    anything: Any = None


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
        with pytest.raises(EventMalformed, match=r"ThingChanged: .*missing .*`occurred_at`"):
            ThingChanged.from_data({"thing_id": "t", "size": 3, "version": 2})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("flag", False),
            ("ratio", 2.5),
            ("maybe", "x"),
            ("maybe", None),
            ("names", ("a", "b")),
            ("counts", {"a": 1}),
            ("anything", [{"a": None}]),
        ],
    )
    def test_takes_what_is_of_the_type_that_it_says(self, name: str, value: Any) -> None:
        assert getattr(EverythingHappened.from_data({name: value}), name) == value

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("version", "1"),
            ("version", True),
            ("version", 1.0),
            ("flag", 1),
            ("ratio", "1.5"),
            ("maybe", 5),
            ("names", "ab"),
            ("names", ["a", 5]),
            ("counts", {"a": "1"}),
            ("counts", []),
        ],
    )
    def test_refuses_what_is_of_another_type(self, name: str, value: Any) -> None:
        with pytest.raises(EventMalformed, match=rf"EverythingHappened: .*`\$\.{name}\b"):
            EverythingHappened.from_data({name: value})


class TestOutboxEntries:
    def test_has_one_for_each_that_hears_an_event(self) -> None:
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

    def test_has_none_for_an_event_that_nobody_hears(self) -> None:
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
            "data": {
                "thing_id": "t",
                "version": 3,
                "occurred_at": "2025-06-01T12:00:00Z",
                "actor": None,
                "via": None,
                "batch": None,
            },
            "request_id": None,
        }

    def test_is_plain_json(self) -> None:
        (entry,) = outbox_entries((CHANGED,), {ThingChanged: ("orders",)}, now=NOW)

        message = delivery(entry, sender="things", collection="boxes", document_id="t")

        assert orjson.loads(orjson.dumps(message)) == message
