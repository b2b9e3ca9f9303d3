"""Documents of all services for the generated shop, as if its events had long been handled.

Events would be handled one by one, which takes hours for a large sample; so their results are
written along with their sources, and no event waits. A test holds both ways to the same books.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bson import Decimal128

from services.customers.model import journal_entries
from services.customers.model.customers import Customer
from services.customers.operations.customers import arrival
from services.customers.repository.journal import to_document as entry_document
from services.customers.repository.ledger import NO_PURCHASES
from services.customers.repository.mapping import to_document as customer_document
from services.orders.documents import COPY_SCHEMA_VERSION
from services.orders.model import Order
from services.orders.operations import placed
from services.orders.repository.orders import to_document as order_document
from shared.document import Document
from shared.events.contracts import ConsentChanged
from shared.events.event import Provenance

ORIGIN: Provenance = {"via": "sample"}
"""Nobody asked for all this, and it did not come over HTTP."""


@dataclass
class _Account:
    """The purchases of a customer so far."""

    orders: int = 0
    returns: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def note(self, order: Order) -> None:
        self.totals[order.currency] = self.totals.get(order.currency, Decimal(0)) + order.total
        if order.kind == "return":
            self.returns += 1
            return
        self.orders += 1
        self.first = min(self.first or order.placed_at, order.placed_at)
        self.last = max(self.last or order.placed_at, order.placed_at)


class Purchases:
    """The purchases of all customers, order by order."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = defaultdict(_Account)
        self._known: set[str] = set()

    def note(self, orders: Iterable[Order]) -> None:
        """Take in orders. Cancelled ones do not count, and guests have no account."""
        for order in orders:
            if order.customer_id is None:
                continue
            self._known.add(order.customer_id)
            if order.status != "cancelled":
                self._accounts[order.customer_id].note(order)

    def of(self, customer_id: str) -> Document:
        """The purchases of a customer."""
        account = self._accounts.get(customer_id)
        if account is None:
            return NO_PURCHASES
        return {
            "orders": account.orders,
            "returns": account.returns,
            "totals": [
                {"amount": Decimal128(amount), "currency": currency}
                for currency, amount in sorted(account.totals.items())
            ],
            "first_order_at": account.first,
            "last_order_at": account.last,
        }

    def revision(self, customer_id: str) -> int:
        """The number of times that the customer's purchases were written."""
        return int(customer_id in self._known)


def customer(one: Customer, purchases: Purchases, *, batch: str) -> Document:
    """A customer with what they have bought, for the customers' database."""
    return {
        **customer_document(one),
        "purchases": purchases.of(one.id),
        "revision": purchases.revision(one.id),
        "batch": batch,
        "outbox": [],
    }


def copy(one: Customer) -> Document:
    """The copy of a customer, for the orders' database."""
    form = {"schema_version": COPY_SCHEMA_VERSION}
    return {"_id": one.id, "deleted": False, "version": one.version, **form}


def order(one: Order, *, recorded_at: datetime, batch: str) -> Document:
    """An order, for the orders' database."""
    return {**order_document(one), "recorded_at": recorded_at, "batch": batch, "outbox": []}


def entry(one: Order) -> Document:
    """The ledger's entry of an order, for the customers' database."""
    return {
        "_id": one.id,
        "customer_id": one.customer_id,
        "kind": one.kind,
        "status": one.status,
        "total": Decimal128(one.total),
        "currency": one.currency,
        "placed_at": one.placed_at,
        "version": one.version,
    }


def arrivals(many: Iterable[Customer], *, recorded_at: datetime) -> list[Document]:
    """Journal entries of customers who came, for the customers' database."""
    told = [
        entry
        for one in many
        for event in arrival(one, ORIGIN)
        for entry in (
            journal_entries.of_consents(event)
            if isinstance(event, ConsentChanged)
            else journal_entries.of_customer(event)
        )
    ]
    return [entry_document(entry, recorded_at=recorded_at) for entry in told]


def purchases(many: Iterable[Order], *, recorded_at: datetime) -> list[Document]:
    """Journal entries of orders, for the customers' database. Guests have none."""
    return [
        entry_document(
            journal_entries.of_order(placed(one, ORIGIN), one.customer_id), recorded_at=recorded_at
        )
        for one in many
        if one.customer_id is not None
    ]
