"""Lists that the API offers, and what to ask for by their filters."""

from dataclasses import replace

import pytest
from pymongo import MongoClient

from services.tools import lists
from services.tools.lists import ListRoute, UnknownFilter
from shared.document import Document
from shared.settings import Settings

JOURNAL = "/v1/customers/{id}/journal"


class TestValues:
    def test_of_a_filter_that_nobody_thought_of_are_asked_for(
        self, market: Settings, client: MongoClient[Document]
    ) -> None:
        route = ListRoute(service="orders", path="/v1/orders", filters=("status", "colour"))

        with pytest.raises(UnknownFilter, match="offers colour"):
            lists.values_of(route, client, market)


class TestAddress:
    def test_of_a_list_in_a_place_nobody_thought_of_is_asked_for(
        self, market: Settings, client: MongoClient[Document]
    ) -> None:
        route = ListRoute(service="orders", path="/v1/orders/{id}/parcels", filters=())

        with pytest.raises(UnknownFilter, match="for each id"):
            lists.address_of(route, client, market)

    def test_is_none_where_nobody_is(self, market: Settings, client: MongoClient[Document]) -> None:
        route = ListRoute(service="customers", path=JOURNAL, filters=("kind",))
        empty = replace(market, database_prefix="test_nothing_here")

        assert lists.address_of(route, client, empty) is None


class TestNarrowing:
    @pytest.mark.parametrize(
        ("service", "names", "leads"),
        [
            ("orders", ["customer_id"], None),
            ("orders", ["customer_id", "placed_to"], None),
            ("orders", ["sku", "status"], None),
            ("orders", ["source", "status"], None),
            ("orders", ["number", "source"], None),
            ("orders", ["placed_from", "placed_to"], None),
            ("orders", ["number", "customer_id"], "number"),
            ("orders", ["customer_id", "sku"], "customer_id"),
            ("orders", ["sku", "source"], "sku"),
            ("customers", ["q", "last_name"], "last_name"),
            ("customers", ["q", "interest"], "q"),
            ("customers", ["interest", "tag"], "interest"),
            ("customers", ["kind"], None),
        ],
        ids=str,
    )
    def test_is_where_no_index_serves_all(
        self, service: str, names: list[str], leads: str | None
    ) -> None:
        assert lists.narrowing(service, set(names)) == leads
