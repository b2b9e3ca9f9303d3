"""Customers in the form before today's, to see what becomes of them."""

from collections.abc import Iterator
from itertools import cycle

from services.customers.repository.mapping import to_document
from services.tools.sample import people
from services.tools.sample.plan import Plan
from shared.document import Document

PREFERENCES: tuple[Document, ...] = (
    {"newsletter": True, "sms": False, "likes_tea": True, "language": "en"},
    {"contact_by_email": False, "newsletter": True, "size": 38},
    {"language": "de"},
    {},
)
"""What they say of themselves, one after the other."""


def as_before(document: Document, **changes: object) -> Document:
    """A customer, who says the same of everything else, in the first form."""
    new = {"channels", "interests", "schema_version"}
    return {name: value for name, value in document.items() if name not in new} | changes


def old_customers(plan: Plan) -> Iterator[Document]:
    """The customers of a generated shop, as they lay in the database before."""
    said = cycle(PREFERENCES)
    for numbers in plan.chunks(plan.customers):
        for customer in people.customers(plan, numbers):
            document = {**to_document(customer), "outbox": []}
            yield as_before(document, preferences=next(said))
