"""What can be done with a journal: log, correct, read. Knows neither HTTP nor MongoDB."""

from datetime import datetime

from services.customers.model.customers import NoSuchCustomer
from services.customers.model.journal import API, logged, refuse_correction
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.auth.caller import Caller
from shared.document import Document
from shared.idempotency import CreationRequest
from shared.identifiers import new_id


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


def _refuse_deleted(customers: CustomerRepository, customer_id: str) -> None:
    if not customers.is_live(customer_id):
        raise NoSuchCustomer("There is no customer with this id.")
