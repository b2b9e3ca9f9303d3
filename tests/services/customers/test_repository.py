"""Queries on customers and their ledger, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bson import Decimal128

from services.customers.model import (
    Customer,
    Email,
    EmailTaken,
    ExternalIdTaken,
    NoSuchCustomer,
    Phone,
)
from services.customers.repository import (
    NO_PURCHASES,
    CustomerRepository,
    LedgerRepository,
    to_customer,
    to_document,
)
from shared.database import Document
from shared.errors import Stale
from shared.events.contracts import CustomerChanged, CustomerDeleted, CustomerRegistered
from shared.identifiers import new_id

Make = Callable[..., Customer]

ENVELOPE: dict[str, Any] = {"version": 1, "occurred_at": ""}


class TestAdd:
    def test_keeps_the_customer_with_its_event(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer()

        customers.add(customer, registered(customer))

        stored = customers.collection.find_one({"_id": customer.id}) or {}
        (entry,) = stored["outbox"]
        assert (entry["to"], entry["name"]) == ("orders", "CustomerRegistered")
        assert entry["data"] == {
            "customer_id": customer.id,
            "name": "Lee",
            "version": 1,
            "occurred_at": "",
        }

    def test_answers_as_a_look_at_it_does(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer(emails=emails("lee@example.com"), preferences={"size": 38})

        added = customers.add(customer)

        assert added == customers.get(customer.id)
        assert to_customer(added) == customer

    def test_keeps_names_that_have_no_letters(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        names = ("´", "\u0301", "ﷺ" * 100)

        for name in names:
            customers.add(make_customer(last_name=name, company=name * 2))

        assert customers.collection.count_documents({}) == len(names)

    def test_names_who_has_the_address(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        holder = customers.add(make_customer(emails=emails("Lee@example.com")))

        with pytest.raises(EmailTaken) as refusal:
            customers.add(make_customer(emails=emails("ann@example.com", "lee@EXAMPLE.com")))

        (error,) = refusal.value.errors
        assert (error.field, error.holder) == ("emails.1.address", holder["_id"])

    def test_names_who_has_the_external_id(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        holder = customers.add(make_customer(external_id="17850"))

        with pytest.raises(ExternalIdTaken) as refusal:
            customers.add(make_customer(external_id="17850"))

        (error,) = refusal.value.errors
        assert (error.field, error.holder) == ("external_id", holder["_id"])


class TestAddMany:
    def test_says_of_each_what_became_of_it(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        holder = customers.add(make_customer(external_id="1", emails=emails("lee@example.com")))
        clashing = make_customer(emails=emails("lee@example.com"))
        same = make_customer(external_id="1")
        new = make_customer(external_id="2")

        outcomes = customers.add_many(
            [(one, registered(one)) for one in (clashing, new, same)], batch="one"
        )

        first, second, third = outcomes
        assert isinstance(first, EmailTaken)
        assert isinstance(third, ExternalIdTaken)
        assert first.errors[0].holder == third.errors[0].holder == holder["_id"]
        assert second == new.id

    def test_of_nobody_is_nothing(self, customers: CustomerRepository) -> None:
        assert customers.add_many([], batch="one") == []


class TestSave:
    def test_puts_the_event_behind_those_that_wait(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer()
        customers.add(customer, registered(customer))

        saved = customers.save(
            customer.changed(now=customer.created_at, last_name="Ng"),
            CustomerChanged(customer_id=customer.id, name="Ng", **ENVELOPE),
        )

        stored = customers.collection.find_one({"_id": customer.id}) or {}
        assert (saved["last_name"], saved["version"]) == ("Ng", 2)
        assert [entry["name"] for entry in stored["outbox"]] == [
            "CustomerRegistered",
            "CustomerChanged",
        ]
        assert stored["keys"]["names"] == ["ng"]

    def test_leaves_purchases_alone(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer()
        customers.add(customer)
        bought = {**NO_PURCHASES, "orders": 3}
        customers.set_purchases(customer.id, bought, revision=0)

        saved = customers.save(customer.changed(now=customer.created_at, first_name="Ann"))

        assert (saved["purchases"], saved["revision"]) == (bought, 1)

    def test_refuses_an_old_version(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer()
        customers.add(customer)
        customers.save(customer.changed(now=customer.created_at, first_name="Ann"))

        with pytest.raises(Stale):
            customers.save(customer.changed(now=customer.created_at, first_name="Bob"))

    def test_refuses_an_address_that_somebody_has(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customers.add(make_customer(emails=emails("lee@example.com")))
        customer = make_customer()
        customers.add(customer)

        with pytest.raises(EmailTaken):
            customers.save(
                customer.changed(now=customer.created_at, emails=emails("LEE@example.com"))
            )


class TestDelete:
    def test_leaves_an_id_and_the_events(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        customer = make_customer(emails=emails("lee@example.com"))
        customers.add(customer, registered(customer))

        customers.delete(
            customer.id, CustomerDeleted(customer_id=customer.id, **ENVELOPE), version=1, now=now
        )

        stored = customers.collection.find_one({"_id": customer.id}) or {}
        assert stored.keys() == {"_id", "deleted_at", "version", "outbox"}
        assert [entry["name"] for entry in stored["outbox"]] == [
            "CustomerRegistered",
            "CustomerDeleted",
        ]
        with pytest.raises(NoSuchCustomer):
            customers.get(customer.id)

    def test_refuses_an_old_version(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        customer = make_customer()
        customers.add(customer)

        with pytest.raises(Stale):
            customers.delete(customer.id, version=2, now=now)


class TestSearch:
    @pytest.mark.parametrize(
        "filters",
        [
            {},
            {"last_name": "lee"},
            {"tag": "vip"},
            {"phone": "+442079460958"},
            {"q": "le"},
            {"q": "le", "tag": "vip"},
        ],
        ids=str,
    )
    def test_walks_everything_once(
        self, customers: CustomerRepository, make_customer: Make, filters: Document
    ) -> None:
        # Many of one moment, so that pages end between equals; some match by two names.
        shared: Document = {"tags": ("vip", "new"), "phones": phones("+442079460958")}
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

    def test_a_deleted_one_is_in_no_list(
        self, customers: CustomerRepository, make_customer: Make, now: datetime
    ) -> None:
        customer = make_customer(
            external_id="1",
            emails=emails("lee@example.com"),
            phones=phones("+442079460958"),
            tags=("vip",),
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
            {"q": "lee"},
        )
        assert [customers.search(one, after=None, limit=9).items for one in filters] == [[]] * 8


class TestSetPurchases:
    def test_only_where_nobody_did_since(
        self, customers: CustomerRepository, make_customer: Make
    ) -> None:
        customer = make_customer()
        customers.add(customer)
        bought = {**NO_PURCHASES, "orders": 1}

        outcomes = [customers.set_purchases(customer.id, bought, revision=0) for _ in range(2)]

        assert outcomes == [True, False]
        assert customers.get(customer.id)["purchases"] == bought
        assert customers.revisions([customer.id, new_id()]) == {customer.id: 1}


class TestLedger:
    def test_keeps_the_newest_state_of_an_order(self, ledger: LedgerRepository) -> None:
        id, buyer = new_id(), new_id()

        for version in (2, 1, 3, 2):
            ledger.record([row(buyer, _id=id, version=version, status=f"status {version}")])

        stored = list(ledger.collection.find({}))
        assert [(one["version"], one["status"]) for one in stored] == [(3, "status 3")]

    def test_adds_up_to_the_last_digit(self, ledger: LedgerRepository) -> None:
        buyer, other = new_id(), new_id()
        day = datetime(2025, 1, 1, tzinfo=UTC)
        ledger.record(
            [
                row(buyer, total="0.001", placed_at=day + timedelta(days=2)),
                row(buyer, total="0.1", placed_at=day + timedelta(days=1)),
                row(buyer, total="0.2", placed_at=day + timedelta(days=3)),
                row(buyer, total="-0.05", kind="return", placed_at=day),
                row(buyer, total="999999999999.999999", currency="EUR", placed_at=day),
                row(buyer, total="0.000001", currency="EUR", placed_at=day + timedelta(days=9)),
                row(buyer, total="50", currency="USD", status="cancelled", placed_at=day),
                row(other, total="7"),
            ]
        )

        bought = ledger.purchases([buyer])[buyer]

        assert (bought["orders"], bought["returns"]) == (5, 1)
        assert [(one["currency"], one["amount"].to_decimal()) for one in bought["totals"]] == [
            ("EUR", Decimal("1000000000000.000000")),
            ("GBP", Decimal("0.251")),
        ]
        assert (bought["first_order_at"], bought["last_order_at"]) == (day, day + timedelta(days=9))

    def test_a_return_alone_has_no_first_order(self, ledger: LedgerRepository) -> None:
        buyer = new_id()
        ledger.record([row(buyer, kind="return", total="-5")])

        bought = ledger.purchases([buyer])[buyer]

        assert (bought["orders"], bought["returns"]) == (0, 1)
        assert (bought["first_order_at"], bought["last_order_at"]) == (None, None)

    def test_of_somebody_who_bought_nothing_is_empty(self, ledger: LedgerRepository) -> None:
        buyer = new_id()

        assert ledger.purchases([buyer]) == {buyer: NO_PURCHASES}


def registered(customer: Customer) -> CustomerRegistered:
    return CustomerRegistered(customer_id=customer.id, name=customer.display_name, **ENVELOPE)


def emails(*addresses: str) -> tuple[Email, ...]:
    return tuple(Email(address=address) for address in addresses)


def phones(*numbers: str) -> tuple[Phone, ...]:
    return tuple(Phone(number=number) for number in numbers)


def fill(customers: CustomerRepository, people: list[Customer]) -> None:
    customers.collection.insert_many([{**to_document(one), "outbox": []} for one in people])


def walk(customers: CustomerRepository, filters: Document, *, limit: int) -> list[str]:
    found: list[str] = []
    after: list[Any] | None = None
    while True:
        page = customers.search(dict(filters), after=after, limit=limit)
        found += [one["_id"] for one in page.items]
        assert len(page.items) <= limit
        if page.next is None:
            return found
        after = page.next


def row(buyer: str, *, total: str = "1.00", **fields: Any) -> Document:
    return {
        "_id": new_id(),
        "customer_id": buyer,
        "kind": "sale",
        "status": "placed",
        "total": Decimal128(total),
        "currency": "GBP",
        "placed_at": datetime(2025, 6, 1, tzinfo=UTC),
        "version": 1,
    } | fields
