"""Mapping between customers and the documents that they are stored as. Knows no query."""

from services.customers import documents
from services.customers.model.customers import Address, Customer, Email, Phone
from services.customers.model.names import name_key
from services.customers.repository.ledger import NO_PURCHASES
from shared.document import Document


def to_document(customer: Customer) -> Document:
    """A customer as it is stored, without its outbox."""
    # Not asdict(): it copies deeply, and there may be thousands in one call.
    fields = dict(vars(customer))
    fields["_id"] = fields.pop("id")
    for name in ("emails", "phones", "addresses"):
        fields[name] = [dict(vars(value)) for value in fields[name]]
    return fields | {
        "tags": list(customer.tags),
        "interests": list(customer.interests),
        "schema_version": documents.SCHEMA_VERSION,
        "keys": {
            "last_name": name_key(customer.last_name or "") or None,
            "names": customer.name_keys,
            "emails": customer.email_keys,
        },
        "purchases": NO_PURCHASES,
        "revision": 0,
    }


def to_customer(document: Document) -> Customer:
    """A customer as read by `get`."""
    details = {
        name: document[name]
        for name in (
            "external_id",
            "first_name",
            "last_name",
            "company",
            "preferences",
            "channels",
            "created_at",
            "updated_at",
            "version",
        )
    }
    return Customer(
        id=document["_id"],
        emails=tuple(Email(**email) for email in document["emails"]),
        phones=tuple(Phone(**phone) for phone in document["phones"]),
        addresses=tuple(Address(**address) for address in document["addresses"]),
        tags=tuple(document["tags"]),
        interests=tuple(document["interests"]),
        **details,
    )
