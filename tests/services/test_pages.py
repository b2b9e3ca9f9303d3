"""Pages far down a list, and lists that others change meanwhile, on the real server."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from threading import Event, Thread
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.customers.model.customers import Customer, Email
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.mapping import to_customer, to_document
from services.orders.model import Order
from services.orders.repository.orders import OrderRepository
from services.orders.repository.orders import to_document as order_document
from services.tools.sample import people, sales
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.client import connect, service_database
from shared.mongo.paging import Page
from shared.mongo.query_cost import Recorder, explain
from shared.settings import Settings

RUNS = 41
MIN_ROUNDS = 30
FIRST: list[Any] | None = None

Search = Callable[[list[Any] | None, int], Page]


class TestDepth:
    @pytest.mark.parametrize(
        ("service", "filters"),
        [
            ("customers", {}),
            ("customers", {"q": "m"}),
            ("orders", {}),
            ("orders", {"status": "delivered"}),
        ],
        ids=str,
    )
    def test_costs_what_the_first_page_costs(
        self,
        market: Settings,
        market_plan: Plan,
        service: str,
        filters: Document,
        record_property: Callable[[str, object], None],
    ) -> None:
        recorder = Recorder()
        with connect(market, listeners=[recorder]) as client:
            search = searching(service, client, market, filters)
            length = market_plan.customers
            if "q" in filters:
                # Of no beginning that may be asked for are there as many.
                length = sum(1 for _ in walk(search))
            deep = position(search, depth=int(length * 0.9))

            first, far = cost(recorder, client, search, FIRST), cost(recorder, client, search, deep)
            times = timed(recorder, search, (FIRST, deep))

        record_property("microseconds", times)
        # One entry more: the last of the page before, from which to go on.
        assert far.documents <= 1.2 * first.documents
        assert far.keys <= 1.2 * first.keys
        if market_plan.customers > 10_000:
            assert times[1] <= 1.2 * times[0], f"{times[0]} µs, then {times[1]} µs"


class TestWalk:
    @pytest.mark.parametrize("filters", [{}, {"tag": "newsletter"}, {"q": "m"}], ids=str)
    def test_of_customers_sees_once_who_was_there_throughout(
        self, market: Settings, market_plan: Plan, filters: Document
    ) -> None:
        extra = strangers(market_plan)
        with connect(market) as client, added_to(client, market, "customers", extra) as store:
            search = searching("customers", client, market, filters)
            stayed = set(walk(search))

            with meanwhile(lambda: disturb_customers(store, extra)) as others:
                walks = [Counter(walk(search, limit=37))]
                while others.rounds < MIN_ROUNDS:
                    walks.append(Counter(walk(search, limit=37)))

        for seen in walks:
            assert_complete(seen, stayed, passing={one.id for one in extra})

    @pytest.mark.parametrize("filters", [{}, {"source": "sample-market"}], ids=str)
    def test_of_orders_sees_once_what_was_there_throughout(
        self, market: Settings, market_plan: Plan, filters: Document
    ) -> None:
        extra = passing_orders(market_plan)
        with connect(market) as client, added_to(client, market, "orders", extra) as store:
            search = searching("orders", client, market, filters)
            stayed = set(walk(search))

            with meanwhile(lambda: disturb_orders(store, extra)) as others:
                walks = [Counter(walk(search, limit=37))]
                while others.rounds < MIN_ROUNDS:
                    walks.append(Counter(walk(search, limit=37)))

        for seen in walks:
            assert_complete(seen, stayed, passing={one.id for one in extra})


class TestNames:
    @pytest.mark.parametrize(
        ("asked", "name"),
        [
            ("müller", "Müller"),
            ("Muller", "Müller"),
            ("MÜLLER", "Müller"),
            ("mu\u0308ll", "Müller"),
            ("strauss", "Strauß"),
            ("STRAUẞ", "Strauß"),
            ("odegard", "Ødegård"),
            ("ØDE", "Ødegård"),
            ("lukasi", "Łukasik"),
            ("ŁUKASI", "Łukasik"),
            ("yilmaz", "Yılmaz"),
            ("YILMAZ", "Yılmaz"),
            ("yılmaz", "Yılmaz"),
            ("isik", "Işık"),
            ("佐", "佐藤"),
            ("محمود", "محمود"),
            ("مَحمود", "محمود"),
        ],
    )
    def test_are_found_however_they_are_typed(
        self, market: Settings, asked: str, name: str
    ) -> None:
        recorder = Recorder()
        with connect(market, listeners=[recorder]) as client:
            search = searching("customers", client, market, {"q": asked})
            found = search(FIRST, 200)
            costs = [explain(client, query) for query in recorder.take()]

        assert name in {item["last_name"] for item in found.items}
        assert {index for one in costs for index in one.indexes} == {"names"}
        assert not any(one.scans for one in costs)
        assert sum(one.keys for one in costs) <= 2 * len(found.items) + 2


def searching(
    service: str, client: MongoClient[Document], settings: Settings, filters: Document
) -> Search:
    """Ask a service's list by some filters."""
    kind = {"customers": CustomerRepository, "orders": OrderRepository}[service]
    store: Any = kind(service_database(client, settings, service))
    return lambda after, limit: store.search(dict(filters), after=after, limit=limit)


