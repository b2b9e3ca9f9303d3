from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, ValidationError
from marshmallow.fields import Field

from shared.web.fields import Amount, Prose, Sought, Text, Time, YesNo


class TestText:
    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("Ann", "Ann"),
            ("  Ann \n", "Ann"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("e\u0301", "\u00e9"),
            ("\u217a\u202f\u2603\U0001f600", "\u217a\u202f\u2603\U0001f600"),
            ("a" * 200, "a" * 200),
            (" " + "a" * 200 + " ", "a" * 200),
            ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
            ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ],
    )
    def test_is_trimmed_and_written_in_one_form(self, given: str, taken: str) -> None:
        assert load(Text(), given) == taken

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "   ",
            "\u3000\n",
            "\u200b",
            "\u2060 \ufeff\u00ad",
            "a" * 201,
            "a\x00b",
            "\x1b[31m",
            "a\x7f",
            "a\x85b",
            "a\rb",
            "\ud800",
            None,
            5,
            True,
            [],
            ["a"],
            {},
            {"$gt": ""},
        ],
    )
    def test_refuses_what_is_none(self, given: Any) -> None:
        assert messages(Text(), given)

    def test_may_be_left_empty_where_a_field_says_so(self) -> None:
        assert load(Text(shortest=0), "  ") == ""

    def test_says_how_long_it_may_be(self) -> None:
        assert messages(Text(max_length=3), "abcd") == ["It must have 1 to 3 characters."]

    def test_tells_its_length_to_the_documents(self) -> None:
        assert Text(max_length=3).metadata == {"maxLength": 3, "minLength": 1}


class TestUnseenCharacters:
    TURNED = "Ann \u202egnp.exe"
    MARKED = "\u05e9\u05dc\u05d5\u05dd \u200f12\u200e!"

    def test_are_refused_in_a_name_and_named(self) -> None:
        assert messages(Text(), self.TURNED) == ["The invisible character U+202E is not taken."]
        assert messages(Text(), self.MARKED) == ["The invisible character U+200F is not taken."]

    def test_are_taken_in_sentences_that_need_them(self) -> None:
        assert load(Prose(), self.MARKED) == self.MARKED
        assert messages(Prose(), self.TURNED)

    def test_are_looked_for_where_they_are_stored_already(self) -> None:
        assert load(Sought(), self.TURNED) == self.TURNED


class TestYesNo:
    @pytest.mark.parametrize("given", [True, False])
    def test_takes(self, given: bool) -> None:
        assert load(YesNo(), given) is given

    @pytest.mark.parametrize("given", [None, 0, 1, 1.0, "true", "yes", [], [True]])
    def test_refuses(self, given: Any) -> None:
        assert messages(YesNo(), given)


class TestAmount:
    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("12.30", "12.30"),
            ("0.001", "0.001"),
            ("-5", "-5"),
            ("+5", "5"),
            ("007", "7"),
            ("0", "0"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("0.000001", "0.000001"),
            ("999999999999.999999", "999999999999.999999"),
            ("-999999999999.999999", "-999999999999.999999"),
        ],
    )
    def test_is_exact_to_the_last_digit(self, given: str, taken: str) -> None:
        assert str(load(Amount(), given)) == taken

    @pytest.mark.parametrize(
        "given",
        [
            "",
            " ",
            "-",
            ".",
            "1,5",
            "1 000",
            "1_000",
            "0x10",
            "12.3.4",
            "NaN",
            "sNaN",
            "-Infinity",
            "inf",
            "1e3",
            "1E-3",
            "1e999999999999999999",
            "\u0661\u0662",
            "\uff11",
            "\u221212",
            "1\x00",
            "0.0000001",
            "1.0000000",
            "1000000000000",
            "-1000000000000",
            "9" * 100_000,
            "0." + "0" * 100_000,
        ],
    )
    def test_refuses_what_is_none(self, given: str) -> None:
        assert messages(Amount(), given)

    @pytest.mark.parametrize("given", [12.3, 12, 0, True, None, [], ["1"], {"$numberDecimal": "1"}])
    def test_has_to_be_a_string(self, given: Any) -> None:
        assert messages(Amount(), given)

    def test_may_have_a_least_value(self) -> None:
        field = Amount(least=Decimal(0))

        assert load(field, "0") == 0
        assert messages(field, "-0.01") == ["It must be 0 or more."]


class TestTime:
    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("2025-06-01T12:00:00Z", datetime(2025, 6, 1, 12, tzinfo=UTC)),
            ("2025-06-01T12:00:00+02:00", datetime(2025, 6, 1, 10, tzinfo=UTC)),
            ("2025-06-01T00:30:00+05:30", datetime(2025, 5, 31, 19, tzinfo=UTC)),
            ("2025-06-01T12:00:00.123456Z", datetime(2025, 6, 1, 12, 0, 0, 123000, tzinfo=UTC)),
            ("2025-06-01T12:00:00.0009Z", datetime(2025, 6, 1, 12, tzinfo=UTC)),
            ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
            ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ],
    )
    def test_is_kept_in_utc_to_the_millisecond(self, given: str, taken: datetime) -> None:
        at = load(Time(), given)

        assert at == taken
        assert at.utcoffset() == UTC.utcoffset(None)

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "now",
            "2025-06-01",
            "2025-06-01T12:00:00",
            "2025-02-30T12:00:00Z",
            "2025-06-01T25:00:00Z",
            "2025-06-01T12:00:00+25:00",
            "1899-12-31T23:59:59Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "12025-06-01T12:00:00Z",
            "-2025-06-01T12:00:00Z",
            "2025-06-01T12:00:00Z; drop",
            "\x00",
            "1" * 100_000,
            1748779200,
            1e300,
            True,
            None,
            [],
            {"$date": 0},
        ],
    )
    def test_refuses_what_is_none(self, given: Any) -> None:
        assert messages(Time(), given)


def load(field: "Field[Any]", given: Any) -> Any:
    """What the field makes of a value in a body."""
    return schema_of(field).load({"value": given})["value"]


def messages(field: "Field[Any]", given: Any) -> list[str]:
    """What the field has against a value in a body."""
    with pytest.raises(ValidationError) as refusal:
        schema_of(field).load({"value": given})
    assert isinstance(refusal.value.messages, dict)
    found: list[str] = refusal.value.messages["value"]
    return found


def schema_of(field: "Field[Any]") -> Schema:
    """A schema of this one field."""
    return Schema.from_dict({"value": field})()
