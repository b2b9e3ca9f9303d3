"""What happens when several add the same customers, seen step by step on the real server."""

from collections.abc import Callable, Iterable
from datetime import datetime

import pytest
from pymongo.database import Database

from services.customers import PUBLISHES
from services.customers.model.customers import Customer, Email, EmailTaken
from services.customers.operations import bulk
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.document import Document

Make = Callable[..., Customer]


class Overtaken(CustomerRepository):
    """Customers among whom somebody else adds one, right after we have looked who is there."""

    rival: Customer | None = None

    def find_matches(self, *, external_ids: Iterable[str], emails: Iterable[str]) -> list[Document]:
        """Look, and be overtaken."""
        found = super().find_matches(external_ids=external_ids, emails=emails)
        if self.rival is not None:
            self.add(self.rival)
            self.rival = None
        return found


class TestRegisterMany:
    def test_is_overtaken_by_the_same_customer(
        self, customers: Overtaken, make_customer: Make, now: datetime, journal: JournalRepository
    ) -> None:
        entry = {"external_id": "1", "emails": emails("lee@example.com", "a.lee@example.com")}
        rival = customers.rival = make_customer(**entry)

        outcomes = bulk.register_many(
            customers, [entry, entry], journal=journal, now=now, batch="one"
        )

        assert outcomes == [{"status": "unchanged", "id": rival.id}] * 2

    def test_is_overtaken_by_another_with_its_address(
        self, customers: Overtaken, make_customer: Make, now: datetime, journal: JournalRepository
    ) -> None:
        customers.rival = make_customer(external_id="2", emails=emails("lee@example.com"))
        entry = {"external_id": "1", "emails": emails("lee@example.com")}

        (outcome,) = bulk.register_many(customers, [entry], journal=journal, now=now, batch="one")

        assert outcome["status"] == "refused"
        assert isinstance(outcome["refusal"], EmailTaken)

    def test_knows_a_customer_without_external_id_by_the_first_address(
        self, customers: Overtaken, make_customer: Make, now: datetime, journal: JournalRepository
    ) -> None:
        holder = make_customer(emails=emails("lee@example.com"))
        customers.add(holder)
        first = {"emails": emails("LEE@example.com", "other@example.com")}
        second = {"emails": emails("another@example.com", "lee@example.com")}

        outcomes = bulk.register_many(
            customers, [first, second], journal=journal, now=now, batch="one"
        )

        assert outcomes[0] == {"status": "unchanged", "id": holder.id}
        assert isinstance(outcomes[1]["refusal"], EmailTaken)


def emails(*addresses: str) -> tuple[Email, ...]:
    return tuple(Email(address=address) for address in addresses)


@pytest.fixture
def customers(database: Database[Document]) -> Overtaken:
    """The customers, with room for a rival."""
    return Overtaken(database, PUBLISHES)
