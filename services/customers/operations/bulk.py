"""Registration of many customers in one call. Knows neither HTTP nor MongoDB."""

from collections.abc import Sequence
from datetime import datetime

from services.customers.model import journal_entries
from services.customers.model.customers import Customer, NotRecognisable
from services.customers.operations.customers import arrival
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.document import Document
from shared.errors import FieldError, Refusal
from shared.events.event import NOBODY, Provenance
from shared.identifiers import new_id


def register_many(
    customers: CustomerRepository,
    entries: Sequence[Document | Refusal],
    *,
    journal: JournalRepository,
    now: datetime,
    batch: str,
    origin: Provenance = NOBODY,
) -> list[Document]:
    """Add those of `entries` that are not there yet; one outcome for each, in their order.

    A customer is there already if one has the entry's external id, or, for an entry without one,
    its first e-mail address; it is left as it is. What the same `batch` added before counts as
    added, so that a batch may be sent again. An entry may be a refusal already. The journals of
    those who are left as they are note that the batch named them.
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
            if isinstance(one, Customer) and _identity_key(one) not in self._meant:
                self._claim({"_id": one.id}, one.external_id, one.email_keys)
                new.append(one)
        return new

    def note(self, customer: Customer, result: str | Refusal, meanwhile: "_Known") -> None:
        """Take in what became of a new one, for its own outcome and those of others like it.

        If somebody added the same one between our look and our write (`meanwhile`), it is there,
        and that is fine.
        """
        row = self._meant[_identity_key(customer)]
        if not isinstance(result, Refusal):
            row["added"] = True
        elif _identity_key(customer) in meanwhile._meant:
            row["_id"] = meanwhile._meant[_identity_key(customer)]["_id"]
        else:
            row["refusal"] = result

    def outcome(self, customer: Customer, *, batch: str) -> Document:
        """The outcome of an entry. Only the first of several alike can have been created."""
        row = self._meant[_identity_key(customer)]
        if "refusal" in row:
            return _refused(row["refusal"])
        created = (row.get("added") or row.get("batch") == batch) and row[
            "_id"
        ] not in self._answered
        self._answered.add(row["_id"])
        return {"status": "created" if created else "unchanged", "id": row["_id"]}

    def _claim(self, row: Document, external_id: str | None, emails: Sequence[str]) -> None:
        keys = [f"email:{key}" for key in emails]
        if external_id:
            keys.append(f"id:{external_id}")
        for key in keys:
            self._meant.setdefault(key, row)


def _identity_key(customer: Customer) -> str:
    """The key a customer is known by: the external id or, without one, the first e-mail address."""
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
