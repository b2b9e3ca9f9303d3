from datetime import UTC, datetime

import pytest

from services.imports.model.lines import Unfit
from services.imports.reading import times


def read(cell: str, *formats: str, timezone: str = "UTC") -> datetime:
    return times.read(cell, formats=formats, timezone=timezone)


class TestRead:
    @pytest.mark.parametrize(
        "cell",
        [
            "2010-12-01 08:26:00",
            "2010-12-01T08:26Z",
            "2010-12-01 08:26 UTC",
            "2010-12-01 09:26:00 +0100",
            "2010-12-01T03:26:00-05:00",
            "2010/12/01 8:26",
            "01.12.2010 08:26",
            "1.12.2010, 8:26:00",
            "1 Dec 2010 08:26",
            "01-Dec-2010 08:26:00",
            "Dec 1, 2010 8:26 AM",
            "December 1 2010 8:26am",
            "Dec. 1, 2010 08:26",
            "Wed, 01 Dec 2010 09:26:00 +0100",
            "Wed, 01 Dec 2010 08:26:00 GMT",
        ],
    )
    def test_reads_what_can_be_read_in_one_way(self, cell: str) -> None:
        assert read(cell) == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)

    @pytest.mark.parametrize("cell", ["2010-12-01", "2010/12/01", "01.12.2010", "1 December 2010"])
    def test_reads_days(self, cell: str) -> None:
        assert read(cell) == datetime(2010, 12, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        "cell", ["12/01/2010", "1/12/10 8:26", "yesterday", "2010-02-30", "40513"]
    )
    def test_does_not_guess(self, cell: str) -> None:
        with pytest.raises(Unfit, match=r"name its form under format\.datetime"):
            read(cell)

    def test_reads_the_formats_of_the_mapping(self) -> None:
        formats = ("%m/%d/%Y %H:%M", "%m/%d/%Y")

        assert read("12/1/2010 8:26", *formats) == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
        assert read("12/1/2010", *formats) == datetime(2010, 12, 1, tzinfo=UTC)

    def test_reads_nothing_else_where_the_mapping_has_formats(self) -> None:
        with pytest.raises(Unfit, match=r"cannot be read as %d/%m/%Y\."):
            read("2010-12-01", "%d/%m/%Y")

    def test_takes_a_time_without_offset_as_the_shops(self) -> None:
        summer = read("2024-07-01 12:00", timezone="Europe/Berlin")
        winter = read("2024-01-01 12:00", timezone="Europe/Berlin")

        assert summer == datetime(2024, 7, 1, 10, tzinfo=UTC)
        assert winter == datetime(2024, 1, 1, 11, tzinfo=UTC)
        assert summer.tzinfo is UTC

    def test_takes_the_first_of_two_equal_times(self) -> None:
        at = read("2024-10-27 02:30", timezone="Europe/Berlin")

        assert at == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)

    def test_keeps_milliseconds(self) -> None:
        assert read("2024-01-01T00:00:00.123456").microsecond == 123_000

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            ("", "The time is missing"),
            ("1899-12-31", "before the year 1900"),
            ("0001-01-01T00:00:00+10:00", "out of range"),
            ("9999-12-31T23:59:59-10:00", "out of range"),
        ],
    )
    def test_refuses(self, cell: str, reason: str) -> None:
        with pytest.raises(Unfit, match=reason):
            read(cell)
