"""Activity on the shop's website: views of pages and products, and visitors. Pure."""

import re
from datetime import datetime
from typing import Self

from services.customers.model.journal import digest, refuse_future
from shared.document import Document
from shared.errors import Conflict, FieldError, Invalid, NotFound, invalid

VISITOR_ID = "[A-Za-z0-9._~-]{1,100}"
"""The form of a visitor's id: what can stand in an address as it is."""
VISITOR_ID_RULE = "Use A-Z, a-z, 0-9 and ._~-, at most 100 characters."

# The field that a view of each kind needs.
_NEEDED = {"page": "url", "product": "sku"}


class NoSuchVisitor(NotFound):
    """Nobody has said which customer this visitor is."""


class VisitorTaken(Conflict):
    """This visitor is another customer."""

    @classmethod
    def by(cls, customer_id: str) -> Self:
        """The refusal that names the customer."""
        message = "This visitor is another customer; give each person a visitor id of their own."
        return cls(message, errors=(FieldError("customer_id", message, customer_id),))


class ViewerMissing(Invalid):
    """A view names neither a customer nor a visitor."""


class NothingViewed(Invalid):
    """A view names neither a page nor a product."""


def refuse_odd_visitor(id: str) -> None:
    """Check that a visitor's id is one.

    :raises Invalid: it is not.
    """
    if re.fullmatch(VISITOR_ID, id) is None:
        raise invalid("visitor_id", VISITOR_ID_RULE)


def view(entry: Document, *, batch: str, index: int, now: datetime) -> Document:
    """A view as the website reports it: entry `index` of `batch`, received at `now`.

    Its `_id` follows from the id that the website gave it, else from its place in the batch
    and its content, so that it is the same when it is sent again.

    :raises ViewerMissing: it names neither a customer nor a visitor.
    :raises NothingViewed: a page has no `url`, or a product no `sku`.
    :raises HappenedInFuture: it happened later than `now`.
    """
    if not entry.keys() & {"customer_id", "visitor_id"}:
        message = "This or the other is needed."
        raise ViewerMissing(
            "A view needs a customer_id, a visitor_id, or both.",
            errors=tuple(FieldError(name, message) for name in ("customer_id", "visitor_id")),
        )
    needed = _NEEDED[entry["kind"]]
    if needed not in entry:
        refusal = invalid(needed, f"A {entry['kind']} needs it.")
        raise NothingViewed("A view has to say of what it is.", errors=refusal.errors)
    refuse_future(entry.get("at"), now=now)
    parts = [entry["id"]] if "id" in entry else [batch, index, sorted(entry.items())]
    fields = {name: value for name, value in entry.items() if name != "id"}
    return {"at": now, **fields, "_id": f"view:{digest(*parts)}", "batch": batch}
