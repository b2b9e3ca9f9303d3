"""Operations on orders: one function for each verb. Knows neither HTTP nor MongoDB."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from services.orders.customer_lookup import CustomerLookup
from services.orders.model import Order, OrderNumberTaken, status_after
from services.orders.repository.copies import CustomerCopyRepository
from services.orders.repository.orders import Number, OrderRepository, number_taken
from shared.document import Document
from shared.errors import Refusal, Stale
from shared.events.contracts import (
    CustomerDeleted,
    CustomerRestated,
    CustomerState,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRestated,
    OrderShipped,
    OrderState,
)
from shared.events.event import NOBODY, Provenance
from shared.idempotency import CreationRequest
from shared.identifiers import new_id

CustomerEvent = CustomerState | CustomerDeleted | CustomerRestated

_EVENTS: dict[str, type[OrderState]] = {
    "pay": OrderPaid,
    "ship": OrderShipped,
    "deliver": OrderDelivered,
    "cancel": OrderCancelled,
}


def place(
    orders: OrderRepository,
    lookup: CustomerLookup,
    details: Document,
    *,
    now: datetime,
    request: CreationRequest | None = None,
    origin: Provenance = NOBODY,
) -> Document:
    """Record an order or a return and publish it.

    :raises Invalid: it breaks a rule of orders; or its customer does not exist, or was deleted.
    :raises OrderNumberTaken: the source has an order with this number.
    """
    order = Order.place(id=new_id(), now=now, **details)
    try:
        lookup.refuse_unknown(order.customer_id)
    except Refusal:
        # The customer may have been deleted after the same request had placed the order.
        repeated = orders.first_answer(request)
        if repeated is None:
            raise
        return repeated
    return orders.add(order, placed(order, origin), request=request)


def place_many(
    orders: OrderRepository,
    lookup: CustomerLookup,
    entries: Sequence[Document | Refusal],
    *,
    now: datetime,
    batch: str,
    origin: Provenance = NOBODY,
) -> list[Document]:
    """Record those of `entries` that are not there yet; one outcome for each, in their order.

    An order is there already if its source has one with its number that says the same; it is left
    as it is, however far it has got by now. If that one says something else, the entry is refused.
    What the same `batch` added before counts as added, so that a batch may be sent again. An entry
    may be a refusal already.
    """
    made = [_make(entry, now) for entry in entries]
    known = orders.find_numbers(_number(order) for order in made if isinstance(order, Order))
    new = [order for order in made if isinstance(order, Order) and _number(order) not in known]
    unknown = lookup.refusals(order.customer_id for order in new if order.customer_id)
    addable = [order for order in new if order.customer_id not in unknown]
    first = {_number(order): order for order in reversed(addable)}
    alike = {_content(order): order for order in reversed(made) if isinstance(order, Order)}
    added = _add(orders, list(first.values()), batch=batch, origin=origin)
    # Those that come twice in this call, and those that somebody else added meanwhile.
    late = orders.find_numbers(_number(order) for order in addable if order.id not in added)

    def outcome(order: Order | Refusal) -> Document:
        if isinstance(order, Refusal):
            return _refused(order)
        if _number(order) in known:
            repeats = alike[_content(order)] is not order
            return _there(order, known[_number(order)], batch=None if repeats else batch)
        if order.customer_id in unknown:
            return _refused(unknown[order.customer_id])
        return _added_or_late(order, added, first[_number(order)], late)

    return [outcome(order) for order in made]


def take_step(
    orders: OrderRepository,
    id: str,
    step: str,
    *,
    version: int,
    now: datetime,
    origin: Provenance = NOBODY,
) -> Document:
    """Take an order one step (pay, ship, deliver or cancel) further, if it still has `version`.

    :raises NoSuchOrder: there is none.
    :raises Stale: it has another version by now.
    :raises WrongStep: it is not at a point from which this step can be taken.
    """
    order = orders.get(id)
    if order["version"] != version:
        raise Stale("Someone else changed this first; reload it and try again.")
    status = status_after(step, order["status"])
    event = _EVENTS[step](
        **_state({**order, "status": status}, total=order["total"].to_decimal()),
        version=version + 1,
        occurred_at=now.isoformat(),
        **origin,
    )
    return orders.change(id, {"status": status, "updated_at": now}, event, version=version)


def placed(order: Order, origin: Provenance) -> OrderPlaced:
    """The event of a new order."""
    details = {
        name: getattr(order, name)
        for name in ("number", "source", "customer_id", "kind", "status", "currency", "placed_at")
    }
    return OrderPlaced(
        **_state({"_id": order.id, **details}, total=order.total),
        version=order.version,
        occurred_at=order.updated_at.isoformat(),
        **origin,
    )


def republished(order: Document, now: datetime) -> OrderRestated:
    """The event that publishes the state of an order again."""
    return OrderRestated(
        **_state(order, total=order["total"].to_decimal()),
        version=order["version"],
        occurred_at=now.isoformat(),
    )


def keep_copies(copies: CustomerCopyRepository, events: Sequence[CustomerEvent]) -> None:
    """Keep a copy of each customer, so that an order need not ask another service.

    It says nothing of them but whether they were deleted, so that no order can be placed for them.
    """
    copies.keep([_copy(event) for event in events])


def _make(entry: Document | Refusal, now: datetime) -> Order | Refusal:
    if isinstance(entry, Refusal):
        return entry
    try:
        return Order.place(id=new_id(), now=now, **entry)
    except Refusal as refusal:
        return refusal


def _add(
    orders: OrderRepository, new: Sequence[Order], *, batch: str, origin: Provenance
) -> dict[str, Refusal | None]:
    """Add orders of different numbers; by id None or the refusal, without those that came late."""
    by: Provenance = {**origin, "batch": batch}
    results = orders.add_many([(order, placed(order, by)) for order in new], batch=batch)
    return {
        order.id: result
        for order, result in zip(new, results, strict=True)
        if not isinstance(result, OrderNumberTaken)
    }


def _added_or_late(
    order: Order, added: dict[str, Refusal | None], first: Order, late: dict[Number, Document]
) -> Document:
    """The outcome of an order that was new when we looked."""
    if order.id in added:
        refusal = added[order.id]
        return _refused(refusal) if refusal else {"status": "created", "id": order.id}
    if _number(order) in late:
        return _there(order, late[_number(order)], batch=None)
    # It has the number of an earlier entry, which was refused.
    return _refused(added.get(first.id) or number_taken(order, holder=None))


def _there(order: Order, row: Document, *, batch: str | None) -> Document:
    if row["fingerprint"] != order.fingerprint:
        return _refused(number_taken(order, holder=row["_id"]))
    repeated = batch is not None and row.get("batch") == batch
    return {"status": "created" if repeated else "unchanged", "id": row["_id"]}


def _copy(event: CustomerEvent) -> Document:
    deleted = isinstance(event, CustomerDeleted)
    if isinstance(event, CustomerRestated):
        deleted = event.deleted
    return {
        "_id": event.customer_id,
        "deleted": deleted,
        "version": event.version,
    }


def _refused(refusal: Refusal) -> Document:
    return {"status": "refused", "refusal": refusal}


def _number(order: Order) -> Number:
    return order.number, order.source


def _content(order: Order) -> tuple[Number, str]:
    return _number(order), order.fingerprint


def _state(order: Document, *, total: Decimal) -> Document:
    """An order's fields as events carry them."""
    names = ("number", "source", "customer_id", "kind", "status", "currency")
    return {
        **{name: order[name] for name in names},
        "order_id": order["_id"],
        "total": f"{total:f}",
        "placed_at": order["placed_at"].isoformat(),
    }
