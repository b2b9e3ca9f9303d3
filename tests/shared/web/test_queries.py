"""Query strings of lists: bounds of a page, and a field for each filter."""

from typing import Any

import pytest
from marshmallow import ValidationError, fields

from shared.mongo.examples import always
from shared.mongo.filters import Filter
from shared.web.fields import Text
from shared.web.queries import PageQuerySchema, filter_fields


class Loud(Text):
    """Text in capitals."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class TestPageQuery:
    def test_asks_for_fifty_unless_told(self) -> None:
        assert PageQuerySchema().load({}) == {"limit": 50}

    @pytest.mark.parametrize("limit", ["1", "200"])
    def test_takes_up_to_200(self, limit: str) -> None:
        assert PageQuerySchema().load({"limit": limit, "cursor": "a"})["limit"] == int(limit)

    @pytest.mark.parametrize("limit", ["0", "201", "-1", "many"])
    def test_refuses_other_sizes(self, limit: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            PageQuerySchema().load({"limit": limit})
        assert refusal.value.messages_dict.keys() == {"limit"}


class TestFilterFields:
    @pytest.mark.parametrize(
        ("made", "sent", "loaded"),
        [
            ({}, " Lee ", "Lee"),
            ({"kind": "loud"}, "lee", "LEE"),
            ({"choices": ("a", "b")}, "b", "b"),
            ({"max_values": 2}, ["x", "y"], ["x", "y"]),
        ],
    )
    def test_take_what_the_filter_says(
        self, made: dict[str, Any], sent: Any, loaded: object
    ) -> None:
        assert field(**made).deserialize(sent) == loaded

    def test_take_times_with_their_offset(self) -> None:
        at = field(kind="time").deserialize("2025-06-01T14:00:00+02:00")

        assert at.isoformat() == "2025-06-01T12:00:00+00:00"

    @pytest.mark.parametrize(
        ("made", "sent"),
        [
            ({"max_length": 2}, "Lee"),
            ({"kind": "time"}, "yesterday"),
            ({"choices": ("a", "b")}, "c"),
            ({"max_values": 2}, ["x", "y", "z"]),
        ],
    )
    def test_refuse_the_rest(self, made: dict[str, Any], sent: Any) -> None:
        with pytest.raises(ValidationError):
            field(**made).deserialize(sent)

    def test_say_what_they_mean(self) -> None:
        assert field(description="Equal.").metadata["description"] == "Equal."
        assert "description" not in field().metadata


def field(**made: Any) -> fields.Field[Any]:
    given: dict[str, Any] = {
        "name": "f",
        "field": "f",
        "index": "f",
        "example": always("a"),
        **made,
    }
    return filter_fields([Filter(**given)], loud=Loud)["f"]
