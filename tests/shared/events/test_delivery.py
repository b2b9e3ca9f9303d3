"""Messages from a queue, whatever is in them."""

from typing import Any

import bson
import pytest

from shared.events.delivery import sort_out
from tests.support.handlers import delivery


class TestSortOut:
    def test_gives_deliveries_back_as_they_came(self) -> None:
        made = [delivery(1), {**delivery(2), "request_id": "r", "added_later": [1]}]

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
        fine = delivery(1)

        sound, ((kept, reason),) = sort_out([{**delivery(2), **broken}, fine])

        assert sound == [fine]
        assert reason.startswith(f"It is malformed: {error}")
        assert bson.encode(kept)

    def test_tells_where_it_comes_from_if_that_can_be_told(self) -> None:
        odd = {**delivery(1), "data": 5}

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
