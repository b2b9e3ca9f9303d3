"""Queries on orders, on the real server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from services.orders import operations
from services.orders.customer_lookup import CustomerLookup
from services.orders.model import Order, OrderNumberTaken, PlacedInFuture
from services.orders.repository.copies import CustomerCopyRepository
from services.orders.repository.orders import OrderRepository
from shared.document import Document
from shared.events.contracts import CustomerDeleted, CustomerRegistered, OrderPlaced
from shared.identifiers import new_id

Make = Callable[..., Order]


class TestAdd:
    def test_keeps_the_order_with_its_event(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        order = make_order(customer_id=new_id())

        orders.add(order, placed(order))

        stored = orders.collection.find_one({"_id": order.id}) or {}
        (entry,) = stored["outbox"]
        assert (entry["to"], entry["name"], entry["data"]["total"]) == (
            "customers",
            "OrderPlaced",
            "5.10",
        )

    def test_lets_the_server_say_when(self, orders: OrderRepository, make_order: Make) -> None:
        before = datetime.now(UTC) - timedelta(milliseconds=1)

        answer = orders.add(make_order())

        assert before <= answer["recorded_at"] <= datetime.now(UTC)

    def test_takes_a_description_that_looks_like_a_variable(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        order = make_order(number="$number")

        answer = orders.add(order)

        assert answer["number"] == "$number"

    def test_names_who_has_the_number(self, orders: OrderRepository, make_order: Make) -> None:
        holder = orders.add(make_order(number="536365"))

        with pytest.raises(OrderNumberTaken) as refusal:
            orders.add(make_order(number="536365"))

        assert refusal.value.errors[0].holder == holder["_id"]

    def test_refuses_the_future_of_the_server(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)

        with pytest.raises(PlacedInFuture):
            orders.add(make_order(now=tomorrow))

    def test_does_not_hide_another_broken_rule(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        with pytest.raises(OperationFailure, match="failed validation"):
            orders.add(make_order(currency="XYZ"))


class TestAddMany:
    def test_says_of_each_why_it_was_not_added(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        orders.add(make_order(number="taken"))
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        new = [make_order(), make_order(number="taken"), make_order(now=tomorrow)]

        outcomes = orders.add_many([(order, placed(order)) for order in new], batch="one")

        assert [type(outcome) for outcome in outcomes] == [
            type(None),
            OrderNumberTaken,
            PlacedInFuture,
        ]

    def test_does_not_hide_another_broken_rule(
        self, orders: OrderRepository, make_order: Make
    ) -> None:
        order = make_order(currency="XYZ")

        with pytest.raises(BulkWriteError):
            orders.add_many([(order, placed(order))], batch="one")

    def test_a_repeat_of_what_the_server_refuses_is_refused_alike(
        self, orders: OrderRepository, lookup: CustomerLookup, entry: Document
    ) -> None:
        late = entry | {"placed_at": datetime.now(UTC) + timedelta(days=1)}

        outcomes = operations.place_many(
            orders, lookup, [late, late], now=late["placed_at"], batch="one"
        )

        assert [type(outcome["refusal"]) for outcome in outcomes] == [PlacedInFuture] * 2

    def test_of_many_at_once_one_adds_a_number(
        self, orders: OrderRepository, lookup: CustomerLookup, entry: Document
    ) -> None:
        def place(_: int) -> str:
            now = datetime.now(UTC)
            (outcome,) = operations.place_many(orders, lookup, [entry], now=now, batch=new_id())
            return str(outcome["status"])

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(place, range(16)))

        assert sorted(outcomes) == ["created", *["unchanged"] * 15]
        assert orders.collection.count_documents({}) == 1


class TestSearch:
    @pytest.mark.parametrize(
        "filters",
        [
            {},
            {"customer_id": "c" * 24},
            {"status": "paid"},
            {"sku": "ODD"},
            {"source": "api"},
            {"customer_id": "c" * 24, "status": "paid", "sku": "ODD"},
            {"sku": "ODD", "status": "paid"},
            {"source": "api", "status": "placed"},
            {"source": "api", "sku": "EVEN"},
            {"source": "api", "sku": "EVEN", "status": "placed"},
        ],
        ids=str,
    )
    def test_pages_find_each_order_once_newest_first(
        self, orders: OrderRepository, book: list[Order], filters: Document
    ) -> None:
        found = list(walk(orders, filters, limit=3))

        expected = sorted(
            (order for order in book if matches(order, filters)),
            key=lambda order: (order.placed_at, order.id),
            reverse=True,
        )
        assert [document["_id"] for document in found] == [order.id for order in expected]
        assert found

    @pytest.mark.parametrize(
        "filters", [{}, {"customer_id": "c" * 24}, {"status": "paid"}], ids=str
    )
    @pytest.mark.parametrize("limit", [1, 2, 50])
    def test_times_include_from_and_exclude_to(
        self,
        orders: OrderRepository,
        book: list[Order],
        now: datetime,
        filters: Document,
        limit: int,
    ) -> None:
        window = {"placed_from": now + timedelta(days=2), "placed_to": now + timedelta(days=5)}

        found = {document["_id"] for document in walk(orders, filters | window, limit=limit)}

        assert found == {
            order.id
            for order in book
            if matches(order, filters)
            and window["placed_from"] <= order.placed_at < window["placed_to"]
        }
        assert found

    def test_finds_a_number_in_all_sources(self, orders: OrderRepository, make_order: Make) -> None:
        for source in ("c", "a", "b"):
            orders.add(make_order(number="7", source=source))
        orders.add(make_order(number="8"))

        found = list(walk(orders, {"number": "7"}, limit=2))

        assert [document["source"] for document in found] == ["a", "b", "c"]

    def test_finds_a_number_within_a_time(
        self, orders: OrderRepository, make_order: Make, now: datetime
    ) -> None:
        for source, days in (("a", 1), ("b", 2), ("c", 3)):
            placed_at = now - timedelta(days=days)
            orders.add(make_order(number="7", source=source, placed_at=placed_at))
        window = {"placed_from": now - timedelta(days=2), "placed_to": now - timedelta(days=1)}

        found = list(walk(orders, {"number": "7", **window}, limit=1))

        assert [document["source"] for document in found] == ["b"]

    @pytest.mark.parametrize(
        "filters",
        [
            {},
            {"customer_id": "c" * 24},
            {"status": "paid"},
            {"sku": "ODD"},
            {"source": "api"},
            {"number": "5"},
            {"number": "5", "source": "api"},
            {"sku": "ODD", "placed_from": datetime(2025, 6, 2, tzinfo=UTC)},
            {
                "placed_from": datetime(2025, 6, 2, tzinfo=UTC),
                "placed_to": datetime(2025, 6, 4, tzinfo=UTC),
            },
        ],
        ids=str,
    )
    @pytest.mark.usefixtures("book")
    def test_reads_an_index_and_sorts_nothing(
        self, orders: OrderRepository, database: Database[Document], filters: Document
    ) -> None:
        database.command("profile", 2)
        orders.search(filters, after=None, limit=3)
        database.command("profile", 0)

        (seen,) = database.system.profile.find({"ns": orders.collection.full_name, "op": "query"})
        assert seen["planSummary"].startswith("IXSCAN")
        assert not seen.get("hasSortStage")
        assert seen["keysExamined"] <= 3 + 2


class TestCards:
    def test_late_events_change_nothing(self, copies: CustomerCopyRepository) -> None:
        id = new_id()
        registered = CustomerRegistered(customer_id=id, version=1, occurred_at="")
        deleted = CustomerDeleted(customer_id=id, version=3, occurred_at="")

        operations.keep_copies(copies, [deleted])
        operations.keep_copies(copies, [registered])

        assert copies.deletions([id]) == {id: True}
        assert copies.collection.find_one({"_id": id}) == {
            "_id": id,
            "deleted": True,
            "version": 3,
            "schema_version": 2,
        }


def matches(order: Order, filters: Document) -> bool:
    return (
        order.customer_id == filters.get("customer_id", order.customer_id)
        and order.status == filters.get("status", order.status)
        and order.source == filters.get("source", order.source)
        and filters.get("sku", order.lines[0].sku) in [line.sku for line in order.lines]
    )


def walk(orders: OrderRepository, filters: Document, *, limit: int) -> Iterator[Document]:
    after: list[Any] | None = None
    while True:
        page = orders.search(filters, after=after, limit=limit)
        assert len(page.items) <= limit
        yield from page.items
        if page.next is None:
            return
        after = page.next


def placed(order: Order) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.id,
        number=order.number,
        source=order.source,
        customer_id=order.customer_id,
        kind=order.kind,
        status=order.status,
        total=f"{order.total:f}",
        currency=order.currency,
        placed_at=order.placed_at.isoformat(),
        version=1,
        occurred_at=order.updated_at.isoformat(),
    )


@pytest.fixture
def book(orders: OrderRepository, make_order: Make, now: datetime) -> list[Order]:
    """Orders over eight days, two a day at the same time; no filter finds all of them."""

    def lines(index: int) -> list[Document]:
        skus = ["ODD", "ODD", "EVEN"] if index % 3 else ["EVEN"]
        return [{"sku": sku, "quantity": 1, "unit_price": Decimal(1)} for sku in skus]

    made = [
        make_order(
            number=str(index),
            placed_at=now + timedelta(days=index // 2),
            now=now + timedelta(days=30),
            customer_id="c" * 24 if index % 4 else None,
            status="paid" if index % 2 else "placed",
            source="api" if index % 5 else "market",
            lines=lines(index),
        )
        for index in range(16)
    ]
    for order in made:
        orders.add(order, placed(order))
    return made


@pytest.fixture
def lookup(copies: CustomerCopyRepository) -> CustomerLookup:
    """A lookup to which everybody is known."""
    return CustomerLookup(copies, lambda ids: ids)


@pytest.fixture
def entry(now: datetime) -> Document:
    """One entry of a bulk call, as its schema loads it."""
    return {
        "number": "1",
        "currency": "GBP",
        "placed_at": now,
        "lines": [{"sku": "a", "quantity": 1, "unit_price": Decimal(1)}],
    }
