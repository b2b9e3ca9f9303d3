"""The ledger of orders and its sums, on the real server."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.customers.repository.ledger import NO_PURCHASES, LedgerRepository
from shared.events.contracts import OrderState
from shared.identifiers import new_id


class TestLedger:
    def test_keeps_the_newest_state_of_an_order(self, ledger: LedgerRepository) -> None:
        id, buyer = new_id(), new_id()

        for version in (2, 1, 3, 2):
            ledger.record([row(buyer, order_id=id, version=version, status=f"status {version}")])

        stored = list(ledger.collection.find({}))
        assert [(one["version"], one["status"]) for one in stored] == [(3, "status 3")]

    def test_adds_up_to_the_last_digit(self, ledger: LedgerRepository) -> None:
        buyer, other = new_id(), new_id()
        day = datetime(2025, 1, 1, tzinfo=UTC)
        ledger.record(
            [
                row(buyer, total="0.001", placed_at=day + timedelta(days=2)),
                row(buyer, total="0.1", placed_at=day + timedelta(days=1)),
                row(buyer, total="0.2", placed_at=day + timedelta(days=3)),
                row(buyer, total="-0.05", kind="return", placed_at=day),
                row(buyer, total="999999999999.999999", currency="EUR", placed_at=day),
                row(buyer, total="0.000001", currency="EUR", placed_at=day + timedelta(days=9)),
                row(buyer, total="50", currency="USD", status="cancelled", placed_at=day),
                row(other, total="7"),
            ]
        )

        bought = ledger.purchases([buyer])[buyer]

        assert (bought["orders"], bought["returns"]) == (5, 1)
        assert [(one["currency"], one["amount"].to_decimal()) for one in bought["totals"]] == [
            ("EUR", Decimal("1000000000000.000000")),
            ("GBP", Decimal("0.251")),
        ]
        assert (bought["first_order_at"], bought["last_order_at"]) == (day, day + timedelta(days=9))

    def test_a_return_alone_has_no_first_order(self, ledger: LedgerRepository) -> None:
        buyer = new_id()
        ledger.record([row(buyer, kind="return", total="-5")])

        bought = ledger.purchases([buyer])[buyer]

        assert (bought["orders"], bought["returns"]) == (0, 1)
        assert (bought["first_order_at"], bought["last_order_at"]) == (None, None)

    def test_of_somebody_who_bought_nothing_is_empty(self, ledger: LedgerRepository) -> None:
        buyer = new_id()

        assert ledger.purchases([buyer]) == {buyer: NO_PURCHASES}


def row(buyer: str, *, placed_at: datetime | None = None, **fields: Any) -> OrderState:
    usual: dict[str, Any] = {
        "order_id": new_id(),
        "number": "1",
        "source": "api",
        "customer_id": buyer,
        "kind": "sale",
        "status": "placed",
        "total": "1.00",
        "currency": "GBP",
        "placed_at": (placed_at or datetime(2025, 6, 1, tzinfo=UTC)).isoformat(),
        "version": 1,
        "occurred_at": "",
    }
    return OrderState(**usual | fields)
