"""Journals as they are written and read, on the real server; the largest of them too."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.customers import documents
from services.customers.model.journal import Entry, NoSuchEntry
from services.customers.repository.journal import JournalRepository, to_document
from shared.document import Document
from shared.idempotency import CreationRequest, IdempotencyKeyReused
from shared.identifiers import new_id
from shared.mongo.client import connect
from shared.mongo.collections import build
from shared.mongo.query_cost import Cost, Recorder, explain
from shared.settings import Settings

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
ANN, LEE = "a" * 24, "b" * 24
KINDS = ("order_placed", "order_paid", "page_viewed", "note")
PAGE = 50
AT_ONCE = 10_000


@dataclass(frozen=True)
class Size:
    """How many entries there are, and how many of them are one customer's."""

    entries: int
    of_one: int


class TestAdd:
    def test_answers_as_a_look_at_it_does(self, journal: JournalRepository) -> None:
        added = journal.add(entry(1))

        assert added == journal.get_entry(LEE, entry(1).id)

    def test_the_same_request_gets_the_first_answer(self, journal: JournalRepository) -> None:
        first = journal.add(entry(1), request=CreationRequest("a:1", "f"))

        again = journal.add(entry(2), request=CreationRequest("a:1", "f"))

        assert {name: again[name] for name in first} == first
        assert journal.collection.count_documents({}) == 1

    def test_the_same_request_with_another_body_is_refused(
        self, journal: JournalRepository
    ) -> None:
        journal.add(entry(1), request=CreationRequest("a:1", "f"))

        with pytest.raises(IdempotencyKeyReused):
            journal.add(entry(2), request=CreationRequest("a:1", "g"))

    def test_an_id_is_never_given_twice(self, journal: JournalRepository) -> None:
        journal.add(entry(1))

        with pytest.raises(DuplicateKeyError):
            journal.add(entry(1))


class TestAddAll:
    def test_leaves_what_is_there_as_it_is(self, journal: JournalRepository) -> None:
        journal.add_all([entry(1, summary="The first.")])

        there = journal.add_all([entry(1, summary="The second."), entry(2)])

        assert there == {entry(1).id}
        assert journal.get_entry(LEE, entry(1).id)["summary"] == "The first."
        assert journal.get_entry(LEE, entry(2).id)["summary"] == "Order 2."

    def test_of_nothing_does_nothing(self, journal: JournalRepository) -> None:
        assert journal.add_all([]) == set()

    def test_hides_no_broken_rule(self, journal: JournalRepository) -> None:
        journal.add_all([entry(1)])

        with pytest.raises(BulkWriteError):
            journal.add_all([entry(1), entry(2, kind="gossip")])

    def test_by_many_at_once_writes_each_once(self, journal: JournalRepository) -> None:
        entries = [entry(number) for number in range(200)]

        def add(seed: int) -> None:
            mine = list(entries)
            Random(seed).shuffle(mine)  # noqa: S311 - the same order each time.
            for start in range(0, len(mine), 20):
                journal.add_all(mine[start : start + 20])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(8)))

        assert [one["_id"] for one in walk(journal)] == [one.id for one in reversed(entries)]


class TestGetEntry:
    @pytest.mark.parametrize(("customer", "number"), [(LEE, 2), (ANN, 1)])
    def test_is_of_one_customer(
        self, journal: JournalRepository, customer: str, number: int
    ) -> None:
        journal.add_all([entry(1)])

        with pytest.raises(NoSuchEntry):
            journal.get_entry(customer, entry(number).id)


class TestBatches:
    def test_are_of_those_that_are_there(self, journal: JournalRepository) -> None:
        journal.add_all([entry(1, data={"batch": "one"}), entry(2)])

        assert journal.batches([entry(number).id for number in (1, 2, 3)]) == {
            entry(1).id: "one",
            entry(2).id: None,
        }


