"""Checks that nothing was lost and nothing counted twice, once all has come to rest.

Computed from the orders, by rules of its own, so that a mistake in the product's own
arithmetic is seen as well.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from pymongo.database import Database

from services import registry
from services.tools import consistency
from shared.document import Document
from shared.messaging.inbox import DEAD_LETTERS

Base = Callable[[str], Database[Document]]

SENDERS = {"customers": "customers", "orders": "orders"}
"""The services whose events are looked at, and the collection in which those arise."""


class Lost(AssertionError):
    """The books do not balance: something was lost, or counted twice."""


def check(base: Base, *, also: Iterable[str] = ()) -> None:
    """Make sure that the books balance and that there is nothing to say in `also`.

    :raises Lost: they do not; it says in which ways.
    """
    found = [*also, *findings(base)]
    if found:
        raise Lost("\n".join(found[:20]))


def findings(base: Base) -> Iterator[str]:
    """A sentence for each way in which something was lost or counted twice."""
    yield from _still_waiting(base)
    yield from _put_aside(base)
    yield from consistency.differences(base)
    yield from _unhandled(base)
    yield from _unbalanced(base)
    yield from _wrong_purchases(base)
    yield from _wrong_journal(base)


def waiting(base: Base) -> int:
    """The number of documents with events that were not confirmed yet."""
    return sum(
        base(service)[each].count_documents({"outbox.0": {"$exists": True}})
        for service, name in SENDERS.items()
        for each in (name, DEAD_LETTERS.name)
    )


def amount(value: Any) -> Decimal:
    """A stored amount as a number."""
    result: Decimal = value.to_decimal()
    return result


def _still_waiting(base: Base) -> Iterator[str]:
    for service, name in SENDERS.items():
        count = base(service)[name].count_documents({"outbox.0": {"$exists": True}})
        if count:
            yield f"{service}: the events of {count} documents are still not confirmed."


def _put_aside(base: Base) -> Iterator[str]:
    for service in SENDERS:
        for letter in base(service).dead_letters.find():
            name = letter["delivery"].get("name")
            yield f"{service}: {name} {letter['_id']} was dead-lettered: {letter['error']}."


def _unhandled(base: Base) -> Iterator[str]:
    """Every change is an event, and each of its subscribers has to have done it exactly once."""
    expected: dict[str, int] = defaultdict(int)
    for service, name in SENDERS.items():
        changes = sum(document["version"] for document in base(service)[name].find())
        sends = registry.publishes(service)
        for subscriber in {
            subscriber for subscribers in sends.values() for subscriber in subscribers
        }:
            expected[subscriber] += changes
    for subscriber, count in expected.items():
        done = base(subscriber).inbox.count_documents({"done_at": {"$exists": True}})
        if done != count:
            yield f"{subscriber}: {done} events were handled, and {count} changes were made."


def _unbalanced(base: Base) -> Iterator[str]:
    """The sum of the ledger is the sum of the orders that belong to somebody."""
    orders = sum(
        (amount(order["total"]) for order in base("orders").orders.find(_SOMEBODYS)), Decimal(0)
    )
    ledger = sum((amount(entry["total"]) for entry in base("customers").ledger.find()), Decimal(0))
    if orders != ledger:
        yield f"The orders come to {orders}, the ledger to {ledger}."


def _wrong_purchases(base: Base) -> Iterator[str]:
    bought: dict[str, dict[str, Any]] = defaultdict(_nothing)
    for order in base("orders").orders.find({**_SOMEBODYS, "status": {"$ne": "cancelled"}}):
        account = bought[order["customer_id"]]
        account["orders" if order["kind"] == "sale" else "returns"] += 1
        account["totals"][order["currency"]] += amount(order["total"])
    for customer in base("customers").customers.find({"deleted_at": None}):
        stored = customer["purchases"]
        found = {
            "orders": stored["orders"],
            "returns": stored["returns"],
            "totals": {each["currency"]: amount(each["amount"]) for each in stored["totals"]},
        }
        if found != bought[customer["_id"]]:
            yield f"Customer {customer['_id']} has {found}, but bought {bought[customer['_id']]}."


def _wrong_journal(base: Base) -> Iterator[str]:
    """Every version of an order and of a customer has one entry in the customer's journal."""
    expected = {
        f"order:{order['_id']}:{version}"
        for order in base("orders").orders.find(_SOMEBODYS)
        for version in range(1, order["version"] + 1)
    } | {
        f"customer:{customer['_id']}:{version}"
        for customer in base("customers").customers.find()
        for version in range(1, customer["version"] + 1)
    }
    found = {entry["_id"] for entry in base("customers").journal.find({}, {"_id": 1})}
    if found != expected:
        missing, extra = sorted(expected - found), sorted(found - expected)
        yield (
            f"The journal lacks {len(missing)} entries and has {len(extra)} that say nothing new: "
            f"{missing[:3]}, {extra[:3]}."
        )


def _nothing() -> dict[str, Any]:
    return {"orders": 0, "returns": 0, "totals": defaultdict(Decimal)}


_SOMEBODYS: Document = {"customer_id": {"$type": "string"}}
