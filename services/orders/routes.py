"""HTTP routes of orders: parse, call one operation, render."""

from flask import Response, current_app

from services.orders import operations
from services.orders.bootstrap import OrdersContext
from services.orders.schemas import (
    BulkOrdersSchema,
    NewOrderEntrySchema,
    NewOrderSchema,
    OrderPageSchema,
    OrderQuerySchema,
    OrderSchema,
)
from shared import clock
from shared.auth.middleware import allow, caller, origin
from shared.document import Document
from shared.idempotency import creation_request
from shared.web import bulk, responses
from shared.web.bodies import body_limit
from shared.web.parsing import ApiBlueprint, idempotency_key
from shared.web.preconditions import on_named_version

# 10,000 lines, each with a full description, are more than the usual limit.
MAX_ORDER_BODY_BYTES = 8 * 1024 * 1024

blueprint = ApiBlueprint(
    "orders", __name__, url_prefix="/v1/orders", description="What was sold and what came back."
)


def _context() -> OrdersContext:
    context: OrdersContext = current_app.extensions["orders"]
    return context


@blueprint.post("")
@allow("sales", "admin")
@body_limit(MAX_ORDER_BODY_BYTES)
@blueprint.arguments(NewOrderSchema)
@blueprint.answers(201, OrderSchema)
@blueprint.documents_creation()
@blueprint.refuses(409)
def place_order(payload: Document) -> Response:
    """Record an order or a return.

    409 if its source has another order with its number; the refusal names that order's id. A new
    order is `placed`, unless it is history that had got further before it was recorded here.
    """
    request = creation_request(idempotency_key(), caller_id=caller().id, payload=payload)
    order = operations.place(
        _context().orders,
        _context().lookup,
        payload,
        now=clock.now(),
        request=request,
        origin=origin(),
    )
    return responses.entity(order, status=201, location=f"orders/{order['_id']}")


@blueprint.post("/bulk")
@allow("sales", "admin")
@body_limit(bulk.MAX_BULK_BODY_BYTES)
@blueprint.arguments(BulkOrdersSchema)
@blueprint.answers(200, bulk.BulkAnswerSchema)
def place_orders(payload: Document) -> Response:
    """Record up to 1,000 orders in one call, with one result for each.

    An order whose source and number are known already is left as it is: `unchanged` if it says the
    same, refused if it says something else.
    """
    entries = bulk.load_entries(NewOrderEntrySchema(), payload["entries"])
    return bulk.answer(
        operations.place_many(
            _context().orders,
            _context().lookup,
            entries,
            now=clock.now(),
            batch=payload["batch"],
            origin=origin(),
        )
    )


@blueprint.get("")
@allow("sales", "admin")
@blueprint.arguments(OrderQuerySchema, location="query")
@blueprint.answers(200, OrderPageSchema)
def search_orders(query: Document) -> Response:
    """List orders, those placed last first; with `number`, in the order of their sources."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = _context().orders.search(query, after=responses.position(query, cursor), limit=limit)
    return responses.page(found, filters=query)


@blueprint.get("/<id>")
@allow("sales", "admin")
@blueprint.answers(200, OrderSchema)
def get_order(id: str) -> Response:
    """Show one order."""
    return responses.entity(_context().orders.get(id))


@blueprint.post("/<id>/pay")
@allow("sales", "admin")
@blueprint.answers(200, OrderSchema)
@blueprint.documents_precondition()
@blueprint.refuses(409)
def pay_order(id: str) -> Response:
    """Note that a placed order was paid. 409 from anywhere else, saying which steps are open."""
    return _take_step(id, "pay")


@blueprint.post("/<id>/ship")
@allow("sales", "admin")
@blueprint.answers(200, OrderSchema)
@blueprint.documents_precondition()
@blueprint.refuses(409)
def ship_order(id: str) -> Response:
    """Note that a paid order left the shop. 409 from anywhere else, saying which steps are open."""
    return _take_step(id, "ship")


@blueprint.post("/<id>/deliver")
@allow("sales", "admin")
@blueprint.answers(200, OrderSchema)
@blueprint.documents_precondition()
@blueprint.refuses(409)
def deliver_order(id: str) -> Response:
    """Note that a shipped order arrived. 409 from anywhere else, saying which steps are open."""
    return _take_step(id, "deliver")


@blueprint.post("/<id>/cancel")
@allow("sales", "admin")
@blueprint.answers(200, OrderSchema)
@blueprint.documents_precondition()
@blueprint.refuses(409)
def cancel_order(id: str) -> Response:
    """Call off a placed or paid order. 409 from anywhere else, saying which steps are open."""
    return _take_step(id, "cancel")


def _take_step(id: str, step: str) -> Response:
    orders = _context().orders
    return responses.entity(
        on_named_version(
            lambda: orders.get(id),
            lambda version: operations.take_step(
                orders, id, step, version=version, now=clock.now(), origin=origin()
            ),
        )
    )
