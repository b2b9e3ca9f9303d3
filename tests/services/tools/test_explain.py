"""What each list costs the database by each filter, on the real server."""

from dataclasses import replace
from itertools import combinations

import pytest
from rich.console import Console

from services.cli.explain import costs
from services.tools import explain
from services.tools.explain import Ask, NotSetUp
from services.tools.lists import ListRoute, UnknownFilter
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.query_cost import Cost, Query
from shared.settings import Settings
from tests.support.system import system

JOURNAL = "/v1/customers/{id}/journal"
LISTS = ("/v1/users", "/v1/customers", JOURNAL, "/v1/orders", "/v1/imports")


class TestRun:
    def test_finds_an_index_for_every_list_and_filter(self, asks: list[Ask]) -> None:
        assert [told(ask) for ask in asks if not ask.is_served] == []

    def test_asks_by_every_filter_and_every_two(self, asks: list[Ask]) -> None:
        for path in LISTS:
            mine = [ask for ask in asks if ask.route.path == path]
            filters = mine[0].route.filters
            wanted = {frozenset(names) for n in (0, 1, 2) for names in combinations(filters, n)}
            assert {frozenset(ask.filters) for ask in mine} == wanted, path
        assert {ask.route.path for ask in asks} == set(LISTS)

    def test_asks_for_what_is_there(self, asks: list[Ask]) -> None:
        found = {name for ask in asks if ask.items for name in ask.filters}

        assert found == {name for ask in asks for name in ask.route.filters}
        assert {ask.page for ask in asks if ask.route.path == "/v1/orders"} == {1, 2}

    def test_looks_through_few_where_no_index_serves_two(self, asks: list[Ask]) -> None:
        alone = {
            (ask.route.path, *ask.filters): ask.indexes for ask in asks if len(ask.filters) == 1
        }

        others = [
            told(ask)
            for ask in asks
            if ask.narrows and ask.indexes != alone[ask.route.path, ask.narrows]
        ]
        assert others == []

    def test_asks_one_question_a_page(self, asks: list[Ask]) -> None:
        lists = [ask for ask in asks if ask.route.service != "accounts"]

        # Customers with two names that begin alike may make a second look necessary.
        # Of a journal it is asked first whose it is.
        assert [
            told(ask)
            for ask in lists
            if len(ask.queries) > 1 + (ask.route.path == JOURNAL) and "q" not in ask.filters
        ] == []

    def test_asks_for_no_journal_where_there_is_nobody(self, mongo_url: str) -> None:
        with system(mongo_url) as empty:
            asks = list(explain.run(empty))

        assert {ask.route.path for ask in asks} == set(LISTS) - {JOURNAL}

    def test_asks_for_an_empty_journal_where_there_is_no_other(self, mongo_url: str) -> None:
        with system(mongo_url, Plan(customers=3, orders=3)) as young, connect(young) as client:
            service_database(client, young, "customers").journal.delete_many({})
            asks = list(explain.run(young))

        assert {ask.items for ask in asks if ask.route.path == JOURNAL} == {0}

    def test_says_what_is_missing(self, market: Settings) -> None:
        with pytest.raises(NotSetUp, match="setup"):
            list(explain.run(replace(market, database_prefix="test_nothing_here")))


class TestServed:
    def test_is_not_what_a_dropped_index_leaves(self, market: Settings) -> None:
        with connect(market) as client:
            orders = service_database(client, market, "orders").orders
            kept = orders.index_information()["number"]["key"]
            orders.drop_index("number")
            try:
                # The server refuses to use an index that is gone, and the list says so.
                with pytest.raises(UnknownFilter, match="/v1/orders refuses"):
                    list(explain.run(market))
            finally:
                orders.create_index(kept, name="number", unique=True)

    @pytest.mark.parametrize(
        ("filters", "cost", "served"),
        [
            ({}, {"keys": 52, "documents": 52}, True),
            ({}, {"keys": 53, "documents": 51}, False),
            ({}, {"keys": 0, "documents": 53}, False),
            ({"status": ("paid",)}, {"keys": 60, "documents": 60}, False),
            ({"status": ("paid",), "sku": ("a",)}, {"keys": 60, "documents": 60}, False),
            ({"status": ("paid",), "customer_id": ("a",)}, {"keys": 60, "documents": 60}, True),
            ({"q": ("a",)}, {"keys": 103, "documents": 52}, True),
            ({"q": ("a",)}, {"keys": 104, "documents": 52}, False),
            ({}, {"stages": frozenset({"COLLSCAN"}), "documents": 51}, False),
            ({}, {"stages": frozenset({"SORT", "IXSCAN"})}, False),
            (
                {"status": ("paid",), "customer_id": ("a",)},
                {"stages": frozenset({"SORT", "IXSCAN"})},
                False,
            ),
        ],
    )
    def test_is_what_reads_hardly_more_than_it_returns(
        self, filters: dict[str, tuple[str, ...]], cost: Document, served: bool
    ) -> None:
        usual: Document = {
            "stages": frozenset({"IXSCAN", "FETCH"}),
            "indexes": ("newest",),
            "keys": 51,
            "documents": 51,
            "returned": 51,
            "milliseconds": 1,
        }
        query = Query(database="kith_orders", command={"find": "orders"}, microseconds=900)
        ask = Ask(
            route=ListRoute(
                service="customers" if "q" in filters else "orders", path="/v1/some", filters=()
            ),
            filters=filters,
            page=1,
            items=50,
            queries=((query, Cost(**usual | cost)),),
        )

        assert ask.is_served is served


class TestTable:
    def test_shows_each_page(self, asks: list[Ask]) -> None:
        console = Console(width=200, record=True, file=None, quiet=False, force_terminal=False)
        with console.capture() as captured:
            console.print(costs(asks))

        text = captured.get()
        assert "/v1/orders status=placed" in text
        assert "looks through customer_id" in text
        assert "no index serves this" not in text


def told(ask: Ask) -> str:
    filters = " ".join(f"{name}={'|'.join(values)[:40]}" for name, values in ask.filters.items())
    return (
        f"{ask.route.path} {filters} page {ask.page}: {ask.keys} keys, {ask.documents} documents, "
        f"{ask.returned} returned, {', '.join(ask.indexes)}"
    )


@pytest.fixture(scope="module")
def asks(market: Settings) -> list[Ask]:
    """Every list asked by every filter."""
    return list(explain.run(market))
