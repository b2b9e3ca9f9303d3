"""The account of an import: every row and every amount, whatever the database grouped."""

from decimal import Decimal
from typing import Any

import pytest
from bson import Decimal128

from services.imports.model.reconciliation import reconcile


class TestReconcile:
    def test_of_nothing_is_nothing(self) -> None:
        account = reconcile([], [])

        assert (account["rows"], account["orders"], account["customers"]) == (0, 0, 0)
        assert account["totals"] == []

    def test_adds_rows_of_all_currencies(self) -> None:
        account = reconcile(
            [
                total("EUR", rejected=False, rows=3, notes=2),
                total("GBP", rejected=False, rows=4, notes=1),
                total("GBP", rejected=True, rows=5),
                total(None, rejected=True, rows=6, amount=0),
            ],
            [],
        )

        assert (account["rows"], account["accepted"], account["rejected"]) == (18, 7, 11)
        assert account["notes"] == 3

    def test_gives_totals_by_currency_in_the_order_of_their_codes(self) -> None:
        account = reconcile(
            [
                total("GBP", rejected=True, amount=Decimal128("-1.5")),
                total("EUR", rejected=False, amount=Decimal128("10")),
                total("GBP", rejected=False, amount=Decimal128("2.25")),
            ],
            [],
        )

        assert account["totals"] == [
            {"currency": "EUR", "accepted": "10", "rejected": "0", "file": "10"},
            {"currency": "GBP", "accepted": "2.25", "rejected": "-1.50", "file": "0.75"},
        ]

    def test_an_amount_of_no_known_currency_is_in_no_total(self) -> None:
        unreadable = total(None, rejected=True, amount=Decimal128("9"))

        assert reconcile([unreadable], [])["totals"] == []

    @pytest.mark.parametrize(
        ("accepted", "rejected", "file"),
        [
            ("5784055.502", "-22124.12", "5761931.382"),
            ("0.1", "0.2", "0.3"),
            ("1E+3", "0", "1000"),
            ("9999999999999999999999999999.123456", "0.000001", None),
            ("1", "-1.0", "0.0"),
        ],
    )
    def test_is_exact(self, accepted: str, rejected: str, file: str | None) -> None:
        account = reconcile(
            [
                total("GBP", rejected=False, amount=Decimal128(accepted)),
                total("GBP", rejected=True, amount=Decimal128(rejected)),
            ],
            [],
        )

        (totals,) = account["totals"]
        assert totals["file"] == (file or "9999999999999999999999999999.123457")
        assert Decimal(totals["accepted"]) == Decimal(accepted)
        assert Decimal(totals["rejected"]) == Decimal(rejected)

    def test_counts_orders_returns_guests_and_customers(self) -> None:
        account = reconcile(
            [],
            [
                outcomes("sale", 10),
                outcomes("sale", 3, guest=True),
                outcomes("sale", 4, status="unchanged"),
                outcomes("return", 2),
                outcomes("return", 1, status="unchanged", guest=True),
                outcomes("customer", 7),
                outcomes("customer", 5, status="unchanged"),
            ],
        )

        assert (account["orders"], account["returns"], account["guest_orders"]) == (20, 3, 4)
        assert account["customers"] == 12
        assert account["created"] == {"orders": 15, "customers": 7}
        assert account["unchanged"] == {"orders": 5, "customers": 5}

    @pytest.mark.parametrize("kind", ["sale", "return", "customer"])
    def test_counts_nobody_who_was_refused(self, kind: str) -> None:
        account = reconcile([], [outcomes(kind, 5, status="refused", guest=True)])

        assert (account["orders"], account["returns"], account["guest_orders"]) == (0, 0, 0)
        assert (account["customers"], account["unchanged"]["customers"]) == (0, 0)


def total(
    currency: str | None,
    *,
    rejected: bool,
    rows: int = 1,
    notes: int = 0,
    amount: Decimal128 | int = 0,
) -> dict[str, Any]:
    """A group of rows as the repository counts and sums them."""
    return {
        "_id": {"currency": currency, "rejected": rejected},
        "rows": rows,
        "notes": notes,
        "amount": amount,
    }


def outcomes(kind: str, n: int, *, status: str = "created", guest: bool = False) -> dict[str, Any]:
    """A group of outcomes as the repository counts them."""
    return {"_id": {"kind": kind, "status": status, "guest": guest}, "n": n}
