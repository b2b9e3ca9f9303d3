import json
from pathlib import Path
from typing import Any

import pytest

from services.imports.reading.mapping import Format, Mapping, MappingInvalid, Returns


class TestFromDict:
    def test_reads_the_least_there_can_be(self, mapping_data: Any) -> None:
        mapping = Mapping.from_dict(mapping_data())

        assert mapping.currency == "GBP"
        assert mapping.status == "delivered"
        assert mapping.returns is None
        assert mapping.format == Format()

    def test_reads_the_preset(self) -> None:
        preset = Path("services/imports/presets/online-retail.json")
        path = Path(__file__).parents[4] / preset

        mapping = Mapping.from_dict(json.loads(path.read_text()))

        assert mapping.source == "online-retail"
        assert mapping.columns["customer"] == "CustomerID"
        assert mapping.returns == Returns(number_prefix="C")

    def test_reads_how_the_file_is_written(self, mapping_data: Any) -> None:
        form = {
            "encoding": "cp1252",
            "delimiter": ";",
            "quote": "",
            "decimal": ",",
            "thousands": ".",
            "datetime": "%d.%m.%Y %H:%M",
            "timezone": "Europe/Berlin",
        }

        mapping = Mapping.from_dict(mapping_data(format=form))

        assert mapping.format == Format(**form | {"datetime": ("%d.%m.%Y %H:%M",)})  # type: ignore[arg-type]

    def test_names_everything_wrong_at_once(self) -> None:
        data = {
            "source": "Not Good",
            "columns": {"number": 5, "sku": " ", "colour": "C"},
            "extra": 1,
        }

        with pytest.raises(MappingInvalid) as refusal:
            Mapping.from_dict(data)

        assert set(refusal.value.fields) == {
            "source",
            "columns.number",
            "columns.quantity",
            "columns.unit_price",
            "columns.placed_at",
            "columns.sku",
            "columns.colour",
            "defaults.currency",
            "extra",
        }
        assert [error.field for error in refusal.value.errors] == list(refusal.value.fields)

    @pytest.mark.parametrize("data", [None, [], "text", 5])
    def test_refuses_what_is_no_object(self, data: object) -> None:
        with pytest.raises(MappingInvalid) as refusal:
            Mapping.from_dict(data)

        assert refusal.value.fields["mapping"] == "It must be an object."

    @pytest.mark.parametrize(
        ("others", "field"),
        [
            ({"columns": []}, "columns"),
            ({"defaults": {"currency": "EURO"}}, "defaults.currency"),
            ({"defaults": {"currency": "XXX"}}, "defaults.currency"),
            ({"defaults": {"currency": "GBP", "status": "gone"}}, "defaults.status"),
            ({"defaults": {"currency": "GBP", "colour": "red"}}, "defaults.colour"),
            ({"statuses": {"fulfilled": "gone"}}, "statuses.fulfilled"),
            ({"returns": {}}, "returns"),
            ({"returns": {"number_prefix": "C", "by": "sign"}}, "returns"),
            ({"returns": {"number_prefix": ""}}, "returns.number_prefix"),
            ({"returns": {"by": "colour"}}, "returns.by"),
            ({"returns": {"column": "Type"}}, "returns.values"),
            ({"returns": {"column": "Type", "values": [5]}}, "returns.values"),
            ({"returns": {"by": "sign", "values": ["x"]}}, "returns.values"),
            ({"format": {"encoding": "klingon"}}, "format.encoding"),
            ({"format": {"encoding": "base64"}}, "format.encoding"),
            ({"format": {"encoding": "unicode_escape"}}, "format.encoding"),
            ({"format": {"encoding": "a\0b"}}, "format.encoding"),
            ({"format": {"delimiter": "ab"}}, "format.delimiter"),
            ({"format": {"delimiter": "\n"}}, "format.delimiter"),
            ({"format": {"delimiter": '"'}}, "format.delimiter"),
            ({"format": {"quote": "x"}}, "format.quote"),
            ({"format": {"decimal": ";"}}, "format.decimal"),
            ({"format": {"decimal": ",", "thousands": ","}}, "format.thousands"),
            ({"format": {"datetime": ["%d.%m."]}}, "format.datetime"),
            ({"format": {"datetime": ["%Q"]}}, "format.datetime"),
            ({"format": {"datetime": [None]}}, "format.datetime"),
            ({"format": {"timezone": "Mars/Olympus"}}, "format.timezone"),
            ({"format": {"timezone": "../etc/passwd"}}, "format.timezone"),
            ({"phone_region": "XX"}, "phone_region"),
            ({"phone_region": {}}, "phone_region"),
        ],
    )
    def test_refuses(self, mapping_data: Any, others: dict[str, Any], field: str) -> None:
        with pytest.raises(MappingInvalid) as refusal:
            Mapping.from_dict(mapping_data() | others)

        assert field in refusal.value.fields

    def test_needs_no_default_currency_where_a_column_states_it(self, mapping_data: Any) -> None:
        mapping = Mapping.from_dict(mapping_data({"currency": "Currency"}, defaults={}))

        assert mapping.currency is None

    def test_lets_null_stand_for_nothing(self, mapping_data: Any) -> None:
        data = mapping_data({"sku": None}, returns=None, format=None, phone_region=None)

        mapping = Mapping.from_dict(data)

        assert "sku" not in mapping.columns


class TestReturns:
    def test_share_numbers_with_sales_where_the_sign_tells_them(self, make_mapping: Any) -> None:
        assert make_mapping(returns={"by": "sign"}).returns == Returns(by_sign=True, suffix="-R")

    def test_read_words_without_case(self, make_mapping: Any) -> None:
        returns = make_mapping(returns={"column": "Type", "values": ["Refund "]}).returns

        assert returns == Returns(column="Type", values=frozenset({"refund"}), suffix="-R")

    def test_may_go_without_a_suffix(self, make_mapping: Any) -> None:
        returns = {"column": "Type", "values": "refund", "suffix": ""}

        assert make_mapping(returns=returns).returns.suffix == ""