def position(search: Search, *, depth: int) -> list[Any]:
    """The place in a list behind that many entries, found by turning its pages."""
    after, seen = FIRST, 0
    # Small beside the depth, so that the last of them does not reach the end of the list.
    size = max(1, min(200, depth // 20))
    while seen < depth:
        page = search(after, size)
        seen += len(page.items)
        assert page.next is not None
        after = page.next
    assert after is not None
    return after


def cost(
    recorder: Recorder, client: MongoClient[Document], search: Search, after: list[Any] | None
) -> Any:
    """What one page costs."""
    recorder.take()
    search(after, 50)
    (query,) = recorder.take()[:1]
    return explain(client, query)


def timed(
    recorder: Recorder, search: Search, places: tuple[list[Any] | None, ...]
) -> tuple[float, ...]:
    """How long the page at each place takes, in microseconds: in turns, the median of many."""
    taken: dict[int, list[int]] = {index: [] for index in range(len(places))}
    for _ in range(RUNS):
        for index, after in enumerate(places):
            recorder.take()
            search(after, 50)
            taken[index].append(sum(query.microseconds for query in recorder.take()))
    return tuple(median(values) for values in taken.values())


def walk(search: Search, *, limit: int = 200) -> Iterator[str]:
    """The ids on all pages of a list."""
    after = FIRST
    while True:
        page = search(after, limit)
        yield from (item["_id"] for item in page.items)
        if page.next is None:
            return
        after = page.next


class meanwhile:  # noqa: N801 - it reads as a sentence where it is used.
    """Do something again and again in another thread as long as the block takes."""

    def __init__(self, disturb: Callable[[], Iterator[None]]) -> None:
        self._done = Event()
        self._failure: list[BaseException] = []
        self.rounds = 0

        def run() -> None:
            try:
                while not self._done.is_set():
                    for _ in disturb():
                        self.rounds += 1
                        if self._done.is_set():
                            return
            except BaseException as error:
                self._failure.append(error)

        self._thread = Thread(target=run)

    def __enter__(self) -> "meanwhile":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(30)
        assert self._failure == []


def assert_complete(seen: Counter[str], stayed: set[str], *, passing: set[str]) -> None:
    """What stayed was seen once, and nothing twice that came or went."""
    assert {id: seen[id] for id in stayed - passing if seen[id] != 1} == {}
    assert max(seen.values()) == 1
    assert seen.keys() <= stayed | passing


@contextmanager
def added_to(
    client: MongoClient[Document], settings: Settings, service: str, extra: Sequence[Any]
) -> Iterator[Any]:
    """The store of what comes and goes, of which nothing stays in the end."""
    kind = {"customers": CustomerRepository, "orders": OrderRepository}[service]
    store = kind(service_database(client, settings, service))
    # Nobody looks at what is gone again in a moment, so it need not have reached the disk.
    kept = store.collection
    store.collection = kept.with_options(
        write_concern=WriteConcern(w=1), read_concern=ReadConcern("local")
    )
    try:
        yield store
    finally:
        # This the next test has to see.
        kept.delete_many({"_id": {"$in": [one.id for one in extra]}})


def strangers(plan: Plan) -> list[Customer]:
    """Customers who come and go."""
    now = datetime.now(UTC)
    other = replace(plan, seed=99)
    return [
        replace(one, id=new_id(), created_at=now, tags=("newsletter",), emails=())
        for one in people.customers(other, range(200))
    ]


def stored(customer: Customer) -> Document:
    return {**to_document(customer), "outbox": []}


def disturb_customers(store: CustomerRepository, extra: list[Customer]) -> Iterator[None]:
    """People come, go, and are changed, in turns, all over the list."""
    ids = [one["_id"] for one in store.collection.find({}, {"_id": 1}).limit(500)]
    for turn, one in enumerate(extra):
        store.collection.delete_one({"_id": one.id})
        store.collection.insert_one(stored(replace(one, created_at=datetime.now(UTC))))
        store.collection.delete_one({"_id": extra[turn - 50].id})
        touched = store.find({"_id": ids[turn * 2 % len(ids)], "deleted_at": None})
        if touched is not None and touched["_id"] not in {each.id for each in extra}:
            now = datetime.now(UTC)
            email = Email(address=f"{new_id()}@example.net")
            store.save(to_customer(touched).changed(now=now, emails=(email,)))
        yield


def passing_orders(plan: Plan) -> list[Order]:
    """Orders that come and go."""
    now = datetime.now(UTC)
    other = replace(plan, seed=99)
    buyers = [sales.buyer(one, "EUR") for one in people.customers(other, range(50))]
    return [
        replace(one, id=new_id(), placed_at=now, updated_at=now, source="sample-market")
        for one in sales.orders(other, range(200), buyers, now=now)
    ]


def disturb_orders(store: OrderRepository, extra: list[Order]) -> Iterator[None]:
    """Orders come, go, and take a step, in turns, all over the list."""
    ids = [one["_id"] for one in store.collection.find({}, {"_id": 1}).limit(500)]
    for turn, one in enumerate(extra):
        store.collection.delete_one({"_id": one.id})
        store.collection.insert_one(
            {**order_document(one), "recorded_at": datetime.now(UTC), "outbox": []}
        )
        store.collection.delete_one({"_id": extra[turn - 50].id})
        store.collection.update_one(
            {"_id": ids[turn * 2 % len(ids)]},
            {"$set": {"updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
        )
        yield
