"""Visitors who turn out to be customers while they look around, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from pymongo.database import Database

from services.customers import PUBLISHES
from services.customers.model.activity import VisitorTaken
from services.customers.model.customers import Customer
from services.customers.operations import activity
from services.customers.operations.activity import ActivityRepositories
from services.customers.repository.activity import ViewRepository, VisitorRepository
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.document import Document
from shared.errors import Stale
from shared.events.contracts import VisitorTied

Make = Callable[..., Customer]
Then = Callable[[], object]

VISITORS = 6
TURNS = 15


class Interrupted(ViewRepository):
    """Views among which something else happens, right before they are kept or right after."""

    before: Then | None = None
    after: Then | None = None

    def add_all(self, views: Any) -> set[str]:
        """Keep them, and be interrupted."""
        if self.before is not None:
            self.before()
        there = super().add_all(views)
        if self.after is not None:
            self.after()
        return there


class Overtaken(VisitorRepository):
    """Visitors whom somebody else identifies, right before we identify them again."""

    rival: Then | None = None

    def reidentify(self, event: Any, *, now: datetime) -> Document:
        """Be overtaken."""
        if self.rival is not None:
            rival, self.rival = self.rival, None
            rival()
        return super().reidentify(event, now=now)


class TestRecord:
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_loses_no_view_that_comes_while_it_is_said_who_the_visitor_is(
        self,
        website: ActivityRepositories,
        views: Interrupted,
        lee: str,
        now: datetime,
        moment: str,
    ) -> None:
        def say() -> None:
            activity.identify(website, "v-1", lee, now=now, origin={})
            activity.bring_views(website, [identified("v-1", lee)])

        setattr(views, moment, say)

        look(website, "v-1", now=now)

        assert website.journal.collection.count_documents({"customer_id": lee}) == 1

    def test_loses_no_view_of_many_at_once(
        self, website: ActivityRepositories, make_customer: Make, now: datetime
    ) -> None:
        people = [make_customer() for _ in range(VISITORS)]
        for one in people:
            website.customers.add(one)

        def look_around(number: int) -> None:
            for turn in range(TURNS):
                look(website, f"v-{number}", now=now, batch=f"{number}-{turn}")

        def sign_in(number: int) -> None:
            activity.identify(website, f"v-{number}", people[number].id, now=now, origin={})
            activity.bring_views(website, [identified(f"v-{number}", people[number].id)])

        with ThreadPoolExecutor(VISITORS * 2) as pool:
            looking = [pool.submit(look_around, number) for number in range(VISITORS)]
            signing = [pool.submit(sign_in, number) for number in range(VISITORS)]
            for future in (*looking, *signing):
                future.result()

        assert {
            one.id: website.journal.collection.count_documents({"customer_id": one.id})
            for one in people
        } == {one.id: TURNS for one in people}

    def test_says_once_who_a_visitor_is_who_is_told_to_be_two(
        self, website: ActivityRepositories, make_customer: Make, now: datetime
    ) -> None:
        ann, lee = make_customer(), make_customer()
        website.customers.add(ann)
        website.customers.add(lee)
        told: Any = [
            {"kind": "page", "url": "/", "visitor_id": "v-1", "customer_id": one.id}
            for one in (ann, lee)
        ]

        activity.record(website, told, batch="one", now=now, origin={})

        assert website.visitors.get("v-1")["customer_id"] == ann.id
        assert website.journal.collection.count_documents({}) == 2

    def test_leaves_a_visitor_to_who_was_quicker_to_say_anew_who_they_are(
        self,
        website: ActivityRepositories,
        visitors: Overtaken,
        customers: CustomerRepository,
        make_customer: Make,
        lee: str,
        now: datetime,
    ) -> None:
        activity.identify(website, "v-1", lee, now=now, origin={})
        customers.delete(lee, version=1, now=now)
        ann, bob = make_customer(last_name="Ng"), make_customer(last_name="Ray")
        for one in (ann, bob):
            customers.add(one)
        visitors.rival = partial(activity.identify, website, "v-1", bob.id, now=now, origin={})
        view = {"kind": "page", "url": "/", "visitor_id": "v-1", "customer_id": ann.id}

        (outcome,) = activity.record(website, [view], batch="one", now=now, origin={})

        assert outcome["status"] == "created"
        assert visitors.get("v-1")["customer_id"] == bob.id


class TestTie:
    def test_of_many_at_once_makes_one_of_them_right(
        self, website: ActivityRepositories, make_customer: Make, now: datetime
    ) -> None:
        people = [make_customer() for _ in range(8)]
        for one in people:
            website.customers.add(one)

        def say(one: Customer) -> str | None:
            try:
                return str(
                    activity.identify(website, "v-1", one.id, now=now, origin={})["customer_id"]
                )
            except VisitorTaken:
                return None

        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(say, people))

        assert [one for one in said if one] == [website.visitors.get("v-1")["customer_id"]]

    def test_anew_is_refused_if_somebody_was_quicker(
        self,
        website: ActivityRepositories,
        visitors: Overtaken,
        make_customer: Make,
        lee: str,
        now: datetime,
    ) -> None:
        activity.identify(website, "v-1", lee, now=now, origin={})
        website.customers.delete(lee, version=1, now=now)
        ann, ng = make_customer(), make_customer()
        website.customers.add(ann)
        website.customers.add(ng)
        visitors.rival = partial(activity.identify, website, "v-1", ng.id, now=now, origin={})

        with pytest.raises(Stale):
            activity.identify(website, "v-1", ann.id, now=now, origin={})

        assert website.visitors.get("v-1")["customer_id"] == ng.id


class TestBringViews:
    def test_brings_all_of_them(
        self, website: ActivityRepositories, lee: str, now: datetime
    ) -> None:
        told: Any = [{"kind": "page", "url": "/", "visitor_id": "v-1"}] * 1_000
        for batch in "abc":
            activity.record(website, told, batch=batch, now=now, origin={})

        activity.identify(website, "v-1", lee, now=now, origin={})
        activity.bring_views(website, [identified("v-1", lee)])

        assert website.journal.collection.count_documents({"customer_id": lee}) == 3_000

    def test_brings_them_to_who_is_gone_meanwhile(
        self, website: ActivityRepositories, lee: str, now: datetime
    ) -> None:
        look(website, "v-1", now=now)
        activity.identify(website, "v-1", lee, now=now, origin={})
        website.customers.delete(lee, version=1, now=now)

        activity.bring_views(website, [identified("v-1", lee)])

        assert website.journal.collection.count_documents({"customer_id": lee}) == 1

    def test_brings_none_to_whom_the_visitor_is_not_any_more(
        self, website: ActivityRepositories, make_customer: Make, lee: str, now: datetime
    ) -> None:
        ann = make_customer()
        website.customers.add(ann)
        look(website, "v-1", now=now)
        activity.identify(website, "v-1", lee, now=now, origin={})
        website.customers.delete(lee, version=1, now=now)
        activity.identify(website, "v-1", ann.id, now=now, origin={})

        activity.bring_views(website, [identified("v-1", lee)])

        assert not website.journal.is_used()


def look(
    website: ActivityRepositories, visitor_id: str, *, now: datetime, batch: str = "one"
) -> None:
    told: Any = [{"kind": "page", "url": "/", "visitor_id": visitor_id}]
    (outcome,) = activity.record(website, told, batch=batch, now=now, origin={})
    assert outcome["status"] == "created"


def identified(visitor_id: str, customer_id: str) -> VisitorTied:
    return VisitorTied(visitor_id=visitor_id, customer_id=customer_id, version=1, occurred_at="")


@pytest.fixture
def website(
    database: Database[Document],
    customers: CustomerRepository,
    views: Interrupted,
    visitors: Overtaken,
) -> ActivityRepositories:
    """What the website tells goes here."""
    return ActivityRepositories(customers, JournalRepository(database), views, visitors)


@pytest.fixture
def views(database: Database[Document]) -> Interrupted:
    """Views, with room for an interruption."""
    return Interrupted(database)


@pytest.fixture
def visitors(database: Database[Document]) -> Overtaken:
    """Visitors, with room for a rival."""
    return Overtaken(database, PUBLISHES)


@pytest.fixture
def lee(customers: CustomerRepository, make_customer: Make) -> str:
    """The id of a customer."""
    customer = make_customer()
    customers.add(customer)
    return customer.id
