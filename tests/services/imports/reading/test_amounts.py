from decimal import Decimal

import pytest

from services.imports.model.lines import Unfit
from services.imports.reading import amounts


def price(cell: str, *, currency: str = "GBP", decimal: str = ".", thousands: str = "") -> Decimal:
    return amounts.read_price(cell, currency=currency, decimal=decimal, thousands=thousands)


def quantity(cell: str, *, decimal: str = ".", thousands: str = "") -> int:
    return amounts.read_quantity(cell, decimal=decimal, thousands=thousands)


class TestReadPrice:
    @pytest.mark.parametrize(
        ("cell", "value"),
        [
            ("2.55", "2.55"),
            ("0.001", "0.001"),
            ("2.50", "2.50"),
            (" 7 ", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-11062.06", "-11062.06"),
            ("\u221211062.06", "-11062.06"),
            ("2.55-", "-2.55"),
            ("(2.55)", "-2.55"),
            ("£ 2.55", "2.55"),
            ("-£2.55", "-2.55"),
            ("£-2.55", "-2.55"),
            ("GBP 2.55", "2.55"),
            ("2.55 GBP", "2.55"),
            ("-0.00", "0.00"),
            ("2.55000000", "2.550000"),
            ("999999999999.999999", "999999999999.999999"),
        ],
    )
    def test_reads_exactly(self, cell: str, value: str) -> None:
        assert str(price(cell)) == value

    @pytest.mark.parametrize(
        ("cell", "decimal", "thousands", "value"),
        [
            ("1.234,56", ",", ".", "1234.56"),
            ("1.234", ",", ".", "1234"),
            ("2,5", ",", "", "2.5"),
            ("1,234,567.8", ".", ",", "1234567.8"),
            ("12,34,567.8", ".", ",", "1234567.8"),
            ("1234.5", ".", ",", "1234.5"),
            ("1 234,50", ",", " ", "1234.50"),
            ("1\u00a0234,50", ",", " ", "1234.50"),
            ("1\u202f234,50", ",", " ", "1234.50"),
            ("1'234.50", ".", "'", "1234.50"),
            ("1\u2019234.50", ".", "'", "1234.50"),
        ],
    )
    def test_reads_as_the_mapping_says(
        self, cell: str, decimal: str, thousands: str, value: str
    ) -> None:
        assert str(price(cell, decimal=decimal, thousands=thousands)) == value

    @pytest.mark.parametrize(
        "cell",
        ["abc", "1e3", "NaN", "Infinity", "--5", "(-5)", "(5", "5)", "-5-", "£", ".", "1.2.3",
         "1,5", "1 234", "\u0661", "0x10", "5 pcs", "£5£", "1" * 500],
    )  # fmt: skip
    def test_refuses_what_is_no_number(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is not a number"):
            price(cell)

    @pytest.mark.parametrize("cell", ["1,23", "1.23,4", "12,3456", ",123"])
    def test_refuses_wrong_groups(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is not a number"):
            price(cell, thousands=",")

    def test_refuses_an_empty_cell(self) -> None:
        with pytest.raises(Unfit, match=r"^The unit price is missing\.$"):
            price(" ")

    @pytest.mark.parametrize("cell", ["1000000000000", "-1000000000000", "9" * 30])
    def test_refuses_what_is_too_large(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is too large"):
            price(cell)

    def test_refuses_more_decimals_than_are_kept(self) -> None:
        with pytest.raises(Unfit, match="has more than 6 decimals"):
            price("0.0000001")

    @pytest.mark.parametrize("cell", ["€2.55", "EUR 2.55", "2.55 USD"])
    def test_refuses_another_currency_than_the_orders(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is not in GBP"):
            price(cell)

    def test_reads_money_words(self) -> None:
        assert price("149,00 kr", currency="SEK", decimal=",") == Decimal("149.00")
        assert price("19,90 zł", currency="PLN", decimal=",") == Decimal("19.90")


class TestReadQuantity:
    @pytest.mark.parametrize(("cell", "count"), [("6", 6), ("6.0", 6), ("-12", -12), ("0", 0)])
    def test_reads_whole_numbers(self, cell: str, count: int) -> None:
        assert quantity(cell) == count

    def test_reads_groups(self) -> None:
        assert quantity("1,000", thousands=",") == 1000

    @pytest.mark.parametrize("cell", ["1.5", "0.1", "£5"])
    def test_refuses_what_is_not_whole(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is not a whole number"):
            quantity(cell)

    @pytest.mark.parametrize("cell", ["1000000000", "-1000000000"])
    def test_refuses_what_is_too_large(self, cell: str) -> None:
        with pytest.raises(Unfit, match="is too large"):
            quantity(cell)
