"""Order lines to test the grouping of lines with."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.imports.model.lines import Buyer, Line, Place

MakeLine = Callable[..., Line]


@pytest.fixture
def make_line() -> MakeLine:
    """`make_line(**changes)`: a line of order 1001, by customer 7 in Berlin."""

    def make(**changes: Any) -> Line:
        values: dict[str, Any] = {
            "number": "1001",
            "kind": "sale",
            "status": "delivered",
            "placed_at": datetime(2024, 5, 1, 10, 0, tzinfo=UTC),
            "currency": "GBP",
            "sku": "A-1",
            "description": "Lantern",
            "quantity": 2,
            "unit_price": Decimal("2.50"),
            "buyer": Buyer(external_id="7"),
            "place": Place(city="Berlin", country="DE"),
        }
        return Line(**values | changes)

    return make
