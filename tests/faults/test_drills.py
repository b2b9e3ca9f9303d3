"""Every fault that one process can play, step by step, on real servers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.settings import Settings
from tests.faults.books import Lost
from tests.faults.bugs import BUGS, seeded
from tests.faults.drills import DRILLS, Drill
from tests.faults.line import Line, line
from tests.faults.report import Report

# Each bug, and the drill that is there to notice it.
NOTICED_BY = {
    "confirm at publish": "messages_vanish",
    "never send again": "messages_vanish",
    "poll by _id >": "messages_vanish",
    "replace the outbox": "messages_vanish",
    "acknowledge early": "workers_die",
    "swallow an exception": "handlers_fail",
    "count no attempts": "one_is_deadly",
    "no unique event id": "receipts_vanish",
    "no version filter": "all_is_handled_often",
    "add up purchases": "all_is_handled_often",
    "no revision guard": "two_workers_meet",
}


class TestDrill:
    @pytest.mark.parametrize("drill", DRILLS.values(), ids=DRILLS)
    def test_loses_nothing_and_doubles_nothing(self, drill: Drill, between: Line) -> None:
        drill(between)


class TestBug:
    @pytest.mark.parametrize(("bug", "drill"), NOTICED_BY.items(), ids=NOTICED_BY)
    def test_is_noticed(self, bug: str, drill: str, between: Line, report: Report) -> None:
        with seeded(bug), pytest.raises(Lost) as noticed:
            DRILLS[drill](between)

        said = str(noticed.value).splitlines()[0]
        report.add(f"bug: {bug}", {"noticed by": drill, "as": said})

    def test_is_never_seeded_without_a_test_that_notices_it(self) -> None:
        # That of one member only takes a replica set, and is noticed in test_storms.
        assert {*NOTICED_BY, "w=1"} == set(BUGS)


@pytest.fixture
def between(settings: Settings, redis_url: str) -> Iterator[Line]:
    """Customers and orders, and what is between them."""
    with line(replace(settings, redis_url=redis_url)) as made:
        yield made
