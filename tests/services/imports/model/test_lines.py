from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from services.imports.model import lines
from services.imports.model.lines import Buyer, Line, Place


class TestLine:
    def test_comes_to_quantity_times_price(self, make_line: Any) -> None:
        line = make_line(quantity=-999_999_999, unit_price=Decimal("999999999999.999999"))

        assert line.amount == Decimal("-999999998999999999000.000001")

    def test_survives_being_a_document(self, make_line: Any) -> None:
        buyer = Buyer(external_id="7", emails=("a@example.com",), phones=("+442079460018",))
        line = make_line(buyer=buyer, place=Place(region="Channel Islands"), notes=("A note.",))

        assert Line.from_document(line.to_document()) == line

    def test_survives_with_nobody_and_nowhere(self, make_line: Any) -> None:
        line = make_line(buyer=None, place=None)

        assert Line.from_document(line.to_document()) == line

    def test_is_plain_data_as_a_document(self, make_line: Any) -> None:
        document = make_line(unit_price=Decimal("0.001")).to_document()

        assert orjson.loads(orjson.dumps(document))["unit_price"] == "0.001"
        assert document["buyer"] == {"external_id": "7"}
        assert document["place"] == {"city": "Berlin", "country": "DE"}

    def test_takes_a_naive_time_as_utc_and_ignores_other_keys(self, make_line: Any) -> None:
        naive = datetime(2024, 5, 1, 10, tzinfo=UTC).replace(tzinfo=None)
        document = make_line().to_document() | {"_id": 5, "placed_at": naive}

        assert Line.from_document(document).placed_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


class TestArithmetic:
    def test_does_not_round(self) -> None:
        large, small = Decimal("1000000000000000000000000000001"), Decimal("0.000001")

        assert lines.add(large, small) == Decimal("1000000000000000000000000000001.000001")
        assert lines.multiply(large, small) == Decimal("1000000000000000000000000.000001")
