"""The rows of import jobs on the real server."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from bson import Decimal128
from pymongo.errors import BulkWriteError

from services.imports.model.lines import Buyer, Line, Place, Rejection
from services.imports.repository.rows import RowRepository, accepted_row, rejected_row
from shared.document import Document
from shared.identifiers import new_id
from tests.support.stall import NOW

Accepted = Callable[..., Document]
JOB, OTHER_JOB = new_id(), new_id()


class TestStage:
    def test_keeps_rows_once(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1), accepted(2)])
        rows.stage(JOB, [accepted(1), accepted(2), accepted(3)])

        assert sum(group["rows"] for group in rows.totals(JOB)) == 3

    def test_does_not_undo_a_rejection(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, number="A")])
        rows.reject(JOB, "number", {"A": "Refused."})

        rows.stage(JOB, [accepted(1, number="A")])

        assert [row["reason"] for row in rows.rejected(JOB)] == ["Refused."]

    def test_takes_none(self, rows: RowRepository) -> None:
        rows.stage(JOB, [])

        assert rows.totals(JOB) == []

    def test_does_not_swallow_what_the_database_refuses(
        self, rows: RowRepository, accepted: Accepted
    ) -> None:
        rows.stage(JOB, [accepted(1)])

        with pytest.raises(BulkWriteError):
            rows.stage(JOB, [accepted(1), {**accepted(2), "row": 0}])


class TestReject:
    def test_rejects_an_order_and_no_other(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, number="A"), accepted(2, number="B"), accepted(3, number="A")])
        rows.stage(OTHER_JOB, [accepted(1, number="A")])

        rows.reject(JOB, "number", {"A": "Refused."})

        assert [row["row"] for row in rows.rejected(JOB)] == [1, 3]
        assert list(rows.rejected(OTHER_JOB)) == []

    def test_rejects_a_customer(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, buyer="id:7"), accepted(2, buyer="id:8"), accepted(3)])

        rows.reject(JOB, "buyer", {"id:7": "Refused.", "id:9": "Nobody."})

        assert [row["row"] for row in rows.rejected(JOB)] == [1]

    def test_leaves_the_first_reason(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, number="A", buyer="id:7")])
        rows.reject(JOB, "buyer", {"id:7": "First."})

        rows.reject(JOB, "number", {"A": "Second."})

        assert [row["reason"] for row in rows.rejected(JOB)] == ["First."]

    def test_cuts_a_reason_that_is_too_long(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, number="A")])

        rows.reject(JOB, "number", {"A": "x" * 5_000})

        assert [len(row["reason"]) for row in rows.rejected(JOB)] == [2_000]


class TestGroups:
    def test_gives_lines_as_they_were_staged(self, rows: RowRepository, line: Line) -> None:
        rows.stage(JOB, [accepted_row(1, [], line, buyer="id:7")])

        assert list(rows.groups(JOB, "number", after=None)) == [("A", [line])]

    def test_gathers_what_lies_apart_in_the_order_of_the_file(
        self, rows: RowRepository, accepted: Accepted
    ) -> None:
        rows.stage(JOB, [accepted(10, number="B", sku="b"), accepted(9, number="A", sku="a9")])
        rows.stage(
            JOB, [accepted(100, number="A", sku="a100"), accepted(11, number="A", sku="a11")]
        )

        groups = list(rows.groups(JOB, "number", after=None))

        assert [(number, [line.sku for line in lines]) for number, lines in groups] == [
            ("A", ["a9", "a11", "a100"]),
            ("B", ["b"]),
        ]

    def test_goes_on_behind_a_group(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(n, number=number) for n, number in enumerate("aZ1é", start=1)])

        whole = [number for number, _ in rows.groups(JOB, "number", after=None)]
        rests = [[number for number, _ in rows.groups(JOB, "number", after=at)] for at in whole]

        assert sorted(whole) == whole
        assert rests == [whole[1:], whole[2:], whole[3:], []]

    def test_leaves_out_rejected_rows_and_guests(
        self, rows: RowRepository, accepted: Accepted
    ) -> None:
        rejection = Rejection(reason="No.")
        rows.stage(JOB, [accepted(1), accepted(2, buyer="id:7"), rejected_row(3, [], rejection)])

        assert [key for key, _ in rows.groups(JOB, "buyer", after=None)] == ["id:7"]
        assert rows.count_groups(JOB, "buyer") == 1


class TestCountGroups:
    def test_counts_each_once(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(n, number=number) for n, number in enumerate("ABA", start=1)])

        assert rows.count_groups(JOB, "number") == 2

    def test_counts_none(self, rows: RowRepository) -> None:
        assert rows.count_groups(JOB, "number") == 0


class TestTotals:
    def test_sums_exactly_by_currency(self, rows: RowRepository, accepted: Accepted) -> None:
        tenth = {"unit_price": Decimal("0.1"), "quantity": 1}
        euro = Rejection(reason="No.", amount=Decimal("-2.5"), currency="EUR")
        rows.stage(JOB, [accepted(n, **tenth) for n in range(1, 4)])
        rows.stage(JOB, [rejected_row(4, [], euro), rejected_row(5, [], Rejection(reason="No."))])

        totals = {
            (group["_id"]["currency"], group["_id"]["rejected"]): (group["rows"], group["amount"])
            for group in rows.totals(JOB)
        }

        assert totals == {
            ("GBP", False): (3, Decimal128("0.3")),
            ("EUR", True): (1, Decimal128("-2.5")),
            (None, True): (1, 0),
        }

    def test_counts_notes(self, rows: RowRepository, accepted: Accepted) -> None:
        rows.stage(JOB, [accepted(1, notes=("One.", "Two.")), accepted(2)])

        assert [group["notes"] for group in rows.totals(JOB)] == [2]


class TestRejected:
    def test_gives_rows_as_they_were_in_the_order_of_the_file(self, rows: RowRepository) -> None:
        raw = [" 1 ", "", "é\n", "\x00"]
        rows.stage(JOB, [rejected_row(n, raw, Rejection(reason="No.")) for n in (10, 9)])

        found = [(row["row"], row["reason"], row["raw"]) for row in rows.rejected(JOB)]

        assert found == [(9, "No.", raw), (10, "No.", raw)]


class TestForgetAccepted:
    def test_leaves_the_rejected_and_other_jobs(
        self, rows: RowRepository, accepted: Accepted
    ) -> None:
        rows.stage(JOB, [accepted(1), rejected_row(2, [], Rejection(reason="No."))])
        rows.stage(OTHER_JOB, [accepted(1)])

        rows.forget_accepted(JOB)

        assert [group["rows"] for group in rows.totals(JOB)] == [1]
        assert [group["rows"] for group in rows.totals(OTHER_JOB)] == [1]


@pytest.fixture
def accepted(make_line: Callable[..., Line]) -> Accepted:
    """`accepted(row, buyer=…, **line)`: a row that became a line, of a guest unless told."""

    def make(row: int, *, buyer: str | None = None, **changes: Any) -> Document:
        return accepted_row(row, ["raw"], make_line(**changes), buyer=buyer)

    return make


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    """A line with everything that a line can have."""
    return make_line(
        buyer=Buyer(external_id="7", emails=("ann@example.com",), phones=("+442079460958",)),
        place=Place(city="York", country="GB"),
        notes=("Left out.",),
        unit_price=Decimal("0.005"),
    )


@pytest.fixture
def make_line() -> Callable[..., Line]:
    """`make_line(**changes)`: a line of a guest's order A."""

    def make(**changes: Any) -> Line:
        usual: dict[str, Any] = {
            "number": "A",
            "kind": "sale",
            "status": "delivered",
            "placed_at": NOW,
            "currency": "GBP",
            "sku": "LANTERN",
            "description": "",
            "quantity": 2,
            "unit_price": Decimal("2.50"),
        }
        return Line(**usual | changes)

    return make
