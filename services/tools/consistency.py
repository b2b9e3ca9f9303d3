"""Checks each service's copies against their source documents.

Reads databases at rest: while events are on their way, services differ and are right to. Of a
database as of one moment, an event that still waits explains a difference; nothing else does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from bson import Decimal128
from pymongo.database import Database

from services.customers.repository.ledger import LedgerRepository
from shared.document import Document
from shared.messaging.inbox import DEAD_LETTERS

Databases = Callable[[str], Database[Document]]
"""The database of a service."""

EXAMPLES = 5
_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The copies that `subscriber` keeps of another service's documents, under the same ids."""

    sender: str
    source: str
    subscriber: str
    collection: str
    expected: Callable[[Document], Document | None]
    """The copy of a document once all events have been handled; None if none is kept."""


def _ledger_entry(order: Document) -> Document | None:
    if order["customer_id"] is None:
        return None
    names = ("customer_id", "kind", "status", "total", "currency", "placed_at", "version")
    return {name: order[name] for name in names}


def _customer_copy(customer: Document) -> Document:
    return {"deleted": "deleted_at" in customer, "version": customer["version"]}


def _staff_copy(user: Document) -> Document:
    return {name: user[name] for name in ("role", "active", "version")}


COPIES = (
    Copies(
        sender="orders",
        source="orders",
        subscriber="customers",
        collection="ledger",
        expected=_ledger_entry,
    ),
    Copies(
        sender="customers",
        source="customers",
        subscriber="orders",
        collection="customer_cards",
        expected=_customer_copy,
    ),
    Copies(
        sender="accounts",
        source="users",
        subscriber="customers",
        collection="staff",
        expected=_staff_copy,
    ),
)


def differences(base: Databases) -> Iterator[str]:
    """Sentences, one for every way in which the services do not agree."""
    yield from _sentence("name customers that no service knows", "orders", _strangers(base))
    for copies in COPIES:
        what = f"{copies.sender}.{copies.source}"
        kept = f"{copies.subscriber}.{copies.collection}"
        yield from _sentence(
            f"are not in {kept} as they are, and no waiting event explains it",
            what,
            _unlike(base, copies),
        )
        yield from _sentence(f"are in {kept}, but not there", what, _orphans(base, copies))
    yield from _sentence(
        "have purchases that are not what their ledger says, and no waiting event explains it",
        "customers.customers",
        _miscounted(base),
    )


def _sentence(fact: str, of: str, ids: Iterable[str]) -> Iterator[str]:
    """One sentence for all ids, if there are any."""
    found: list[str] = []
    count = 0
    for id in ids:
        count += 1
        found = [*found, id][:EXAMPLES]
    if count:
        more = ", …" if count > len(found) else ""
        yield f"{of}: {count} {fact}: {', '.join(found)}{more}."


def _strangers(base: Databases) -> Iterator[str]:
    """Customers named by orders, without a document, a tombstone or the copy of a deleted one."""
    orders = (
        base("orders")
        .orders.find({"customer_id": {"$type": "string"}}, {"customer_id": 1, "_id": 0})
        .sort("customer_id", 1)
        .allow_disk_use(True)
    )
    known = _by_id(base("customers").customers, {"_id": 1})
    gone = _by_id(base("orders").customer_cards, {"_id": 1}, {"deleted": True})
    named = ({"_id": id} for id in _distinct(order["customer_id"] for order in orders))
    missing = ({"_id": id} for id, named_one, one in merged(named, known) if named_one and not one)
    return (id for id, missing_one, copy in merged(missing, gone) if missing_one and not copy)


def _unlike(base: Databases, copies: Copies) -> Iterator[str]:
    dead_lettered = _dead_lettered(base, copies)
    for id, document, copy in _pairs(base, copies):
        expected = None if document is None else copies.expected(document)
        if document is None or expected is None or _same(expected, copy):
            continue
        is_older = copy is None or copy["version"] < expected["version"]
        said = _waiting_versions(document, copies.subscriber) | dead_lettered.get(id, set())
        if not (is_older and expected["version"] in said):
            yield id


