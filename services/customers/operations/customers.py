"""What staff can do with customers: one function for each verb. Knows neither HTTP nor MongoDB."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.customers.model import journal_entries
from services.customers.model.customers import Customer, NotRecognisable
from services.customers.model.journal import consents, differences
from services.customers.repository.customers import CustomerRepository, to_customer, to_document
from services.customers.repository.journal import JournalRepository
from shared.errors import FieldError, Refusal, Stale
from shared.events.contracts import (
    ConsentChanged,
    CustomerChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    CustomerRestated,
)
from shared.events.event import Event, Origin
from shared.idempotency import CreationRequest
from shared.identifiers import new_id

Document = dict[str, Any]

NOBODY: Origin = {}
"""The origin of what the system does by itself."""

# What a customer has besides what staff say of them.
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
    origin: Origin = NOBODY,
) -> Document:
    """Add a customer and tell the other services.

    :raises NotIdentifiable: nothing in `details` says who this is.
    :raises EmailTaken: an address belongs to another customer.
    :raises ExternalIdTaken: the external id belongs to another customer.
    :raises CustomerDeletedSince: whom the same `request` added before was deleted.
    """
    customer = Customer.new(id=new_id(), now=now, **details)
    return customers.add(customer, *arrival(customer, origin), request=request)


def register_many(
    customers: CustomerRepository,
    entries: Sequence[Document | Refusal],
    *,
    journal: JournalRepository,
    now: datetime,
    batch: str,
    origin: Origin = NOBODY,
) -> list[Document]:
    """Add those of `entries` that are not there yet; one outcome for each, in their order.

    A customer is there already if one has the entry's external id, or, for an entry without one,
    its first e-mail address; it is left as it is. What the same `batch` added before counts as
    added, so that a batch may be sent again. An entry may be a refusal already. Those who are left
    as they are get told in their journal that the batch knew them.
    """
    made = [_make(entry, now) for entry in entries]
    known = _Known(customers, [one for one in made if isinstance(one, Customer)])
    new = known.find_new(made)
    results = customers.add_many(
        [(customer, arrival(customer, {**origin, "batch": batch})) for customer in new],
        batch=batch,
    )
    lost = [one for one, result in zip(new, results, strict=True) if isinstance(result, Refusal)]
    meanwhile = _Known(customers, lost)
    for customer, result in zip(new, results, strict=True):
        known.note(customer, result, meanwhile)
    outcomes = [
        _refused(one) if isinstance(one, Refusal) else known.outcome(one, batch=batch)
        for one in made
    ]
    touched = [one["id"] for one in outcomes if one["status"] == "unchanged"]
    journal.add_all(
        [
            journal_entries.imported(batch, id, now, actor=origin.get("actor"))
            for id in dict.fromkeys(touched)
        ]
    )
    return outcomes


def change(
    customers: CustomerRepository,
    id: str,
    changes: Document,
    *,
    version: int,
    now: datetime,
    origin: Origin = NOBODY,
) -> Document:
    """Change the given fields of a customer, if it still has `version`.

    :raises NoSuchCustomer: there is none.
    :raises Stale: it has another version by now.
    """
    customer = to_customer(customers.get(id))
    _refuse_stale(customer.version, version)
    changed = customer.changed(now=now, **changes)
    said: Document = {"customer_id": id, "version": version + 1, "occurred_at": now.isoformat()}
    events: list[Event] = [CustomerChanged(**said, name=changed.display_name, **origin)]
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
    origin: Origin = NOBODY,
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


def arrival(customer: Customer, origin: Origin) -> list[CustomerRegistered | ConsentChanged]:
    """What the arrival of a customer means."""
    said: Document = {
        "customer_id": customer.id,
        "version": customer.version,
        "occurred_at": customer.created_at.isoformat(),
    }
    events: list[CustomerRegistered | ConsentChanged] = [
        CustomerRegistered(**said, name=customer.display_name, **origin)
    ]
    if found := consents({}, customer.channels):
        events.append(ConsentChanged(**said, consents=found, **origin))
    return events


def restated(customer: Document, now: datetime) -> CustomerRestated:
    """The state of a customer, told again; of a deleted one, that they are gone."""
    deleted = "deleted_at" in customer
    return CustomerRestated(
        customer_id=customer["_id"],
        name=None if deleted else to_customer(customer).display_name,
        deleted=deleted,
        version=customer["version"],
        occurred_at=now.isoformat(),
    )


class _Known:
    """The customers that the entries of one call mean: those in the database, then the new ones."""

    def __init__(self, customers: CustomerRepository, entries: Sequence[Customer]) -> None:
        found = (
            customers.find_matches(
                external_ids={one.external_id for one in entries if one.external_id},
                emails={key for one in entries for key in one.email_keys},
            )
            if entries
            else []
        )
        self._meant: dict[str, Document] = {}
        self._answered: set[str] = set()
        for row in found:
            self._claim(row, row["external_id"], row["keys"]["emails"])

    def find_new(self, made: Sequence[Customer | Refusal]) -> list[Customer]:
        """Those that nobody means yet; of several alike the first."""
        new = []
        for one in made:
            if isinstance(one, Customer) and _sign(one) not in self._meant:
                self._claim({"_id": one.id}, one.external_id, one.email_keys)
                new.append(one)
        return new

    def note(self, customer: Customer, result: str | Refusal, meanwhile: "_Known") -> None:
        """Take in what became of a new one, for its own outcome and those of others like it.

        If somebody added the same one between our look and our write (`meanwhile`), it is there,
        and that is fine.
        """
        row = self._meant[_sign(customer)]
        if not isinstance(result, Refusal):
            row["added"] = True
        elif _sign(customer) in meanwhile._meant:
            row["_id"] = meanwhile._meant[_sign(customer)]["_id"]
        else:
            row["refusal"] = result

    def outcome(self, customer: Customer, *, batch: str) -> Document:
        """What became of an entry. Only the first of several alike can have been created."""
        row = self._meant[_sign(customer)]
        if "refusal" in row:
            return _refused(row["refusal"])
        created = (row.get("added") or row.get("batch") == batch) and row[
            "_id"
        ] not in self._answered
        self._answered.add(row["_id"])
        return {"status": "created" if created else "unchanged", "id": row["_id"]}

    def _claim(self, row: Document, external_id: str | None, emails: Sequence[str]) -> None:
        signs = [f"email:{key}" for key in emails]
        if external_id:
            signs.append(f"id:{external_id}")
        for sign in signs:
            self._meant.setdefault(sign, row)


def _sign(customer: Customer) -> str:
    """What a customer is known by: the external id or, without one, the first e-mail address."""
    if customer.external_id:
        return f"id:{customer.external_id}"
    return f"email:{customer.email_keys[0]}"


def _make(entry: Document | Refusal, now: datetime) -> Customer | Refusal:
    if isinstance(entry, Refusal):
        return entry
    try:
        customer = Customer.new(id=new_id(), now=now, **entry)
    except Refusal as refusal:
        return refusal
    if not (customer.external_id or customer.emails):
        return NotRecognisable(
            "In a bulk call, a customer needs an external_id or an e-mail address, "
            "by which it is known again when the call is repeated.",
            errors=(FieldError("external_id", "This or an e-mail address is needed."),),
        )
    return customer


def _refused(refusal: Refusal) -> Document:
    return {"status": "refused", "refusal": refusal}


def _details(customer: Customer) -> Document:
    """What staff say of a customer, as plain values."""
    return {name: value for name, value in to_document(customer).items() if name not in _KEPT}


def _refuse_stale(current: int, expected: int) -> None:
    if current != expected:
        raise Stale("Someone else changed this first; reload it and try again.")
