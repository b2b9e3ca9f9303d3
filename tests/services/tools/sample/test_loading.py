"""The generated shop, on the real server."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import BulkWriteError
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from services.tools.sample import loading
from services.tools.sample.measuring import measure
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings

Empty = Callable[[], Settings]


class Commands(CommandListener):
    """Counts the commands that a client sends, by name."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to count."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to count."""


class TestLoad:
    def test_fills_an_empty_shop(
        self, shop: Settings, client: MongoClient[Document], plan: Plan
    ) -> None:
        counts = sizes(client, shop)

        guests = service_database(client, shop, "orders").orders.count_documents(
            {"customer_id": None}
        )
        assert counts == {
            "customers": plan.customers,
            "cards": plan.customers,
            "orders": plan.orders,
            "ledger": plan.orders - guests,
        }

    def test_adds_nothing_to_a_shop_that_has_data(
        self, shop: Settings, client: MongoClient[Document], plan: Plan
    ) -> None:
        before = sizes(client, shop)

        said = loading.load(shop, replace(plan, seed=2))

        assert said == "sample: not loaded, there is data already; ADD=1 adds to it"
        assert sizes(client, shop) == before

    def test_adds_another_when_told(
        self, build_empty: Empty, client: MongoClient[Document], plan: Plan
    ) -> None:
        database = build_empty()
        loading.load(database, plan)

        loading.load(database, replace(plan, seed=2), add=True)

        assert sizes(client, database)["orders"] == 2 * plan.orders

    def test_completes_one_that_was_cut_short(
        self, build_empty: Empty, client: MongoClient[Document], plan: Plan
    ) -> None:
        database = build_empty()
        loading.load(database, plan)
        whole = sizes(client, database)
        service_database(client, database, "customers").customers.delete_many(
            {"tags": "newsletter"}
        )
        service_database(client, database, "orders").orders.delete_many({"status": "delivered"})

        said = loading.load(database, plan, add=True)

        assert sizes(client, database) == whole
        assert "documents were there already" in said

    def test_sends_a_thousand_documents_at_once(self, build_empty: Empty) -> None:
        database, seen = build_empty(), Commands()
        plan = Plan(customers=1_500, orders=3_500)

        with connect(database, listeners=[seen]) as client:
            loading.write(database, client, plan)

        # Two batches of customers, two of their arrivals in the journal, two of copies, four of
        # orders, four of ledger entries, four of the journal's; with one document a command there
        # would be nearly twenty thousand.
        assert seen.names.count("insert") == 18
        assert len(seen.names) <= 26

    def test_reports_how_far_it_is(
        self, build_empty: Empty, client: MongoClient[Document], plan: Plan
    ) -> None:
        shown: list[tuple[str, int, int]] = []

        loading.write(build_empty(), client, plan, progress=lambda *bar: shown.append(bar))

        assert shown[-1] == ("sample", 300, 300)
        assert [done for _, done, _ in shown] == sorted(done for _, done, _ in shown)


class TestInsert:
    def test_does_not_hide_a_broken_rule(
        self, build_empty: Empty, client: MongoClient[Document]
    ) -> None:
        copies = service_database(client, build_empty(), "orders").customer_cards

        with pytest.raises(BulkWriteError):
            loading.insert(
                copies, [{"_id": "no id", "name": "Lee", "deleted": False, "version": 1}]
            )


class TestMeasure:
    def test_compares_the_same_documents_and_leaves_nothing(
        self, build_empty: Empty, client: MongoClient[Document], plan: Plan
    ) -> None:
        database = build_empty()
        before = set(client.list_database_names())

        measured = measure(database, plan)

        assert measured.documents > 2 * (plan.customers + plan.orders) - plan.orders * 0.2
        assert f"{measured.ratio:.2f} as fast" in str(measured)
        assert set(client.list_database_names()) <= before
        assert sizes(client, database)["orders"] == 0


def sizes(client: MongoClient[Document], settings: Settings) -> dict[str, Any]:
    customers = service_database(client, settings, "customers")
    orders = service_database(client, settings, "orders")
    return {
        "customers": customers.customers.count_documents({}),
        "cards": orders.customer_cards.count_documents({}),
        "orders": orders.orders.count_documents({}),
        "ledger": customers.ledger.count_documents({}),
    }
