"""The rules of orders, with no server."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.orders.model import Order, PlacedInFuture, WrongStep, status_after
from shared.errors import Invalid
from shared.values.money import money

Make = Callable[..., Order]


def line(**details: Any) -> dict[str, Any]:
    return {"sku": "85123A", "quantity": 2, "unit_price": Decimal("2.55")} | details


class TestPlace:
    def test_computes_subtotals_and_total(self, make_order: Make) -> None:
        lines = [line(), line(quantity=3, unit_price=Decimal("0.001"))]

        order = make_order(lines=lines)

        assert [str(each.subtotal) for each in order.lines] == ["5.10", "0.003"]
        assert str(order.total) == "5.103"

    def test_counts_a_return_below_zero(self, make_order: Make) -> None:
        order = make_order(kind="return", lines=[line(quantity=-2)])

        assert str(order.total) == "-5.10"

    def test_stays_exact_where_the_default_context_would_round(self, make_order: Make) -> None:
        largest = line(quantity=10**9, unit_price=Decimal("999999999999.999999"))

        order = make_order(lines=[largest] * 10_000)

        assert f"{order.lines[0].subtotal:f}" == "999999999999999999000.00"
        assert f"{order.total:f}" == "9999999999999999990000000.00"

    def test_has_no_negative_zero(self, make_order: Make) -> None:
        order = make_order(kind="return", lines=[line(quantity=-1, unit_price=Decimal(0))])

        assert str(order.total) == "0.00"

    def test_takes_its_id_for_a_number_and_now_for_a_time(
        self, make_order: Make, now: datetime
    ) -> None:
        order = make_order()

        assert (order.number, order.source, order.placed_at) == (order.id, "api", now)

    def test_accepts_amounts_that_are_the_computed_ones(self, make_order: Make) -> None:
        order = make_order(lines=[line(subtotal=Decimal("5.1"))], total=Decimal("5.100"))

        assert str(order.total) == "5.10"

    def test_refuses_other_amounts_naming_the_fields(self, make_order: Make) -> None:
        lines = [line(), line(subtotal=Decimal("5.11"))]

        with pytest.raises(Invalid) as refusal:
            make_order(lines=lines, total=Decimal(10))

        assert [error.field for error in refusal.value.errors] == ["lines.1.subtotal", "total"]

    @pytest.mark.parametrize(
        ("kind", "quantity"), [("sale", 0), ("sale", -1), ("return", 0), ("return", 1)]
    )
    def test_refuses_a_quantity_of_the_other_kind(
        self, make_order: Make, kind: str, quantity: int
    ) -> None:
        with pytest.raises(Invalid) as refusal:
            make_order(kind=kind, lines=[line(quantity=quantity)])

        assert [error.field for error in refusal.value.errors] == ["lines.0.quantity"]

    def test_refuses_a_negative_price(self, make_order: Make) -> None:
        with pytest.raises(Invalid) as refusal:
            make_order(lines=[line(unit_price=Decimal("-0.01"))])

        assert [error.field for error in refusal.value.errors] == ["lines.0.unit_price"]

    def test_refuses_the_future_by_a_millisecond(self, make_order: Make, now: datetime) -> None:
        with pytest.raises(PlacedInFuture) as refusal:
            make_order(placed_at=now + timedelta(milliseconds=1))

        assert refusal.value.errors[0].field == "placed_at"


class TestFingerprint:
    def test_is_the_same_for_the_same_content(self, make_order: Make, now: datetime) -> None:
        first = make_order(lines=[line(unit_price=Decimal("2.5"))])
        again = make_order(
            lines=[line(unit_price=Decimal("2.500"))], now=now + timedelta(days=1), placed_at=now
        )

        assert first.fingerprint == again.fingerprint

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "paid"},
            {"currency": "EUR"},
            {"customer_id": "0" * 24},
            {"lines": [line(quantity=3)]},
            {"lines": [line(description="Other")]},
            {"lines": [line(), line()]},
        ],
    )
    def test_differs_for_other_content(self, make_order: Make, change: dict[str, Any]) -> None:
        assert make_order().fingerprint != make_order(**change).fingerprint


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            ("2.5", "GBP", "2.50"),
            ("2.500", "GBP", "2.50"),
            ("0.001", "GBP", "0.001"),
            ("100", "JPY", "100"),
            ("100.50", "JPY", "100.5"),
            ("1", "KWD", "1.000"),
            ("1200000", "GBP", "1200000.00"),
            ("0", "JPY", "0"),
            ("-0.000", "GBP", "0.00"),
        ],
    )
    def test_has_the_decimals_of_its_currency_at_least(
        self, amount: str, currency: str, text: str
    ) -> None:
        assert str(money(Decimal(amount), currency=currency)) == text


class TestStatusAfter:
    def test_leads_from_placed_to_delivered(self) -> None:
        status = "placed"

        for step in ("pay", "ship", "deliver"):
            status = status_after(step, status)

        assert status == "delivered"

    @pytest.mark.parametrize("status", ["placed", "paid"])
    def test_cancels_what_has_not_left(self, status: str) -> None:
        assert status_after("cancel", status) == "cancelled"

    @pytest.mark.parametrize(
        ("step", "status", "open_steps"),
        [
            ("ship", "placed", "open steps: pay, cancel"),
            ("pay", "paid", "open steps: ship, cancel"),
            ("cancel", "shipped", "open steps: deliver"),
            ("pay", "delivered", "no step is open"),
            ("cancel", "cancelled", "no step is open"),
        ],
    )
    def test_refuses_another_step_and_says_which_are_open(
        self, step: str, status: str, open_steps: str
    ) -> None:
        with pytest.raises(WrongStep, match=open_steps):
            status_after(step, status)