class TestSearch:
    @pytest.mark.parametrize("filters", [{}, {"kind": "order_placed"}], ids=str)
    def test_reads_what_it_returns_however_much_there_is(
        self,
        full: JournalRepository,
        recorder: Recorder,
        size: Size,
        filters: Document,
        record_property: Callable[[str, object], None],
    ) -> None:
        found = full.search(LEE, filters, after=None, limit=PAGE)
        first = cost(full, recorder)
        count = size.of_one // (len(KINDS) if "kind" in filters else 1)
        deep = position(full, filters, depth=count * 7 // 10)
        recorder.take()
        rest = full.search(LEE, filters, after=deep, limit=PAGE)
        far = cost(full, recorder)

        record_property("first page", str(first))
        record_property("page at depth", str(far))
        assert (len(found.items), len(rest.items)) == (PAGE, PAGE)
        assert {item["customer_id"] for item in found.items + rest.items} == {LEE}
        # One more is returned than is shown, which says that there are more.
        assert (first.returned, first.documents, first.keys) == (PAGE + 1, PAGE + 1, PAGE + 1)
        # The last of the page before is passed over.
        assert far.returned == PAGE + 1
        assert max(far.documents, far.keys) <= PAGE + 2
        assert not first.scans
        assert not far.scans

    def test_walks_all_of_one_customers_and_nobody_elses(
        self, full: JournalRepository, size: Size
    ) -> None:
        upcast = walk(full)

        assert len({one["_id"] for one in upcast}) == len(upcast) == size.of_one
        assert {one["customer_id"] for one in upcast} == {LEE}
        assert [one["at"] for one in upcast] == sorted((one["at"] for one in upcast), reverse=True)


def entry(number: int, **fields: Any) -> Entry:
    usual: dict[str, Any] = {
        "id": f"order:{number:024x}:1",
        "customer_id": LEE,
        "at": START + timedelta(minutes=number),
        "kind": "order_placed",
        "summary": f"Order {number}.",
    }
    return Entry(**usual | fields)


def walk(journal: JournalRepository) -> list[Document]:
    """All entries of one customer, page by page."""
    upcast: list[Document] = []
    after: list[Any] | None = None
    while True:
        page = journal.search(LEE, {}, after=after, limit=200)
        upcast += page.items
        after = page.next
        if after is None:
            return upcast


def position(journal: JournalRepository, filters: Document, *, depth: int) -> list[Any]:
    """The position of the entry that lies so deep in the journal."""
    where = {"customer_id": LEE, **filters}
    found = journal.collection.find(where, sort=[("at", -1), ("_id", -1)], skip=depth, limit=1)
    (one,) = list(found)
    return [one["at"], one["_id"]]


def cost(journal: JournalRepository, recorder: Recorder) -> Cost:
    """What the only question since the last look cost."""
    (query,) = recorder.take()
    return explain(journal.collection.database.client, query)


def many(size: Size) -> Iterator[list[Document]]:
    """Entries of one customer among those of others, in no order of time."""
    dice = Random(1)  # noqa: S311 - the same each time.
    others = [new_id() for _ in range(size.entries // 50)]
    every = size.entries // size.of_one
    numbers = list(range(size.entries))
    dice.shuffle(numbers)
    for start in range(0, size.entries, AT_ONCE):
        yield [
            to_document(
                entry(
                    number,
                    customer_id=LEE if number % every == 0 else dice.choice(others),
                    kind=KINDS[number // every % len(KINDS)],
                ),
                recorded_at=START,
            )
            for number in numbers[start : start + AT_ONCE]
        ]


def fill(journal: JournalRepository, documents: Iterator[Sequence[Document]]) -> None:
    for batch in documents:
        journal.collection.insert_many(batch, ordered=False)


@pytest.fixture
def full(stored: Database[Document], watched: MongoClient[Document]) -> JournalRepository:
    """A journal that is full, read by a client that is watched."""
    return JournalRepository(watched[stored.name])


@pytest.fixture(scope="module")
def stored(
    client: MongoClient[Document], settings: Settings, size: Size
) -> Iterator[Database[Document]]:
    """A database of its own with a full journal, to drop whole: to delete takes too long."""
    made = client[f"{settings.database_prefix}_full"]
    list(build(made, (documents.JOURNAL,)))
    fill(JournalRepository(made), many(size))
    yield made
    client.drop_database(made.name)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(Size(entries=5_000, of_one=1_000), id="small"),
        pytest.param(Size(entries=1_000_000, of_one=10_000), id="full", marks=pytest.mark.scale),
    ],
)
def size(request: pytest.FixtureRequest) -> Size:
    """How much there is."""
    made: Size = request.param
    return made


@pytest.fixture
def watched(settings: Settings, recorder: Recorder) -> Iterator[MongoClient[Document]]:
    """A client whose questions are recorded."""
    with connect(settings, listeners=[recorder]) as made:
        yield made


@pytest.fixture
def recorder() -> Recorder:
    """What records them."""
    return Recorder()
