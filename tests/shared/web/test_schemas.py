from typing import Any

import pytest
from marshmallow import ValidationError, fields, validate

from shared.web.faults import refusal_of
from shared.web.fields import Text
from shared.web.schemas import MAX_ERRORS, Pairs, Schema, Several


class PartSchema(Schema):
    """A part of a thing."""

    name = Text(required=True)


class ThingSchema(Schema):
    """A thing with parts."""

    name = Text()
    parts = Several(fields.Nested(PartSchema), validate=validate.Length(max=1_000))
    marks = Pairs(keys=fields.String(), validate=validate.Length(max=3))


class Counting(fields.Field[Any]):
    """Refuses everything, and counts how often."""

    asked = 0

    def _deserialize(self, *_: Any, **__: Any) -> Any:
        type(self).asked += 1
        raise ValidationError("No.")


def faults(data: Any, schema: type[Schema] = ThingSchema) -> Any:
    with pytest.raises(ValidationError) as failure:
        schema().load(data)
    return failure.value.messages


class TestSchema:
    def test_loads_what_is_known(self) -> None:
        assert ThingSchema().load({"name": "a", "parts": [{"name": "b"}]}) == {
            "name": "a",
            "parts": [{"name": "b"}],
        }

    def test_names_a_few_unknown_names_and_counts_the_rest(self) -> None:
        sent = {f"unknown{number}": number for number in range(900)}

        refusal = refusal_of(faults({"name": 1, **sent}))

        assert len(refusal.errors) == MAX_ERRORS
        assert refusal.more_errors == 900 + 1 - MAX_ERRORS

    def test_names_all_of_a_few(self) -> None:
        sent = {f"unknown{number}": number for number in range(MAX_ERRORS)}

        refusal = refusal_of(faults(sent))

        assert {error.field for error in refusal.errors} == set(sent)
        assert refusal.more_errors == 0

    def test_does_so_in_each_part(self) -> None:
        part = {"name": "b", **{f"unknown{number}": number for number in range(900)}}

        messages = faults({"parts": [part, part]})

        assert [len(messages["parts"][place]) for place in (0, 1)] == [MAX_ERRORS + 1] * 2
        assert refusal_of(messages).more_errors == 2 * 900 - MAX_ERRORS


class TestSeveral:
    def test_is_counted_before_it_is_read(self) -> None:
        class ManySchema(Schema):
            many = Several(Counting(), validate=validate.Length(max=5))

        assert faults({"many": [1] * 6}, ManySchema) == {"many": ["Longer than maximum length 5."]}
        assert Counting.asked == 0

    def test_is_given_up_after_a_few_wrong_items(self) -> None:
        messages = faults({"parts": [{}] * 1_000})

        assert list(messages["parts"]) == list(range(MAX_ERRORS))

    @pytest.mark.parametrize("value", [{}, "abc", 5, None])
    def test_is_a_list(self, value: Any) -> None:
        assert list(faults({"parts": value})) == ["parts"]


class TestPairs:
    def test_are_counted_before_they_are_read(self) -> None:
        assert faults({"marks": {str(number): 1 for number in range(4)}}) == {
            "marks": ["Longer than maximum length 3."]
        }

    def test_are_taken_as_they_are(self) -> None:
        assert ThingSchema().load({"marks": {"a": 1}}) == {"marks": {"a": 1}}
