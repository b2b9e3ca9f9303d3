"""Operations on customers: one function for each verb. Knows neither HTTP nor MongoDB."""

from datetime import datetime

from services.customers.model.customers import Customer
from services.customers.model.journal import consents, differences
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.mapping import to_customer, to_document
from shared.document import Document
from shared.errors import Stale
from shared.events.contracts import (
    ConsentChanged,
    CustomerChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    CustomerRestated,
)
from shared.events.event import NOBODY, Event, Provenance
from shared.idempotency import CreationRequest
from shared.identifiers import new_id

# Stored fields that staff do not give.
_KEPT = (
    "_id",
    "keys",
    "purchases",
    "revision",
    "created_at",
    "updated_at",
    "version",
    "schema_version",
)


def register(
    customers: CustomerRepository,
    details: Document,
    *,
    now: datetime,
    request: CreationRequest | None = None,
    origin: Provenance = NOBODY,
) -> Document:
    """Add a customer and publish it.

    :raises NotIdentifiable: nothing in `details` says who this is.
    :raises EmailTaken: an address belongs to another customer.
    :raises ExternalIdTaken: the external id belongs to another customer.
    :raises CustomerDeletedSince: whom the same `request` added before was deleted.
    """
    customer = Customer.new(id=new_id(), now=now, **details)
    return customers.add(customer, *arrival(customer, origin), request=request)


def change(
    customers: CustomerRepository,
    id: str,
    changes: Document,
    *,
    version: int,
    now: datetime,
    origin: Provenance = NOBODY,
) -> Document:
    """Change the given fields of a customer, if it still has `version`.

    :raises NoSuchCustomer: there is none.
    :raises Stale: it has another version by now.
    """
    customer = to_customer(customers.get(id))
    _refuse_stale(customer.version, version)
    changed = customer.changed(now=now, **changes)
    said: Document = {"customer_id": id, "version": version + 1, "occurred_at": now.isoformat()}
    events: list[Event] = [CustomerChanged(**said, **origin)]
    if found := differences(_details(customer), _details(changed)):
        events.append(CustomerDetailsChanged(**said, changes=found, **origin))
    if said_of := consents(customer.channels, changed.channels):
        events.append(ConsentChanged(**said, consents=said_of, **origin))
    return customers.save(changed, *events)


def delete(
    customers: CustomerRepository,
    id: str,
    *,
    version: int,
    now: datetime,
    origin: Provenance = NOBODY,
) -> None:
    """Delete a customer, if it still has `version`; its addresses are free for others at once.

    :raises NoSuchCustomer: there is none.
    :raises Stale: it has another version by now.
    """
    _refuse_stale(customers.get(id)["version"], version)
    event = CustomerDeleted(
        customer_id=id, version=version + 1, occurred_at=now.isoformat(), **origin
    )
    customers.delete(id, event, version=version, now=now)


def arrival(customer: Customer, origin: Provenance) -> list[CustomerRegistered | ConsentChanged]:
    """The events of a new customer."""
    said: Document = {
        "customer_id": customer.id,
        "version": customer.version,
        "occurred_at": customer.created_at.isoformat(),
    }
    events: list[CustomerRegistered | ConsentChanged] = [CustomerRegistered(**said, **origin)]
    if found := consents({}, customer.channels):
        events.append(ConsentChanged(**said, consents=found, **origin))
    return events


def republished(customer: Document, now: datetime) -> CustomerRestated:
    """The event that publishes the state of a customer again, deleted ones included."""
    return CustomerRestated(
        customer_id=customer["_id"],
        deleted="deleted_at" in customer,
        version=customer["version"],
        occurred_at=now.isoformat(),
    )


def _details(customer: Customer) -> Document:
    """The details that staff give of a customer, as plain values."""
    return {name: value for name, value in to_document(customer).items() if name not in _KEPT}


def _refuse_stale(current: int, expected: int) -> None:
    if current != expected:
        raise Stale("Someone else changed this first; reload it and try again.")
