"""HTTP routes for activity on the shop's website: parse, call one operation, render."""

from flask import Response

from services.customers.operations import activity as operations
from services.customers.routes.context import context
from services.customers.schemas.activity import (
    ActivitySchema,
    IdentificationSchema,
    ViewSchema,
    VisitorSchema,
)
from shared import clock
from shared.auth.middleware import allow, origin
from shared.document import Document
from shared.web import bulk, responses
from shared.web.bodies import body_limit
from shared.web.parsing import ApiBlueprint

MAX_ACTIVITY_BODY_BYTES = 8 * 1024 * 1024

blueprint = ApiBlueprint(
    "activity",
    __name__,
    url_prefix="/v1",
    description="What is looked at on the shop's website, and who its visitors are.",
)


@blueprint.post("/activity")
@allow("sales", "admin")
@body_limit(MAX_ACTIVITY_BODY_BYTES)
@blueprint.arguments(ActivitySchema)
@blueprint.answers(200, bulk.BulkAnswerSchema)
def record_activity(payload: Document) -> Response:
    """Record up to 1,000 views of the shop's website, with one result for each.

    Views of a customer go to their journal. Views of a visitor are kept for 90 days, and go to the
    journal of the customer who the visitor turns out to be. A view of both says who the visitor is.
    """
    views = bulk.load_entries(ViewSchema(), payload["entries"])
    return bulk.answer(
        operations.record(
            context().activity, views, batch=payload["batch"], now=clock.now(), origin=origin()
        )
    )


@blueprint.put("/visitors/<visitor_id>")
@allow("sales", "admin")
@blueprint.arguments(IdentificationSchema)
@blueprint.answers(200, VisitorSchema)
@blueprint.refuses(409)
def identify_visitor(payload: Document, visitor_id: str) -> Response:
    """Identify a visitor as a customer; what they looked at before goes to that journal.

    409 if they are another customer already, whose id the refusal names.
    """
    return responses.entity(
        operations.identify(
            context().activity, visitor_id, payload["customer_id"], now=clock.now(), origin=origin()
        )
    )


@blueprint.get("/visitors/<visitor_id>")
@allow("sales", "admin")
@blueprint.answers(200, VisitorSchema)
def get_visitor(visitor_id: str) -> Response:
    """Show which customer a visitor is."""
    return responses.entity(context().activity.visitors.get(visitor_id))
