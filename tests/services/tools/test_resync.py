"""Copies that were lost, and rebuilt from what their owners republish."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services.accounts import PUBLISHES
from services.accounts.operations import users
from services.accounts.repository.users import UserRepository
from services.customers.documents import CUSTOMERS
from services.customers.repository.ledger import NO_PURCHASES
from services.tools import consistency, resync
from services.tools.resync import SOURCES, Step
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.carrier import Carrier
from tests.support.shop import Shop

Base = Callable[[str], Database[Document]]
COPIES = (("customers", "ledger"), ("customers", "staff"), ("orders", "customer_cards"))


class TestRun:
    def test_makes_lost_copies_equal_to_those_before(
        self, worked: Shop, base: Base, carrier: Carrier, republish: Callable[..., list[Step]]
    ) -> None:
        before, customers, journal = copies(base), contents(base, "customers"), entries(base)
        assert all(found for found in before.values())
        for service, name in COPIES:
            base(service)[name].delete_many({})
        base("customers").customers.update_many(
            {"deleted_at": None}, {"$set": {"purchases": NO_PURCHASES}}
        )

        republish()
        carrier.settle()

        assert copies(base) == before
        assert contents(base, "customers") == customers
        assert list(consistency.differences(base)) == []
        # It is no news, and no page of a journal tells of it.
        assert entries(base) == journal
        assert worked.placed

    def test_changes_nothing_where_nothing_was_lost_however_often_it_is_done(
        self, worked: Shop, base: Base, carrier: Carrier, republish: Callable[..., list[Step]]
    ) -> None:
        before, customers = copies(base), contents(base, "customers")

        republish()
        republish()
        handled = carrier.settle()

        # What waits to be republished is not republished twice.
        documents = sum(step.done for step in republish() if step.done)
        assert handled == documents
        carrier.settle()
        assert copies(base) == before
        assert contents(base, "customers") == customers
        assert worked.placed

    def test_does_not_undo_what_happens_meanwhile(
        self, worked: Shop, base: Base, carrier: Carrier, republish: Callable[..., list[Step]]
    ) -> None:
        somebody = worked.people[0]
        republish()
        worked.lose(somebody)
        order = worked.place(worked.people[0])

        carrier.settle()

        assert (base("orders").customer_cards.find_one({"_id": somebody}) or {})["deleted"]
        assert base("customers").ledger.find_one({"_id": order["_id"]})
        assert list(consistency.differences(base)) == []

    def test_goes_on_where_it_was_ended(
        self,
        worked: Shop,
        base: Base,
        republish: Callable[..., list[Step]],
    ) -> None:
        first, second, *_ = republish(["orders"], stop_after=2, at_once=4)
        assert (first.done, second.done) == (0, 4)

        *_, last = republish(["orders"], after=second.last, at_once=4)

        orders = base("orders").orders
        assert last.done == orders.count_documents({}) - 4
        assert orders.count_documents({"outbox.name": "OrderRestated"}) == orders.count_documents(
            {}
        )
        assert worked.placed

    def test_waits_while_too_much_is_to_be_handled(
        self,
        worked: Shop,
        base: Base,
        carrier: Carrier,
    ) -> None:
        waits: list[int] = []

        def wait() -> None:
            waits.append(base("orders").orders.count_documents({"outbox": {"$ne": []}}))
            carrier.settle()

        list(
            resync.run(
                worked.settings, worked.client, ["orders"], wait=wait, at_once=4, max_waiting=4
            )
        )

        assert waits
        assert set(waits) == {4}


def copies(base: Base) -> dict[str, list[Document]]:
    """All copies that services keep of one another's documents."""
    return {name: list(base(service)[name].find().sort("_id", 1)) for service, name in COPIES}


def entries(base: Base) -> list[Document]:
    """The journals of all customers."""
    return list(base("customers").journal.find().sort("_id", 1))


def contents(base: Base, service: str) -> list[Document]:
    """All customers, but for how often their purchases were counted."""
    return list(base(service)[CUSTOMERS.name].find({}, {"revision": 0}).sort("_id", 1))


@pytest.fixture
def base(client: MongoClient[Document], wired: Settings) -> Base:
    """The databases of the shop."""
    return lambda service: service_database(client, wired, service)


@pytest.fixture
def worked(busy_shop: Shop, base: Base, carrier: Carrier) -> Shop:
    """A shop whose events were all handled, with staff, and a customer who is gone."""
    users.register(
        UserRepository(base("accounts"), PUBLISHES),
        email="pat@example.com",
        name="Pat",
        role="sales",
        password="correct horse battery",
        now=datetime.now(UTC),
    )
    carrier.settle()
    return busy_shop


@pytest.fixture
def republish(worked: Shop) -> Callable[..., list[Step]]:
    """`republish()`: republish everything; the steps."""

    def run(
        services: list[str] | None = None, *, stop_after: int = 10**6, **options: Any
    ) -> list[Step]:
        asked = services or sorted(SOURCES)
        steps = resync.run(worked.settings, worked.client, asked, wait=pytest.fail, **options)
        return list(islice(steps, stop_after))

    return run
