"""Operations on journals: log, correct and read entries, and note what events report.

Knows neither HTTP nor MongoDB.
"""

from collections.abc import Sequence
from datetime import datetime

from services.customers.model import journal_entries
from services.customers.model.customers import NoSuchCustomer
from services.customers.model.journal import API, Entry, logged, refuse_correction
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.auth.caller import Caller
from shared.document import Document
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    OrderState,
)
from shared.events.event import Event
from shared.idempotency import CreationRequest
from shared.identifiers import new_id
from shared.messaging.dead_letters import DeadLetters

VALUED = (CustomerDetailsChanged, ConsentChanged)
"""The events that hold values of a customer; they never leave the database."""


def log(
    customers: CustomerRepository,
    journal: JournalRepository,
    customer_id: str,
    details: Document,
    *,
    caller: Caller,
    now: datetime,
    request: CreationRequest | None = None,
) -> Document:
    """Log a note, a call, an e-mail or a meeting, or a correction of one.

    :raises NoSuchCustomer: there is none, or they were deleted.
    :raises HappenedInFuture: it is said to have happened later than now.
    :raises NotCorrectable: it corrects something that staff did not log for this customer.
    """
    try:
        _refuse_deleted(customers, customer_id)
    except NoSuchCustomer:
        # The customer may have been deleted after the same request had logged the entry.
        repeated = journal.first_answer(request)
        if repeated is None:
            raise
        return repeated
    entry = logged(
        id=new_id(),
        customer_id=customer_id,
        now=now,
        actor={"id": caller.id, "role": caller.role},
        source=caller.via or API,
        **details,
    )
    if entry.corrects is not None:
        refuse_correction(journal.find({"_id": entry.corrects, "customer_id": customer_id}))
    return journal.add(entry, request=request)


def refuse_reading(customers: CustomerRepository, customer_id: str, *, caller: Caller) -> None:
    """Check that the caller may read a customer's journal.

    It outlives the customer, but only admins may read it then.

    :raises NoSuchCustomer: there is none, or they were deleted and the caller is no admin.
    """
    if caller.role == "admin":
        customers.is_live(customer_id)
    else:
        _refuse_deleted(customers, customer_id)


def note_customers(
    journal: JournalRepository, events: Sequence[journal_entries.CustomerEvent]
) -> None:
    """Note in the journals of customers that they were added, changed or deleted."""
    journal.add_all([entry for event in events for entry in journal_entries.of_customer(event)])


def note_deletions(
    journal: JournalRepository, letters: DeadLetters, events: Sequence[CustomerDeleted]
) -> None:
    """Note in the journals of customers that they were deleted, and keep no event with values."""
    for event in events:
        letters.forget_values(event.customer_id, VALUED)
    note_customers(journal, events)


def forget_values_of_deleted(
    customers: CustomerRepository, letters: DeadLetters, event: Event
) -> None:
    """Keep no dead-lettered event with values of a customer who was deleted meanwhile."""
    if isinstance(event, VALUED) and not customers.is_live(event.customer_id):
        letters.forget_values(event.customer_id, VALUED)


def note_consents(journal: JournalRepository, events: Sequence[ConsentChanged]) -> None:
    """Note in the journals of customers what they agreed to, or no longer agree to."""
    journal.add_all([entry for event in events for entry in journal_entries.of_consents(event)])


def note_orders(journal: JournalRepository, events: Sequence[OrderState]) -> None:
    """Note in the journals of those who ordered what became of their orders.

    Guest orders belong to nobody. Orders that came with an import also say that it touched their
    customers.
    """
    found: dict[str, Entry] = {}
    for event in events:
        if event.customer_id is None:
            continue
        entry = journal_entries.of_order(event, event.customer_id)
        found[entry.id] = entry
        if event.batch is not None:
            happened_at = datetime.fromisoformat(event.occurred_at)
            touched = journal_entries.imported(
                event.batch, event.customer_id, happened_at, actor=event.actor
            )
            found.setdefault(touched.id, touched)
    journal.add_all(list(found.values()))


def _refuse_deleted(customers: CustomerRepository, customer_id: str) -> None:
    if not customers.is_live(customer_id):
        raise NoSuchCustomer("There is no customer with this id.")
