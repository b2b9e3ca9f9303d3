"""HTTP routes of customers: parse, call one operation, render."""

from flask import Response

from services.customers.operations import customers as operations
from services.customers.operations.bulk import register_many
from services.customers.routes.context import context
from services.customers.schemas.customers import (
    BulkCustomersSchema,
    CustomerChangesSchema,
    CustomerPageSchema,
    CustomerQuerySchema,
    CustomerSchema,
    NewCustomerSchema,
)
from shared import clock
from shared.auth.middleware import allow, caller, origin
from shared.document import Document
from shared.idempotency import creation_request
from shared.web import bulk, responses
from shared.web.bodies import body_limit
from shared.web.parsing import ApiBlueprint, idempotency_key
from shared.web.preconditions import on_named_version

blueprint = ApiBlueprint(
    "customers",
    __name__,
    url_prefix="/v1/customers",
    description="The people and companies the shop sells to.",
)


@blueprint.post("")
@allow("sales", "admin")
@blueprint.arguments(NewCustomerSchema)
@blueprint.answers(201, CustomerSchema)
@blueprint.documents_creation()
@blueprint.refuses(409)
def register_customer(payload: Document) -> Response:
    """Register a customer.

    409 if an e-mail address or the external id belongs to another customer; the refusal names
    the field and that customer's id. 409 as well if the customer whom the same Idempotency-Key
    registered was deleted since: they do not come back by accident.
    """
    request = creation_request(idempotency_key(), caller_id=caller().id, payload=payload)
    customer = operations.register(
        context().customers, payload, now=clock.now(), request=request, origin=origin()
    )
    return responses.entity(customer, status=201, location=f"customers/{customer['_id']}")


@blueprint.post("/bulk")
@allow("sales", "admin")
@body_limit(bulk.MAX_BULK_BODY_BYTES)
@blueprint.arguments(BulkCustomersSchema)
@blueprint.answers(200, bulk.BulkAnswerSchema)
def register_customers(payload: Document) -> Response:
    """Register up to 1,000 customers in one call, with one result for each.

    A customer whose external id (or, without one, first e-mail address) is known already is left
    as it is: `unchanged`.
    """
    entries = bulk.load_entries(NewCustomerSchema(), payload["entries"])
    return bulk.answer(
        register_many(
            context().customers,
            entries,
            journal=context().journal,
            now=clock.now(),
            batch=payload["batch"],
            origin=origin(),
        )
    )


@blueprint.get("")
@allow("sales", "admin")
@blueprint.arguments(CustomerQuerySchema, location="query")
@blueprint.answers(200, CustomerPageSchema)
def search_customers(query: Document) -> Response:
    """List customers, newest first; with `q` alone or with a tag, in the order of their names."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = context().customers.search(query, after=responses.position(query, cursor), limit=limit)
    return responses.page(found, filters=query)


@blueprint.get("/<id>")
@allow("sales", "admin")
@blueprint.answers(200, CustomerSchema)
def get_customer(id: str) -> Response:
    """Show one customer, with what they have bought."""
    return responses.entity(context().customers.get(id))


@blueprint.patch("/<id>")
@allow("sales", "admin")
@blueprint.arguments(CustomerChangesSchema)
@blueprint.answers(200, CustomerSchema)
@blueprint.documents_precondition()
@blueprint.refuses(409)
def change_customer(payload: Document, id: str) -> Response:
    """Change some fields of a customer."""
    customers = context().customers
    return responses.entity(
        on_named_version(
            lambda: customers.get(id),
            lambda version: operations.change(
                customers, id, payload, version=version, now=clock.now(), origin=origin()
            ),
        )
    )


@blueprint.delete("/<id>")
@allow("admin")
@blueprint.answers(204)
@blueprint.documents_precondition()
def delete_customer(id: str) -> Response:
    """Delete a customer. What they bought stays in the order book, without their name."""
    customers = context().customers
    on_named_version(
        lambda: customers.get(id),
        lambda version: operations.delete(
            customers, id, version=version, now=clock.now(), origin=origin()
        ),
    )
    return Response(status=204)
