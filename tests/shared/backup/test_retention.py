from datetime import UTC, datetime, timedelta

from shared.backup.retention import outlived

# A Sunday, so that its week goes back to the 26th of May.
NEWEST = datetime(2025, 6, 1, 3, 0, tzinfo=UTC)


class TestOutlived:
    def test_keeps_days_and_then_weeks(self) -> None:
        moments = days(60)

        gone = outlived(moments, daily=7, weekly=4)

        kept = sorted(set(moments) - set(gone), reverse=True)
        assert [kept_one.strftime("%m-%d") for kept_one in kept] == [
            *("06-01", "05-31", "05-30", "05-29", "05-28", "05-27", "05-26"),
            *("05-25", "05-18", "05-11"),
        ]

    def test_names_the_oldest_first(self) -> None:
        gone = outlived(days(10), daily=2, weekly=1)

        assert gone == sorted(gone)
        assert len(gone) == 8

    def test_keeps_the_newest_of_a_day(self) -> None:
        morning, evening = NEWEST - timedelta(days=3, hours=2), NEWEST - timedelta(days=3)

        assert outlived([NEWEST, morning, evening], daily=7, weekly=4) == [morning]

    def test_keeps_all_of_the_last_day(self) -> None:
        moments = [NEWEST - timedelta(hours=hours) for hours in range(24)]

        assert outlived(moments, daily=1, weekly=0) == []

    def test_counts_only_days_that_have_a_backup(self) -> None:
        moments = [NEWEST - timedelta(days=40 * number) for number in range(5)]

        assert outlived(moments, daily=3, weekly=0) == sorted(moments)[:2]

    def test_keeps_the_newest_whatever_is_asked_for(self) -> None:
        assert NEWEST not in outlived(days(5), daily=0, weekly=0)

    def test_counts_weeks_over_the_end_of_a_year(self) -> None:
        newest = datetime(2025, 1, 1, tzinfo=UTC)
        monday, week_before = datetime(2024, 12, 30, tzinfo=UTC), datetime(2024, 12, 29, tzinfo=UTC)

        assert outlived([newest, monday, week_before], daily=1, weekly=2) == [monday]

    def test_of_nothing_is_nothing(self) -> None:
        assert outlived([], daily=7, weekly=4) == []


def days(count: int) -> list[datetime]:
    """The moments of a backup a day."""
    return [NEWEST - timedelta(days=number) for number in range(count)]
