"""What staff can do with customers: one function for each verb. Knows neither HTTP nor MongoDB."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.customers.model import Customer, EmailTaken, ExternalIdTaken, email_key
from services.customers.repository import CustomerRepository, to_customer
from shared.errors import FieldError, Refusal, Stale
from shared.events.contracts import CustomerChanged, CustomerDeleted, CustomerRegistered
from shared.idempotency import CreationRequest
from shared.identifiers import new_id

Document = dict[str, Any]


def register(
    customers: CustomerRepository,
    details: Document,
    *,
    now: datetime,
    request: CreationRequest | None = None,
) -> Document:
    """Add a customer and tell the other services.

    :raises NotIdentifiable: nothing in `details` says who this is.
    :raises EmailTaken: an address belongs to another customer.
    :raises ExternalIdTaken: the external id belongs to another customer.
    """
    customer = Customer.new(id=new_id(), now=now, **details)
    return customers.add(customer, _registered(customer), request=request)


def register_many(
    customers: CustomerRepository,
    entries: Sequence[Document | Refusal],
    *,
    now: datetime,
    batch: str,
) -> list[Document]:
    """Add those of `entries` that are not there yet; one outcome for each, in their order.

    A customer is there already if one has the entry's external id, or, for an entry without one,
    its first e-mail address; it is left as it is. What the same `batch` added before counts as
    added, so that a batch may be sent again. An entry may be a refusal already.
    """
    outcomes: list[Document | None] = [None] * len(entries)
    new: list[tuple[int, Customer]] = []
    known = _Known(customers, [entry for entry in entries if not isinstance(entry, Refusal)])
    for index, entry in enumerate(entries):
        try:
            customer = _new_customer(entry, now)
            match = known.match(customer)
            if match is None:
                new.append((index, customer))
                known.claim(customer)
            else:
                outcomes[index] = _there(match, batch)
        except Refusal as refusal:
            outcomes[index] = {"status": "refused", "refusal": refusal}
    _add_new(customers, new, outcomes, batch)
    return [outcome for outcome in outcomes if outcome is not None]


def change(
    customers: CustomerRepository, id: str, changes: Document, *, version: int, now: datetime
) -> Document:
    """Change the given fields of a customer, if it still has `version`.

    :raises NoSuchCustomer: there is none.
    :raises Stale: it has another version by now.
    """
    customer = to_customer(customers.get(id))
    _refuse_stale(customer.version, version)
    changed = customer.changed(now=now, **changes)
    event = CustomerChanged(
        customer_id=id, name=changed.display_name, version=version + 1, occurred_at=now.isoformat()
    )
    return customers.save(changed, event)


def delete(customers: CustomerRepository, id: str, *, version: int, now: datetime) -> None:
    """Delete a customer, if it still has `version`; its addresses are free for others at once.

    :raises NoSuchCustomer: there is none.
    :raises Stale: it has another version by now.
    """
    _refuse_stale(customers.get(id)["version"], version)
    event = CustomerDeleted(customer_id=id, version=version + 1, occurred_at=now.isoformat())
    customers.delete(id, event, version=version, now=now)


class _Known:
    """The customers that entries of one call may mean, those earlier in the call included."""

    def __init__(self, customers: CustomerRepository, entries: Sequence[Document]) -> None:
        found = customers.find_matches(
            external_ids={entry["external_id"] for entry in entries if entry.get("external_id")},
            emails={
                email_key(email.address) for entry in entries for email in entry.get("emails", ())
            },
        )
        self._by_external_id = {one["external_id"]: one for one in found if one["external_id"]}
        self._by_email = {key: one for one in found for key in one["keys"]["emails"]}

    def match(self, customer: Customer) -> Document | None:
        """The customer that is meant, or None for a new one."""
        if customer.external_id:
            return self._by_external_id.get(customer.external_id)
        return self._by_email.get(customer.email_keys[0]) if customer.emails else None

    def claim(self, customer: Customer) -> None:
        """Let later entries of the same call find this one."""
        row = {"_id": customer.id, "external_id": customer.external_id, "here": True}
        if customer.external_id:
            self._by_external_id[customer.external_id] = row
        for key in customer.email_keys:
            self._by_email.setdefault(key, row)


def _add_new(
    customers: CustomerRepository,
    new: list[tuple[int, Customer]],
    outcomes: list[Document | None],
    batch: str,
) -> None:
    results = customers.add_many(
        [(customer, _registered(customer)) for _, customer in new], batch=batch
    )
    for (index, customer), result in zip(new, results, strict=True):
        if isinstance(result, Refusal):
            outcomes[index] = _lost_race(customer, result)
        else:
            outcomes[index] = {"status": "created", "id": result}


def _lost_race(customer: Customer, refusal: Refusal) -> Document:
    """Somebody added the same one between our look and our write.

    Then it is there, and that is fine.
    """
    meant = ExternalIdTaken if customer.external_id else EmailTaken
    error: FieldError | None = next(iter(refusal.errors), None)
    if isinstance(refusal, meant) and error is not None and error.holder is not None:
        return {"status": "unchanged", "id": error.holder}
    return {"status": "refused", "refusal": refusal}


def _there(match: Document, batch: str) -> Document:
    repeated = match.get("batch") == batch and not match.get("here")
    return {"status": "created" if repeated else "unchanged", "id": match["_id"]}


def _new_customer(entry: Document | Refusal, now: datetime) -> Customer:
    if isinstance(entry, Refusal):
        raise entry
    return Customer.new(id=new_id(), now=now, **entry)


def _registered(customer: Customer) -> CustomerRegistered:
    return CustomerRegistered(
        customer_id=customer.id,
        name=customer.display_name,
        version=customer.version,
        occurred_at=customer.created_at.isoformat(),
    )


def _refuse_stale(current: int, expected: int) -> None:
    if current != expected:
        raise Stale("Someone else changed this first; reload it and try again.")
