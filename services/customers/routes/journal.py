"""HTTP routes of journals: parse, call one operation, render."""

from flask import Response

from services.customers.operations import journal as operations
from services.customers.routes.context import context
from services.customers.schemas.journal import (
    EntryPageSchema,
    EntryQuerySchema,
    EntrySchema,
    NewEntrySchema,
)
from shared import clock
from shared.auth.middleware import allow, caller
from shared.document import Document
from shared.idempotency import creation_request
from shared.web import responses
from shared.web.parsing import ApiBlueprint, idempotency_key

blueprint = ApiBlueprint(
    "journal",
    __name__,
    url_prefix="/v1/customers/<id>/journal",
    description="What happened with a customer. Entries are added, and never changed or deleted.",
)


@blueprint.get("")
@allow("sales", "admin")
@blueprint.arguments(EntryQuerySchema, location="query")
@blueprint.answers(200, EntryPageSchema)
def read_journal(query: Document, id: str) -> Response:
    """List what happened with a customer, the latest first.

    The journal of a deleted customer is for admins alone; for others there is no such customer.
    """
    operations.refuse_reading(context().customers, id, caller=caller())
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = context().journal.search(
        id, query, after=responses.position(query, cursor), limit=limit
    )
    return responses.page(found, filters=query)


@blueprint.post("")
@allow("sales", "admin")
@blueprint.arguments(NewEntrySchema)
@blueprint.answers(201, EntrySchema)
@blueprint.documents_creation()
def log_entry(payload: Document, id: str) -> Response:
    """Log a note, a call, an e-mail or a meeting.

    What was wrong in an entry is put right by another, which `corrects` it.
    """
    asked = {"customer_id": id, **payload}
    request = creation_request(idempotency_key(), caller_id=caller().id, payload=asked)
    entry = operations.log(
        context().customers,
        context().journal,
        id,
        payload,
        caller=caller(),
        now=clock.now(),
        request=request,
    )
    return responses.entity(_unchanging(entry), status=201, location=f"journal/{entry['_id']}")


@blueprint.get("/<entry_id>")
@allow("sales", "admin")
@blueprint.answers(200, EntrySchema)
def get_entry(id: str, entry_id: str) -> Response:
    """Show one entry of a customer's journal."""
    operations.refuse_reading(context().customers, id, caller=caller())
    return responses.entity(_unchanging(context().journal.get_entry(id, entry_id)))


def _unchanging(entry: Document) -> Document:
    """An entry with the only version it ever has."""
    return {**entry, "version": 1}
