"""Columns found in a header, and rows bound to them."""

from typing import Any

import pytest

from services.imports.reading import columns
from services.imports.reading.columns import Columns
from services.imports.reading.errors import FileUnreadable


class TestFind:
    def test_finds_by_name_in_any_order(self, make_mapping: Any) -> None:
        found = Columns.find(["Price", "Time", "Other", "Qty", "No"], make_mapping())

        assert found.positions == {"number": 4, "quantity": 3, "unit_price": 0, "placed_at": 1}

    def test_passes_over_case_and_spaces(self, make_mapping: Any) -> None:
        found = Columns.find([" no ", "QTY", "price", "time"], make_mapping())

        assert found.positions["number"] == 0

    def test_prefers_the_exact_name(self, make_mapping: Any) -> None:
        found = Columns.find(["NO", "No", "Qty", "Price", "Time"], make_mapping())

        assert found.positions["number"] == 1

    def test_names_what_is_missing_and_what_is_there(self, make_mapping: Any) -> None:
        with pytest.raises(FileUnreadable) as refusal:
            Columns.find(["No", "Qty", "Cost", "Time"], make_mapping())

        message = 'The column "Price" is missing; the file has: No, Qty, Cost, Time.'
        assert refusal.value.message == message
        assert [error.field for error in refusal.value.errors] == ["file"]

    def test_misses_the_column_of_returns_too(self, make_mapping: Any) -> None:
        mapping = make_mapping(returns={"column": "Type", "values": ["refund"]})

        with pytest.raises(FileUnreadable, match='The column "Type" is missing'):
            Columns.find(["No", "Qty", "Price", "Time"], mapping)

    def test_keeps_the_message_short_and_printable(self, make_mapping: Any) -> None:
        with pytest.raises(FileUnreadable) as refusal:
            Columns.find(["\x1b" + "x" * 1000] * 1000, make_mapping())

        assert refusal.value.message.isprintable()
        assert len(refusal.value.message) < 3_000
        assert refusal.value.message.endswith("and 960 more.")

    def test_refuses_two_of_one_name(self, make_mapping: Any) -> None:
        with pytest.raises(FileUnreadable, match='The column "No" is there 2 times'):
            Columns.find(["No", "Qty", "Price", "Time", "No"], make_mapping())


class TestBind:
    def test_names_the_cells_of_a_row(self, make_mapping: Any) -> None:
        mapping = make_mapping(returns={"column": "Other", "values": ["refund"]})
        found = Columns.find(["Price", "Time", "Other", "Qty", "No"], mapping)

        cells = found.bind(["1", "2", " 3", "4", "5"])

        stated = {name: cell for name, cell in cells.items() if cell}
        assert stated == {
            "unit_price": "1",
            "placed_at": "2",
            "returns": " 3",
            "quantity": "4",
            "number": "5",
        }
        assert cells["sku"] == ""

    def test_leaves_columns_that_are_not_mapped_blank_in_a_row_too_long(
        self, make_mapping: Any
    ) -> None:
        found = Columns.find(["No", "Qty", "Price", "Time"], make_mapping())

        assert found.bind(["1", "2", "3", "4", "more"])["sku"] == ""

    def test_binds_nothing_of_a_row_too_short(self, make_mapping: Any) -> None:
        found = Columns.find(["No", "Qty", "Price", "Time"], make_mapping())

        assert found.bind(["1", "2", "3"]) == {}


class TestSharing:
    def test_gives_all_names_of_the_same_fields(self, make_mapping: Any) -> None:
        mapping = make_mapping(
            {"status": "State"}, returns={"column": "State", "values": ["refund"]}
        )
        found = Columns.find(["No", "Qty", "Price", "Time", "State"], mapping)

        assert found.sharing(["status", "email"]) == ("status", "returns")


class TestMatches:
    def test_counts_mapped_columns(self, make_mapping: Any) -> None:
        assert columns.matches(["no", "Price", "x"], make_mapping()) == 2
