"""Whom a search finds, and in which order, on the real server."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.customers.model.customers import (
    Customer,
    Email,
    Phone,
)
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.mapping import to_document
from shared.document import Document

Make = Callable[..., Customer]


class TestSearch:
    @pytest.mark.parametrize(
        "filters",
        [
            {},
            {"last_name": "lee"},
            {"tag": "vip"},
            {"interest": "garden"},
            {"interest": "garden", "tag": "vip"},
            {"phone": "+442079460958"},
            {"q": "le"},
            {"q": "le", "tag": "vip"},
            {"q": "le", "last_name": "lee"},
            {"q": "le", "phone": "+442079460958"},
        ],
        ids=str,
    )
    def test_walks_everything_once(
        self, customers: CustomerRepository, make_customer: Make, filters: Document
    ) -> None:
        # Many of one moment, so that pages end between equals; some match by two names.
        shared: Document = {
            "tags": ("vip", "new"),
            "interests": ("books", "garden"),
            "phones": phones("+442079460958"),
        }
        people = [
            make_customer(company=f"Lee {number % 3} & Co", first_name=f"Lea {number}", **shared)
            for number in range(11)
        ]
        fill(customers, people)

        found = walk(customers, filters, limit=2)

        assert len(found) == len(people)
        assert set(found) == {one.id for one in people}

    def test_is_newest_first(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        people = [make_customer(now=now + timedelta(days=day)) for day in (2, 0, 3, 1)]
        fill(customers, people)

        found = walk(customers, {}, limit=3)

        newest_first = sorted(people, key=lambda one: one.created_at, reverse=True)
        assert found == [one.id for one in newest_first]

    def test_by_beginning_is_in_the_order_of_names(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        people = [make_customer(last_name=name) for name in ("Aben", "Äbel", "ABBA", "Abö", "Ad")]
        fill(customers, people)

        found = walk(customers, {"q": "äB"}, limit=1)

        names = {one.id: one.last_name for one in people}
        assert [names[id] for id in found] == ["ABBA", "Äbel", "Aben", "Abö"]

    def test_by_beginning_of_a_last_name_is_newest_first(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        people = [
            make_customer(first_name=name, now=now + timedelta(days=day))
            for day, name in enumerate(("Ada", "Bo", "Abe"))
        ]
        fill(customers, people)

        found = walk(customers, {"q": "a", "last_name": "Lee"}, limit=1)

        assert found == [people[2].id, people[0].id]

    def test_fills_a_page_that_would_come_out_short(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        # All of those on the first page are in the list a second time, before the others.
        early = [make_customer(first_name=f"La{n}", last_name=f"Lb{n}") for n in range(6)]
        late = [make_customer(last_name=f"Lc{n}") for n in range(6)]
        fill(customers, early + late)

        page = customers.search({"q": "l"}, after=None, limit=9)

        assert [one["_id"] for one in page.items] == [one.id for one in (early + late)[:9]]
        assert page.next == ["lc2", late[2].id]

    def test_a_deleted_one_is_in_no_list(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        customer = make_customer(
            external_id="1",
            emails=emails("lee@example.com"),
            phones=phones("+442079460958"),
            tags=("vip",),
            interests=("garden",),
        )
        customers.add(customer)
        customers.delete(customer.id, version=1, now=now)

        filters: tuple[Document, ...] = (
            {},
            {"id": [customer.id]},
            {"external_id": "1"},
            {"email": "lee@example.com"},
            {"phone": "+442079460958"},
            {"last_name": "Lee"},
            {"tag": "vip"},
            {"interest": "garden"},
            {"q": "lee"},
        )
        assert [customers.search(one, after=None, limit=9).items for one in filters] == [[]] * 9


def emails(*addresses: str) -> tuple[Email, ...]:
    return tuple(Email(address=address) for address in addresses)


def phones(*numbers: str) -> tuple[Phone, ...]:
    return tuple(Phone(number=number) for number in numbers)


def fill(customers: CustomerRepository, people: list[Customer]) -> None:
    customers.collection.insert_many([{**to_document(one), "outbox": []} for one in people])


def walk(customers: CustomerRepository, filters: Document, *, limit: int) -> list[str]:
    found: list[str] = []
    after: list[Any] | None = None
    for _ in range(50):
        page = customers.search(dict(filters), after=after, limit=limit)
        found += [one["_id"] for one in page.items]
        assert len(page.items) <= limit
        if page.next is None:
            return found
        after = page.next
    raise AssertionError("The pages do not end.")
