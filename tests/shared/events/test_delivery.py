"""Messages from a queue, whatever is in them."""

from datetime import UTC, datetime
from typing import Any

import bson
import orjson
import pytest

from shared.events.delivery import delivery, sort_out
from shared.events.outbox import outbox_entries
from tests.support import handlers
from tests.support.things import ThingChanged, ThingLost

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
CHANGED = ThingChanged(thing_id="t", size=3, version=2, occurred_at="2025-06-01T12:00:00Z")
LOST = ThingLost(thing_id="t", version=3, occurred_at="2025-06-01T12:00:00Z")


class TestSortOut:
    def test_gives_deliveries_back_as_they_came(self) -> None:
        made = [
            handlers.delivery(1),
            {**handlers.delivery(2), "request_id": "r", "added_later": [1]},
        ]

        assert sort_out(made) == (made, [])

    @pytest.mark.parametrize(
        ("broken", "error"),
        [
            ({"id": None}, "Delivery: Expected `str`, got `null` - at `$.id`"),
            ({"schema": "1"}, "Delivery: Expected `int`, got `str` - at `$.schema`"),
            ({"data": []}, "Delivery: Expected `object`, got `array` - at `$.data`"),
            ({"request_id": 5}, "Delivery: Expected `str | null`, got `int` - at `$.request_id`"),
            ({"data": {"a": 2**70}}, "MongoDB can only handle up to 8-byte ints"),
            ({"data": {"a": "\ud800"}}, "'utf-8' codec can't encode"),
        ],
    )
    def test_says_what_is_wrong_with_a_malformed_one(
        self, broken: dict[str, Any], error: str
    ) -> None:
        fine = handlers.delivery(1)

        sound, ((kept, reason),) = sort_out([{**handlers.delivery(2), **broken}, fine])

        assert sound == [fine]
        assert reason.startswith(f"It is malformed: {error}")
        assert bson.encode(kept)

    def test_names_the_source_of_a_malformed_one_if_it_can_be_read(self) -> None:
        odd = {**handlers.delivery(1), "data": 5}

        _, ((kept, _),) = sort_out([odd])

        assert {name: kept[name] for name in ("id", "sender", "collection", "document_id")} == {
            name: odd[name] for name in ("id", "sender", "collection", "document_id")
        }

    @pytest.mark.parametrize(
        "raw", [{"sender": "x\0"}, {"id": "\ud800"}, 5, "\ud800", {5: 5}, 2**70]
    )
    def test_gives_the_same_thing_the_same_id(self, raw: Any) -> None:
        _, ((first, _),) = sort_out([raw])
        _, ((again, _),) = sort_out([raw])

        assert first["id"] == again["id"]
        assert first["id"].startswith("malformed-")
        assert bson.encode(first)

    def test_keeps_of_a_huge_one_the_beginning(self) -> None:
        _, ((kept, _),) = sort_out(["x" * 10**6])

        assert len(kept["text"]) == 10_000


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
