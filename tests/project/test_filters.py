"""Filters of lists: each is declared once, and every part that needs one reads the declaration."""

from dataclasses import replace

import pytest
from marshmallow import Schema
from pymongo import ASCENDING, DESCENDING, IndexModel

from services import registry
from services.accounts.schemas import UserQuerySchema
from services.customers.repository.filters import FILTERS as CUSTOMER_FILTERS
from services.customers.repository.filters import JOURNAL_FILTERS
from services.customers.schemas.customers import CustomerQuerySchema
from services.customers.schemas.journal import EntryQuerySchema
from services.imports.schemas import ImportQuerySchema
from services.orders.repository.filters import FILTERS as ORDER_FILTERS
from services.orders.schemas import OrderQuerySchema
from shared.mongo.examples import commonest
from shared.mongo.filters import Filter, ListFilters
from shared.web.queries import PageQuerySchema, filter_fields

LISTS = [(service, one) for service in registry.SERVICES for one in registry.lists(service)]


class TestEveryFilter:
    @pytest.mark.parametrize(
        ("schema", "filters"),
        [
            (CustomerQuerySchema, CUSTOMER_FILTERS),
            (EntryQuerySchema, JOURNAL_FILTERS),
            (OrderQuerySchema, ORDER_FILTERS),
            (UserQuerySchema, registry.lists("accounts")[0]),
            (ImportQuerySchema, registry.lists("imports")[0]),
        ],
    )
    def test_is_a_query_parameter(self, schema: type[Schema], filters: ListFilters) -> None:
        assert schema().fields.keys() == {"cursor", "limit", *(one.name for one in filters)}

    @pytest.mark.parametrize(("service", "filters"), LISTS)
    def test_has_a_declared_index_that_begins_with_its_field(
        self, service: str, filters: ListFilters
    ) -> None:
        declared = {
            index.document["name"]: list(index.document["key"])
            for index in filters.collection.indexes
        } | {"_id_": ["_id"]}
        place = len(filters.within)

        assert {one.name: declared[one.index][place] for one in filters} == {
            one.name: one.field for one in filters
        }, service

    def test_of_a_service_has_a_name_of_its_own(self) -> None:
        for service in registry.SERVICES:
            names = [one.name for filters in registry.lists(service) for one in filters]
            assert len(names) == len(set(names))


class TestANewFilter:
    """One line and its index, and the list can be asked by it."""

    def test_is_offered(self, wider: ListFilters) -> None:
        class Query(PageQuerySchema):
            class Meta:
                include = filter_fields(wider)

        assert Query().load({"currency": "GBP", "limit": "7"}) == {"currency": "GBP", "limit": 7}
        assert Query().validate({"currency": "roubles"}) != {}

    def test_leads_to_its_index(self, wider: ListFilters) -> None:
        stretch = wider.range({"currency": "GBP"})

        assert (stretch.index, stretch.equal) == ("currency", ("GBP",))
        assert wider.conditions({"currency": "GBP"}) == {"currency": {"$eq": "GBP"}}

    def test_narrows_what_another_finds(self, wider: ListFilters) -> None:
        lead = wider.narrows({"currency", "customer_id"})

        assert lead is not None
        assert lead.name == "customer_id"
        assert wider.range({"currency": "GBP", "customer_id": "a"}).index == "customer"


@pytest.fixture
def wider() -> ListFilters:
    """The list of orders with one more filter."""
    line = Filter(
        name="currency",
        field="currency",
        index="currency",
        max_length=3,
        example=commonest("orders", "currency", otherwise="XTS"),
    )
    index = IndexModel(
        [("currency", ASCENDING), ("placed_at", DESCENDING), ("_id", DESCENDING)], name="currency"
    )
    orders = replace(ORDER_FILTERS.collection, indexes=(*ORDER_FILTERS.collection.indexes, index))
    return replace(ORDER_FILTERS, collection=orders, filters=(*ORDER_FILTERS.filters, line))