def _orphans(base: Databases, copies: Copies) -> Iterator[str]:
    """Copies of documents that are not there, or that nobody should keep a copy of."""
    for id, document, copy in _pairs(base, copies):
        if copy is not None and (document is None or copies.expected(document) is None):
            yield id


def _miscounted(base: Databases) -> Iterator[str]:
    """Customers whose purchases are not what their ledger comes to, and no event is on its way."""
    ledger = LedgerRepository(base("customers"))
    excused = _with_waiting_orders(base)
    live = base("customers").customers.find({"deleted_at": None}, {"purchases": 1})
    for batch in _batches(live):
        counted = ledger.purchases([customer["_id"] for customer in batch])
        for customer in batch:
            id = customer["_id"]
            if id not in excused and not _same(counted[id], customer["purchases"]):
                yield id


def _with_waiting_orders(base: Databases) -> set[str]:
    """The customers of orders with an event that waits to be handled or was dead-lettered."""
    waiting = base("orders").orders.find(
        {"outbox.to": "customers"},
        {"customer_id": 1},
    )
    dead_lettered = base("customers")[DEAD_LETTERS.name].find(
        {"delivery.sender": "orders"}, {"delivery.data.customer_id": 1}
    )
    return {order["customer_id"] for order in waiting} | {
        letter["delivery"].get("data", {}).get("customer_id") for letter in dead_lettered
    }


def _pairs(
    base: Databases, copies: Copies
) -> Iterator[tuple[str, Document | None, Document | None]]:
    return merged(
        _by_id(base(copies.sender)[copies.source]),
        _by_id(base(copies.subscriber)[copies.collection]),
    )


def _dead_lettered(base: Databases, copies: Copies) -> dict[str, set[int | None]]:
    """Versions of documents whose events were dead-lettered, by id."""
    found: dict[str, set[int | None]] = {}
    letters = base(copies.subscriber)[DEAD_LETTERS.name].find(
        {"delivery.sender": copies.sender, "delivery.collection": copies.source}
    )
    for letter in letters:
        delivery = letter["delivery"]
        # What could not even be read has no data.
        found.setdefault(delivery["document_id"], set()).add(
            delivery.get("data", {}).get("version")
        )
    return found


def _waiting_versions(document: Document, subscriber: str) -> set[int]:
    return {entry["data"]["version"] for entry in document["outbox"] if entry["to"] == subscriber}


def _same(expected: Document, found: Document | None) -> bool:
    return found is not None and all(
        _plain(found.get(name)) == _plain(value) for name, value in expected.items()
    )


def _plain(value: Any) -> Any:
    """A value that equals another of the same worth: 1.50 and 1.5 are two to MongoDB's type."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def merged(
    left: Iterable[Document], right: Iterable[Document]
) -> Iterator[tuple[str, Document | None, Document | None]]:
    """Two streams in the order of their `_id`s as one of pairs, each with one or both of them.

    Neither is ever held in memory as a whole.
    """
    lefts, rights = iter(left), iter(right)
    one, other = next(lefts, None), next(rights, None)
    while one is not None or other is not None:
        id = min(document["_id"] for document in (one, other) if document is not None)
        mine = one if one is not None and one["_id"] == id else None
        yours = other if other is not None and other["_id"] == id else None
        yield id, mine, yours
        one = one if mine is None else next(lefts, None)
        other = other if yours is None else next(rights, None)


def _by_id(
    collection: Any, fields: Document | None = None, where: Document | None = None
) -> Iterator[Document]:
    found: Iterator[Document] = collection.find(where or {}, fields).sort("_id", 1)
    return found


def _distinct(ordered: Iterable[str]) -> Iterator[str]:
    return (one for one, _ in groupby(ordered))


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    left = iter(documents)
    while batch := list(islice(left, _AT_ONCE)):
        yield batch
