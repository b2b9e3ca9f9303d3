"""People who use the shop over HTTP, and remember what they were told.

What was answered 2xx has happened, what was answered 4xx has not, and of anything else nobody
knows. Most of that is asked again under the same Idempotency-Key; some is left as it is.
"""

import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Protocol

import requests

from shared.document import Document

PATIENCE = 90.0
"""Seconds in which somebody asks again, before that counts as a finding."""
MAX_LENGTH = 15.0
"""Seconds that no request may take."""
STEPS = {"placed": ("pay", "cancel"), "paid": ("ship", "cancel"), "shipped": ("deliver",)}
AFTER = {"pay": "paid", "cancel": "cancelled", "ship": "shipped", "deliver": "delivered"}


class Shop(Protocol):
    """Where people go."""

    def url(self, service: str) -> str:
        """Where a service answers."""

    def token(self) -> str:
        """What shows who they are."""


@dataclass
class Person:
    """A customer, as they were registered."""

    mark: str
    id: str = ""


@dataclass
class Order:
    """An order, as it has to be."""

    mark: str
    total: Decimal
    customer_id: str | None
    id: str = ""
    status: str = "placed"
    version: int = 1


@dataclass
class Memory:
    """What a client was told."""

    people: list[Person] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Marks of orders of which nobody knows whether they were placed."""
    answers: list[tuple[float, float, int]] = field(default_factory=list)
    """When each request was sent, how long it took, and its status, or 0 without an answer."""
    findings: list[str] = field(default_factory=list)
    """What nobody should have been told."""


class Client:
    """One person at a till."""

    def __init__(self, shop: Shop, *, name: str, chance: Random, pause: float) -> None:
        self._shop = shop
        self._name = name
        self._chance = chance
        self._pause = pause
        self._session = requests.Session()
        self._session.trust_env = False
        self._count = 0
        self.memory = Memory()

    def work(self, stop: threading.Event) -> None:
        """Use the shop until told to stop."""
        with self._session:
            while not stop.wait(self._pause):
                self.act()

    def act(self) -> None:
        """Do one thing."""
        dice = self._chance.random()
        open_orders = [order for order in self.memory.orders[-30:] if order.status in STEPS]
        if dice < 0.1 or not self.memory.people:
            self.register()
        elif dice < 0.4 and open_orders:
            self.take_step(self._chance.choice(open_orders))
        elif dice < 0.45:
            self.ask_for_nonsense()
        else:
            self.place()

    def register(self) -> None:
        """A new customer."""
        mark = self._mark()
        body = {"last_name": "Client", "external_id": mark}
        answer = self._insist("customers", "/v1/customers", body, key=mark)
        if answer is not None and self._expect(answer, 201, "a new customer"):
            self.memory.people.append(Person(mark, answer.json()["id"]))

    def place(self) -> None:
        """A new order or return, of one of our customers or of a guest."""
        chance = self._chance
        mark = self._mark()
        person = chance.choice(self.memory.people) if chance.random() < 0.9 else None
        customer_id = person.id if person else None
        is_sale = chance.random() < 0.85
        quantity = chance.randrange(1, 9) * (1 if is_sale else -1)
        price = Decimal(chance.randrange(1, 10_000)) / 100
        body = {
            "kind": "sale" if is_sale else "return",
            "customer_id": customer_id,
            "currency": chance.choice(["EUR", "GBP"]),
            "lines": [{"sku": mark, "quantity": quantity, "unit_price": str(price)}],
        }
        # Some people do not ask again.
        answer = self._insist("orders", "/v1/orders", body, key=mark, once=chance.random() < 0.1)
        if answer is None:
            self.memory.unknown.append(mark)
        elif self._expect(answer, 201, "an order"):
            order = Order(mark, price * quantity, customer_id, answer.json()["id"])
            self.memory.orders.append(order)

    def take_step(self, order: Order) -> None:
        """One of our orders gets further. Nobody else touches it, so its version is ours."""
        step = self._chance.choice(STEPS[order.status])
        path = f"/v1/orders/{order.id}/{step}"
        answer = self._insist("orders", path, None, version=order.version)
        if answer is not None and answer.status_code == requests.codes.precondition_failed:
            # It came to pass at an earlier try, whose answer was lost.
            answer = self._insist("orders", f"/v1/orders/{order.id}", None, method="GET")
        if answer is None or not self._expect(answer, 200, f"to {step} an order"):
            return
        order.version, order.status = order.version + 1, AFTER[step]
        told = answer.json()["status"], answer.headers["ETag"]
        if told != (order.status, f'"{order.version}"'):
            self.memory.findings.append(f"To {step} order {order.id} made it {told}.")

    def ask_for_nonsense(self) -> None:
        """An order that has to be refused, and may not be there afterwards."""
        mark = self._mark()
        line = {"sku": mark, "quantity": -1, "unit_price": "1"}
        body = {"customer_id": None, "currency": "EUR", "lines": [line]}
        answer = self._insist("orders", "/v1/orders", body, key=mark)
        if answer is not None and self._expect(answer, 422, "nonsense"):
            self.memory.refused.append(mark)

    def _mark(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    def _insist(
        self,
        service: str,
        path: str,
        body: Document | None,
        *,
        method: str = "POST",
        key: str = "",
        version: int = 0,
        once: bool = False,
    ) -> requests.Response | None:
        """Ask until there is an answer; None if nobody knows."""
        headers = {"Idempotency-Key": key} if key else {}
        if version:
            headers["If-Match"] = f'"{version}"'
        began = time.monotonic()
        while True:
            answer = self._ask(method, self._shop.url(service) + path, body, headers)
            if answer is not None and answer.status_code < 500:
                return answer
            if once:
                return None
            if time.monotonic() - began > PATIENCE:
                self.memory.findings.append(f"{method} {path} got no answer in {PATIENCE:g} s.")
                return None
            time.sleep(0.1)

    def _ask(
        self, method: str, url: str, body: Document | None, headers: dict[str, str]
    ) -> requests.Response | None:
        headers = {**headers, "Authorization": f"Bearer {self._shop.token()}"}
        began = time.monotonic()
        try:
            answer = self._session.request(method, url, json=body, headers=headers, timeout=60)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            # No answer, or half of one: a process was killed.
            answer = None
        took = time.monotonic() - began
        self.memory.answers.append((began, took, 0 if answer is None else answer.status_code))
        if took > MAX_LENGTH:
            self.memory.findings.append(f"{method} {url} took {took:.1f} s.")
        if answer is not None and answer.status_code >= 500:
            self._judge(answer)
        return answer

    def _judge(self, answer: requests.Response) -> None:
        if answer.status_code != requests.codes.unavailable or "Retry-After" not in answer.headers:
            self.memory.findings.append(f"An answer was {answer.status_code}: {answer.text[:200]}")

    def _expect(self, answer: requests.Response, status: int, what: str) -> bool:
        if answer.status_code == status:
            return True
        self.memory.findings.append(
            f"{what} was answered {answer.status_code}: {answer.text[:200]}"
        )
        return False
