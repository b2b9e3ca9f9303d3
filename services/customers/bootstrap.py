"""Repositories of customers, made once for app, worker, tools and tests."""

from dataclasses import dataclass

from pymongo.database import Database

from services.customers import PUBLISHES
from services.customers.operations.activity import ActivityRepositories
from services.customers.repository.activity import ViewRepository, VisitorRepository
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.repository.ledger import LedgerRepository
from services.customers.repository.staff import StaffRepository
from shared.document import Document
from shared.messaging.dead_letters import DeadLetters


@dataclass(frozen=True, kw_only=True)
class CustomersContext:
    """The repositories of customers."""

    customers: CustomerRepository
    journal: JournalRepository
    ledger: LedgerRepository
    staff: StaffRepository
    letters: DeadLetters
    activity: ActivityRepositories
    """Those among them, and more, that take what the shop's website reports."""


def create_context(database: Database[Document]) -> CustomersContext:
    """The repositories of customers on this database."""
    customers, journal = CustomerRepository(database, PUBLISHES), JournalRepository(database)
    return CustomersContext(
        customers=customers,
        journal=journal,
        ledger=LedgerRepository(database),
        staff=StaffRepository(database),
        letters=DeadLetters(database, "customers"),
        activity=ActivityRepositories(
            customers=customers,
            journal=journal,
            views=ViewRepository(database),
            visitors=VisitorRepository(database, PUBLISHES),
        ),
    )
