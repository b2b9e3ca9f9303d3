from typing import Any

import pytest

from services.imports.reading import columns
from services.imports.reading.columns import Columns
from services.imports.reading.errors import FileUnreadable


class TestFind:
    def test_finds_by_name_in_any_order(self, make_mapping: Any) -> None:
        found = Columns.find(["Price", "Time", "Other", "Qty", "No"], make_mapping())

        assert found.cells(["1", "2", "3", "4", "5"], ("number", "quantity")) == ("5", "4")
        assert found.cell(["1", "2", "3", "4", "5"], "sku") == ""

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


class TestMatches:
    def test_counts_mapped_columns(self, make_mapping: Any) -> None:
        assert columns.matches(["no", "Price", "x"], make_mapping()) == 2
