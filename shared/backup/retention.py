"""Retention of backups: chooses those that are old enough to go. Knows times, and no folder.

How many stay (`KEEP_DAILY`, `KEEP_WEEKLY`) is a setting of the tools.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta

RECENT = timedelta(days=1)
"""Younger ones than this all stay: several a day are made for a reason, such as a risky change."""


def outlived(moments: Iterable[datetime], *, daily: int, weekly: int) -> list[datetime]:
    """Those of `moments` whose backups are not kept, the oldest first.

    Kept are the newest of each of the last `daily` days and of each of the last `weekly` weeks that
    have any, so that a shop which made none for a month loses none. The newest of all stays anyway.
    """
    known = sorted(moments, reverse=True)
    if not known:
        return []
    kept = {moment for moment in known if known[0] - moment < RECENT}
    kept |= _newest_of_each(known, lambda moment: moment.date(), most=daily)
    kept |= _newest_of_each(known, lambda moment: moment.isocalendar()[:2], most=weekly)
    return sorted(set(known) - kept)


def _newest_of_each(
    newest_first: list[datetime], period: Callable[[datetime], Hashable], *, most: int
) -> set[datetime]:
    found: dict[Hashable, datetime] = {}
    for moment in newest_first:
        found.setdefault(period(moment), moment)
    return set(list(found.values())[:most])
