"""A small shop's export to import in tests: its mapping, and rows one by one."""

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
COLUMNS = {
    "number": "No",
    "placed_at": "Time",
    "customer": "Customer",
    "name": "Name",
    "email": "Email",
    "sku": "Article",
    "quantity": "Qty",
    "unit_price": "Price",
}
MAPPING: dict[str, Any] = {
    "source": "stall",
    "columns": COLUMNS,
    "defaults": {"currency": "GBP"},
    "returns": {"number_prefix": "C"},
}
HEADER = ",".join(COLUMNS.values())


def row(number: str, customer: str = "7", **changes: str) -> str:
    """A row of the file: two lanterns at 2.50 unless told; of a guest where `customer` is ""."""
    usual = {
        "number": number,
        "placed_at": "2024-05-01 10:00",
        "customer": customer,
        "name": f"Ann Lee{customer}" if customer else "",
        "email": "",
        "sku": "LANTERN",
        "quantity": "2",
        "unit_price": "2.50",
    }
    return ",".join((usual | changes).values())


def shop_file(*rows: str) -> bytes:
    """These rows below their header, as a file."""
    return "\n".join((HEADER, *rows, "")).encode()


SHOP = shop_file(
    row("1"),
    row("1", quantity="1", unit_price="0.005", sku="BUTTON"),
    row("2", quantity="many"),
    row("2", customer="8"),
    row("C3", quantity="-1"),
    row("C3", quantity="1", unit_price="9"),
    row("4", customer=""),
    row("5", customer="", name="Bo Dee", email="bo@example.com"),
)
"""Four orders and a return's worth of rows, two of which are rejected."""
SHOP_ACCOUNT: dict[str, Any] = {
    "rows": 8,
    "accepted": 6,
    "rejected": 2,
    "notes": 0,
    "orders": 5,
    "returns": 1,
    "guest_orders": 1,
    "customers": 3,
    "created": {"orders": 5, "customers": 3},
    "unchanged": {"orders": 0, "customers": 0},
    "totals": [{"currency": "GBP", "accepted": "17.505", "rejected": "9.000", "file": "26.505"}],
}
SHOP_AGAIN = SHOP_ACCOUNT | {
    "created": {"orders": 0, "customers": 0},
    "unchanged": {"orders": 5, "customers": 3},
}
