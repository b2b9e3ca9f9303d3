"""Journal entries of events: one function for each kind, from event to entry. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.customers.model.journal import API, IMPORT, VIEW_KINDS, WEBSITE, Entry, digest
from shared.document import Document
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderShipped,
    OrderState,
)
from shared.events.event import Event

# The kind of an order's event in the journal, and what it did. Others report a new order.
_STEPS: dict[type[OrderState], tuple[str, str]] = {
    OrderPaid: ("order_paid", "was paid"),
    OrderShipped: ("order_shipped", "left the shop"),
    OrderDelivered: ("order_delivered", "arrived"),
    OrderCancelled: ("order_cancelled", "was called off"),
}
_MAX_NAME_LENGTH = 200


CustomerEvent = CustomerRegistered | CustomerDetailsChanged | CustomerDeleted


def of_customer(event: CustomerEvent) -> Sequence[Entry]:
    """A customer was added, changed or deleted.

    What was known of them is said of a change alone: the rest goes when they do.
    """
    kind, summary, data = "customer_deleted", "Deleted as a customer.", {}
    if isinstance(event, CustomerRegistered):
        kind, summary = "customer_created", "Registered as a customer."
    if isinstance(event, CustomerDetailsChanged):
        names = ", ".join(change["field"] for change in event.changes)
        kind, summary, data = "customer_changed", f"Changed: {names}.", {"changes": event.changes}
    id = f"customer:{event.customer_id}:{event.version}"
    return [_entry(event, event.customer_id, id, kind, summary, data)]


def of_consents(event: ConsentChanged) -> Sequence[Entry]:
    """A customer agreed or refused to be contacted: one entry for each channel."""
    return [
        _entry(
            event,
            event.customer_id,
            f"consent:{event.customer_id}:{event.version}:{one['channel']}",
            "consent_given" if one["after"] else "consent_withdrawn",
            f"{'May' if one['after'] else 'May not'} be contacted by {one['channel']}.",
            one,
        )
        for one in event.consents
    ]


def of_order(event: OrderState, customer_id: str) -> Entry:
    """An order was placed or took a step, or goods came back."""
    kind, summary = _step(event)
    is_step = type(event) in _STEPS
    names = ("order_id", "number", "source", "status", "total", "currency")
    return Entry(
        # Each version of an order is published once.
        id=f"order:{event.order_id}:{event.version}",
        customer_id=customer_id,
        at=datetime.fromisoformat(event.occurred_at if is_step else event.placed_at),
        kind=kind,
        actor=event.actor,
        source=source_of(event),
        summary=summary,
        data={name: getattr(event, name) for name in names} | _batch(event),
    )


def imported(batch: str, customer_id: str, event_at: datetime, **by: Any) -> Entry:
    """An import touched a customer: one entry for each import, at the time of its first event."""
    return Entry(
        id=f"import:{customer_id}:{digest(batch)}",
        customer_id=customer_id,
        at=event_at,
        kind="imported",
        source=IMPORT,
        summary=f"Was in the import {batch}.",
        data={"batch": batch},
        **by,
    )


def viewed(customer_id: str, view: Document) -> Entry:
    """A page or product was looked at on the shop's website."""
    names = {"page": ("title", "url"), "product": ("title", "sku")}[view["kind"]]
    what = next(view[name] for name in names if view.get(name))[:_MAX_NAME_LENGTH]
    fields = ("url", "title", "sku", "visitor_id", "batch")
    return Entry(
        id=view["_id"],
        customer_id=customer_id,
        at=view["at"],
        kind=VIEW_KINDS[view["kind"]],
        source=WEBSITE,
        summary=f"Looked at the {view['kind']} {what}.",
        data={name: view[name] for name in fields if view.get(name) is not None},
    )


def source_of(event: Event) -> str:
    """The way by which an event came: an import, the service that acted, or a call of the API."""
    return IMPORT if event.batch else event.via or API


def _step(event: OrderState) -> tuple[str, str]:
    if type(event) in _STEPS:
        kind, did = _STEPS[type(event)]
        return kind, f"Order {event.number} {did}."
    if event.kind == "return":
        return "order_returned", f"Return {event.number}, {event.total} {event.currency}."
    return "order_placed", f"Order {event.number}, {event.total} {event.currency}."


def _entry(
    event: Event, customer_id: str, id: str, kind: str, summary: str, data: Document
) -> Entry:
    return Entry(
        id=id,
        customer_id=customer_id,
        at=datetime.fromisoformat(event.occurred_at),
        kind=kind,
        actor=event.actor,
        source=source_of(event),
        summary=summary,
        data=data | _batch(event),
    )


def _batch(event: Event) -> Document:
    return {} if event.batch is None else {"batch": event.batch}
