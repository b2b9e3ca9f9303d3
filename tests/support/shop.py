"""A shop that is at work: people come and go, and order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from threading import Event
from typing import Any

from pymongo import MongoClient

from services import registry
from services.customers import bootstrap as customers_bootstrap
from services.customers.model.customers import Email
from services.customers.operations import customers
from services.orders import bootstrap as orders_bootstrap
from services.orders import operations as orders
from shared.document import Document
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.settings import Settings


@dataclass
class Shop:
    """Writes as the services do when they are asked."""

    client: MongoClient[Document]
    settings: Settings
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - the same each time.
    people: list[str] = field(default_factory=list)
    placed: int = 0

    def __post_init__(self) -> None:
        owned = {
            service: service_database(self.client, self.settings, service)
            for service in registry.SERVICES
        }
        for service, base in owned.items():
            list(build(base, registry.collections(service)))
        self._customers = customers_bootstrap.create_context(owned["customers"]).customers
        context = orders_bootstrap.create_context(owned["orders"], ask=lambda ids: ids)
        self._orders, self._lookup = context.orders, context.lookup

    def register(self) -> str:
        """Somebody new."""
        number = self.chance.randrange(10**12)
        email = Email(address=f"somebody{number}@example.com")
        made = customers.register(self._customers, {"emails": (email,)}, now=datetime.now(UTC))
        self.people.append(made["_id"])
        return str(made["_id"])

    def place(self, customer_id: str | None) -> Document:
        """An order of a mug, at one price or another."""
        price = Decimal(self.chance.randrange(100, 1_000)) / 100
        line = {"sku": "MUG-01", "quantity": self.chance.randrange(1, 4), "unit_price": price}
        details: dict[str, Any] = {"customer_id": customer_id, "currency": "EUR", "lines": [line]}
        self.placed += 1
        return orders.place(self._orders, self._lookup, details, now=datetime.now(UTC))

    def step(self, order: Document, step: str) -> None:
        """Take an order one step further."""
        orders.take_step(
            self._orders, order["_id"], step, version=order["version"], now=datetime.now(UTC)
        )

    def lose(self, customer_id: str) -> None:
        """Delete a customer."""
        version = self._customers.get(customer_id)["version"]
        customers.delete(self._customers, customer_id, version=version, now=datetime.now(UTC))
        self.people.remove(customer_id)

    def contents(self) -> list[Document]:
        """All customers and all orders as they lie in the database."""
        stores = (self._customers.collection, self._orders.collection)
        return [one for store in stores for one in store.find({}).sort("_id", 1)]

    def be_busy(self, stop: Event) -> None:
        """Do all of this until told to stop."""
        while not stop.is_set():
            person = self.register()
            for _ in range(3):
                order = self.place(self.chance.choice([*self.people[-20:], None]))
                self.step(order, self.chance.choice(["pay", "cancel"]))
            if self.chance.random() < 0.1:
                self.lose(person)
