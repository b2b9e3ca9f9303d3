"""Customers as they are written and read, on the real server."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from services.customers.model.customers import (
    Customer,
    Email,
    EmailTaken,
    ExternalIdTaken,
    NoSuchCustomer,
)
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import NO_PURCHASES
from services.customers.repository.mapping import to_customer
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
        assert [(entry["to"], entry["name"]) for entry in stored["outbox"]] == [
            ("orders", "CustomerRegistered"),
            ("customers", "CustomerRegistered"),
        ]
        assert stored["outbox"][0]["data"] == asdict(registered(customer))

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
        names = ("\u00b4", "\u0301", "ﷺ" * 100)

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
            [(one, [registered(one)]) for one in (clashing, new, same)], batch="one"
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
            CustomerChanged(customer_id=customer.id, **ENVELOPE),
        )

        stored = customers.collection.find_one({"_id": customer.id}) or {}
        assert (saved["last_name"], saved["version"]) == ("Ng", 2)
        assert [entry["name"] for entry in stored["outbox"]] == [
            "CustomerRegistered",
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
        assert stored.keys() == {"_id", "deleted_at", "version", "schema_version", "outbox"}
        assert [entry["name"] for entry in stored["outbox"]] == [
            "CustomerRegistered",
            "CustomerRegistered",
            "CustomerDeleted",
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


def registered(customer: Customer) -> CustomerRegistered:
    return CustomerRegistered(customer_id=customer.id, **ENVELOPE)


def emails(*addresses: str) -> tuple[Email, ...]:
    return tuple(Email(address=address) for address in addresses)
