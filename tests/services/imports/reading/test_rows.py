"""Rows made into order lines, or rejected with a reason."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.imports.model.lines import Buyer, Line, Place, Rejection
from services.imports.reading.columns import Columns
from services.imports.reading.mapping import Mapping
from services.imports.reading.rows import parse_row, parse_rows

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
USUAL = {"No": "1001", "Qty": "2", "Price": "2.50", "Time": "2024-05-01 10:00"}


def parse(mapping: Mapping, **cells: str) -> Line | Rejection:
    values = USUAL | cells
    columns = Columns.find(list(values), mapping)
    return parse_row(columns.bind(list(values.values())), mapping, now=NOW)


def accepted(mapping: Mapping, **cells: str) -> Line:
    line = parse(mapping, **cells)
    assert isinstance(line, Line), line.reason
    return line


def rejected(mapping: Mapping, **cells: str) -> Rejection:
    rejection = parse(mapping, **cells)
    assert isinstance(rejection, Rejection)
    return rejection


class TestParseRow:
    def test_makes_a_line_of_the_least_there_can_be(self, make_mapping: Any) -> None:
        assert accepted(make_mapping()) == Line(
            number="1001",
            kind="sale",
            status="delivered",
            placed_at=datetime(2024, 5, 1, 10, 0, tzinfo=UTC),
            currency="GBP",
            sku="",
            description="",
            quantity=2,
            unit_price=Decimal("2.50"),
        )

    def test_makes_a_line_of_all_there_can_be(self, make_mapping: Any) -> None:
        names = {
            "sku": "Sku",
            "currency": "Cur",
            "status": "State",
            "customer": "Id",
            "phone": "Tel",
        }
        mapping = make_mapping({**names, "country": "Land"})

        line = accepted(
            mapping, Sku=" A-1 ", Cur="eur", State="Paid", Id="7", Tel="030 901820", Land="Germany"
        )

        assert (line.sku, line.currency, line.status) == ("A-1", "EUR", "paid")
        assert line.buyer == Buyer(external_id="7", phones=("+4930901820",))
        assert line.place == Place(country="DE")

    def test_never_rejects_for_a_messy_phone_or_address(self, make_mapping: Any) -> None:
        mapping = make_mapping({"phone": "Tel", "email": "Mail", "city": "City"})

        line = accepted(mapping, Tel="ask Bob", Mail="bob at home", City="x" * 101)

        assert line.buyer is None
        assert len(line.notes) == 3

    @pytest.mark.parametrize(
        ("cells", "reason"),
        [
            ({"No": " "}, "The number is missing."),
            ({"No": "x" * 101}, "The number is longer than 100 characters."),
            ({"No": "a\0"}, "The number holds a control character."),
            ({"Qty": ""}, "The quantity is missing."),
            ({"Qty": "1.5"}, 'The quantity "1.5" is not a whole number.'),
            ({"Qty": "0"}, "The quantity of a sale must be above 0; it is 0."),
            ({"Qty": "-12"}, "The quantity of a sale must be above 0; it is -12."),
            ({"Price": "-0.01"}, "The unit price is negative: -0.01."),
            (
                {"Price": "free"},
                'The unit price "free" is not a number with "." before its decimals.',
            ),
            ({"Time": "2025-06-01 12:00:01"}, 'The time "2025-06-01 12:00:01" is in the future.'),
            ({"Cur": "QQQ"}, 'The currency "QQQ" is no ISO 4217 code, such as EUR.'),
            ({"Cur": "XXX"}, 'The currency "XXX" is no ISO 4217 code, such as EUR.'),
            ({"Text": "x" * 501}, "The description is longer than 500 characters."),
        ],
    )
    def test_rejects_with_a_reason(
        self, make_mapping: Any, cells: dict[str, str], reason: str
    ) -> None:
        mapping = make_mapping({"currency": "Cur", "description": "Text"})

        assert rejected(mapping, **{"Cur": "", "Text": ""} | cells).reason == reason

    def test_takes_the_moment_itself(self, make_mapping: Any) -> None:
        assert accepted(make_mapping(), Time="2025-06-01 12:00").placed_at == NOW


class TestRejectedAmounts:
    def test_are_what_the_row_would_have_come_to(self, make_mapping: Any) -> None:
        rejection = rejected(make_mapping(), Qty="-12", Price="1.25")

        assert (rejection.amount, rejection.currency) == (Decimal("-15.00"), "GBP")

    def test_count_parts_of_pieces_too(self, make_mapping: Any) -> None:
        assert rejected(make_mapping(), Qty="1.5", Price="0.001").amount == Decimal("0.0015")

    @pytest.mark.parametrize(
        "cells", [{"Qty": "x"}, {"Price": "x"}, {"Qty": "7" * 20, "Price": "7" * 20}]
    )
    def test_are_unknown_where_they_cannot_be_read(
        self, make_mapping: Any, cells: dict[str, str]
    ) -> None:
        assert rejected(make_mapping(), **cells).amount is None

    def test_have_no_currency_where_that_cannot_be_read(self, make_mapping: Any) -> None:
        rejection = rejected(make_mapping({"currency": "Cur"}), Cur="?")

        assert (rejection.amount, rejection.currency) == (Decimal("5.00"), None)


class TestReturns:
    def test_are_told_by_their_number(self, make_mapping: Any) -> None:
        mapping = make_mapping(returns={"number_prefix": "C"})

        assert accepted(mapping, No="C1001", Qty="-1").kind == "return"
        assert accepted(mapping, No="1001").kind == "sale"
        assert accepted(mapping, No="c1001").kind == "sale"

    def test_are_told_by_a_word(self, make_mapping: Any) -> None:
        mapping = make_mapping(returns={"column": "Type", "values": ["refund", "credit"]})

        line = accepted(mapping, Type=" Refund", Qty="-1")

        assert (line.kind, line.number) == ("return", "1001-R")
        assert accepted(mapping, Type="order").number == "1001"

    def test_are_told_by_their_sign(self, make_mapping: Any) -> None:
        mapping = make_mapping(returns={"by": "sign"})

        line = accepted(mapping, Qty="-1")

        assert (line.kind, line.number) == ("return", "1001-R")
        assert accepted(mapping, Qty="1").number == "1001"
        assert "must be above 0" in rejected(mapping, Qty="0").reason

    @pytest.mark.parametrize("quantity", ["0", "3"])
    def test_need_a_quantity_below_zero(self, make_mapping: Any, quantity: str) -> None:
        rejection = rejected(make_mapping(returns={"number_prefix": "C"}), No="C1", Qty=quantity)

        assert rejection.reason == f"The quantity of a return must be below 0; it is {quantity}."

    def test_are_not_known_unless_the_mapping_says_how(self, make_mapping: Any) -> None:
        assert "must be above 0" in rejected(make_mapping(), No="C1001", Qty="-1").reason


class TestStatus:
    def test_is_the_default_where_the_cell_is_blank(self, make_mapping: Any) -> None:
        defaults = {"currency": "GBP", "status": "paid"}

        assert accepted(make_mapping({"status": "S"}, defaults=defaults), S=" ").status == "paid"

    def test_is_translated_by_the_mapping(self, make_mapping: Any) -> None:
        mapping = make_mapping({"status": "S"}, statuses={"Fulfilled": "delivered"})

        assert accepted(mapping, S="fulfilled").status == "delivered"
        assert accepted(mapping, S="Canceled").status == "cancelled"

    def test_is_not_guessed(self, make_mapping: Any) -> None:
        rejection = rejected(make_mapping({"status": "S"}), S="on hold")

        assert rejection.reason.startswith(
            'The status "on hold" is not known; say under "statuses"'
        )


class TestParseRows:
    def test_fills_in_what_the_first_row_of_an_order_stated(self, make_mapping: Any) -> None:
        mapping = make_mapping({"currency": "Cur", "email": "Mail", "city": "City"}, defaults={})
        header = ["No", "Qty", "Price", "Time", "Cur", "Mail", "City"]
        rows = [
            ["1", "1", "5", "2024-05-01", "USD", "a@example.com", "Rome"],
            ["1", "2", "6", "", "", "", ""],
            ["1", "3", "7", "", "", "", "Oslo"],
            ["2", "4", "8", "2024-05-02", "EUR", "", ""],
        ]

        parsed = list(
            parse_rows(enumerate(rows, 1), Columns.find(header, mapping), mapping, now=NOW)
        )

        lines = [outcome for _, _, outcome in parsed if isinstance(outcome, Line)]
        assert [line.currency for line in lines] == ["USD", "USD", "USD", "EUR"]
        assert [line.buyer and line.buyer.emails for line in lines] == [
            ("a@example.com",), ("a@example.com",), ("a@example.com",), None,
        ]  # fmt: skip
        assert [line.place and line.place.city for line in lines] == ["Rome", "Rome", "Oslo", None]
        assert [fields for _, fields, _ in parsed] == rows

    def test_fills_in_the_same_when_it_goes_on_behind_a_row(self, make_mapping: Any) -> None:
        mapping = make_mapping()
        columns = Columns.find(list(USUAL), mapping)
        rows = list(enumerate([["1", "1", "5", "2024-05-01"], ["1", "2", "6", ""]], 1))

        behind = list(parse_rows(rows, columns, mapping, now=NOW, after=1))

        assert behind == list(parse_rows(rows, columns, mapping, now=NOW))[1:]

    @pytest.mark.parametrize("fields", [["1001", "2", "2.50"], [*USUAL.values(), "more"]])
    def test_rejects_another_number_of_fields(self, make_mapping: Any, fields: list[str]) -> None:
        (outcome,) = outcomes(make_mapping(), fields)

        reason = f"The row has {len(fields)} fields where the header has 4."
        assert outcome == Rejection(reason=reason)

    def test_takes_blank_fields_at_the_end(self, make_mapping: Any) -> None:
        (outcome,) = outcomes(make_mapping(), [*USUAL.values(), "", " "])

        assert isinstance(outcome, Line)

    def test_fills_in_nothing_across_a_row_that_is_cut_short(self, make_mapping: Any) -> None:
        found = outcomes(
            make_mapping(), ["1", "1", "5", "2024-05-01"], ["1", "2"], ["1", "2", "6", ""]
        )

        assert [type(outcome) for outcome in found] == [Line, Rejection, Rejection]

    def test_fills_in_the_word_of_a_return_that_is_the_status_too(self, make_mapping: Any) -> None:
        mapping = make_mapping(
            {"status": "State"},
            statuses={"refunded": "cancelled"},
            returns={"column": "State", "values": ["refunded"]},
        )
        columns = Columns.find([*USUAL, "State"], mapping)
        rows = [["1", "-1", "5", "2024-05-01", "Refunded"], ["1", "-2", "6", "", ""]]

        found = [item[2] for item in parse_rows(enumerate(rows, 1), columns, mapping, now=NOW)]

        assert [isinstance(line, Line) and line.kind for line in found] == ["return", "return"]


def outcomes(mapping: Mapping, *rows: list[str]) -> list[Line | Rejection]:
    columns = Columns.find(list(USUAL), mapping)
    return [item[2] for item in parse_rows(enumerate(rows, 1), columns, mapping, now=NOW)]
