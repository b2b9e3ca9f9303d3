"""Reads and keyset pages of a repository, on the real server."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from shared.document import Document
from shared.errors import NotFound
from tests.support.things import ThingRepository, boxes, thing


class TestReads:
    def test_show_what_callers_may_see(self, things: ThingRepository) -> None:
        lamp = added(things, note="secret")

        shown = {"_id": lamp["_id"], "kind": "box", "size": 1, "version": 1}
        assert things.get(lamp["_id"]) == shown
        assert things.find({"kind": "box"}) == shown
        assert things.page(boxes(), after=None, limit=1).items == [shown]

    def test_show_nothing_that_is_deleted(self, things: ThingRepository) -> None:
        lamp = added(things, deleted_at=datetime.now(UTC))

        with pytest.raises(NotFound):
            things.get(lamp["_id"])

    def test_find_nothing_under_an_unknown_id(self, things: ThingRepository) -> None:
        with pytest.raises(NotFound):
            things.get("nothing")
        assert things.find({"_id": "nothing"}) is None

    def test_tell_whether_there_is_anything(self, things: ThingRepository) -> None:
        assert not things.is_used()

        added(things)

        assert things.is_used()


class TestPage:
    def test_walks_one_stretch_of_the_index(self, things: ThingRepository) -> None:
        shelve(things, sizes=[5, 1, 3, 3, None])
        added(things, kind="bag", size=9)

        assert sizes_of(things, boxes()) == [5, 3, 3, 1, None]

    @pytest.mark.parametrize(
        ("start", "stop", "found"),
        [
            ((), (), [5, 4, 3, 2, 1]),
            ((4,), (), [4, 3, 2, 1]),
            ((), (2,), [5, 4, 3]),
            ((4,), (2,), [4, 3]),
            ((9,), (0,), [5, 4, 3, 2, 1]),
            ((0,), (), []),
            ((2,), (4,), []),
            ((3,), (3,), []),
        ],
    )
    def test_stays_within_its_bounds(
        self,
        shelf: ThingRepository,
        start: tuple[Any, ...],
        stop: tuple[Any, ...],
        found: list[int],
    ) -> None:
        assert sizes_of(shelf, boxes(start=start, stop=stop)) == found

    def test_is_narrowed_by_other_conditions_and_still_complete(
        self, things: ThingRepository
    ) -> None:
        shelve(things, sizes=list(range(40)))

        found = sizes_of(things, boxes(), where={"size": {"$mod": [10, 3]}})

        assert found == [33, 23, 13, 3]

    def test_reads_no_more_than_it_shows(
        self, things: ThingRepository, profiled: Database[Document]
    ) -> None:
        shelve(things, sizes=[number % 7 for number in range(200)])
        first = things.page(boxes(), after=None, limit=10)
        deep = things.page(boxes(), after=first.next, limit=100)

        things.page(boxes(), after=deep.next, limit=10)

        queries = list(
            profiled.system.profile.find({"op": "query", "ns": things.collection.full_name})
        )
        assert [query["nreturned"] for query in queries] == [11, 101, 11]
        for query in queries:
            # One more is read to know whether there is a next page, one to step over the last.
            assert query["keysExamined"] <= query["nreturned"] + 1
            assert query["docsExamined"] <= query["nreturned"] + 1
            assert query["planSummary"].startswith("IXSCAN")
            assert "hasSortStage" not in query


def added(things: ThingRepository, **fields: Any) -> Document:
    """A thing that is there."""
    document = thing(**fields)
    things.insert(document)
    return document


def shelve(things: ThingRepository, *, sizes: list[Any]) -> None:
    """Add a box of each size."""
    things.collection.insert_many([{**thing(size=size), "outbox": []} for size in sizes])


def sizes_of(things: ThingRepository, stretch: Any, *, where: Document | None = None) -> list[Any]:
    """The sizes on all pages of a stretch, two on each."""
    found, after = [], None
    while True:
        page = things.page(stretch, after=after, limit=2, where=where)
        found += [item["size"] for item in page.items]
        after = page.next
        if after is None:
            return found


@pytest.fixture
def shelf(things: ThingRepository) -> ThingRepository:
    """Boxes of the sizes one to five."""
    shelve(things, sizes=[1, 2, 3, 4, 5])
    return things
