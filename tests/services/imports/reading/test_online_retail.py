"""A real shop's file, with the mapping that comes with the service."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.imports.model import lines as model_lines
from services.imports.model.lines import Line, Rejection
from services.imports.reading.mapping import Mapping
from services.imports.reading.reader import read_rows

REPOSITORY = Path(__file__).parents[4]
ONLINE_RETAIL = REPOSITORY.parent / "shared/data/online-retail-2010-12-to-2011-08.csv.gz"
PRESET = REPOSITORY / "services/imports/presets/online-retail.json"


@pytest.mark.skipif(
    not ONLINE_RETAIL.exists(),
    reason="The online retailer's file is not here.",
)
class TestOnlineRetail:
    """A real shop's nine months. The figures are the file's own, counted without this code."""

    def test_accounts_for_every_row(self, online_retail: list[Line | Rejection]) -> None:
        rejected = [outcome for outcome in online_retail if isinstance(outcome, Rejection)]
        accepted = [outcome for outcome in online_retail if isinstance(outcome, Line)]

        assert (len(online_retail), len(accepted), len(rejected)) == (320_705, 319_778, 927)
        assert total(accepted) == Decimal("5784055.502")
        assert total(rejected) == Decimal("-22124.120")
        assert total(online_retail) == Decimal("5761931.382")

    def test_becomes_orders_and_customers(self, online_retail: Any, group: Any) -> None:
        orders, customers, _ = group(online_retail, online_retail_mapping())

        assert len(orders) == 15_532
        assert sum(order["kind"] == "return" for order in orders) == 2_554
        assert sum(order["customer_key"] is None for order in orders) == 1_690
        assert sum(len(order["lines"]) for order in orders) == 319_778
        assert len(customers) == 3_360
        assert all(key == f"id:{made['external_id']}" for key, made in customers.items())
        assert "id:17850" in customers

    def test_has_three_places_that_are_no_country(
        self, online_retail: list[Line | Rejection]
    ) -> None:
        places = {outcome.place for outcome in online_retail if isinstance(outcome, Line)}

        without_code = {place.region for place in places if place and not place.country}
        assert without_code == {"Channel Islands", "European Community", "Unspecified"}
        assert sum(bool(place and place.country) for place in places) == 34


def online_retail_mapping() -> Mapping:
    return Mapping.from_dict(json.loads(PRESET.read_text()))


def total(outcomes: Iterable[Line | Rejection]) -> Decimal:
    """What outcomes come to, exactly."""
    found = Decimal(0)
    for outcome in outcomes:
        assert outcome.amount is not None
        found = model_lines.add(found, outcome.amount)
    return found


@pytest.fixture(scope="class")
def online_retail() -> list[Line | Rejection]:
    """What the rows of the real file come to."""
    with ONLINE_RETAIL.open("rb") as stream:
        rows = read_rows(
            stream, online_retail_mapping(), now=datetime.now(UTC), max_bytes=100_000_000
        )
        return [outcome for _, _, outcome in rows]
