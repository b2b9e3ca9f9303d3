"""Events read from what was sent, whole, newer, half, or wrong."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events.event import Event, EventMalformed
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
