"""Repositories and collaborators of orders, made once for app, worker, tools and tests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pymongo.database import Database

from services.orders import PUBLISHES
from services.orders.customer_lookup import Ask, CustomerLookup, Unanswered
from services.orders.repository.copies import CustomerCopyRepository
from services.orders.repository.orders import OrderRepository
from shared.document import Document


@dataclass(frozen=True, kw_only=True)
class OrdersContext:
    """The repositories of orders, and its lookup of customers."""

    orders: OrderRepository
    copies: CustomerCopyRepository
    lookup: CustomerLookup


def ask_nobody(_ids: Sequence[str]) -> Collection[str]:
    """Asks nobody, for work that is done for no caller in whose name customers could be asked.

    :raises Unanswered: always.
    """
    raise Unanswered("no caller")


def create_context(database: Database[Document], *, ask: Ask = ask_nobody) -> OrdersContext:
    """The repositories of orders on this database.

    `ask` finds those customers who have no copy.
    """
    copies = CustomerCopyRepository(database)
    return OrdersContext(
        orders=OrderRepository(database, PUBLISHES),
        copies=copies,
        lookup=CustomerLookup(copies, ask),
    )
