"""Some clients at once, and whether all is as they were told."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

from shared.document import Document
from tests.faults.books import Base, amount
from tests.faults.clients import Client, Memory, Order, Shop


class Crowd:
    """Some clients, each in a thread of its own."""

    def __init__(self, shop: Shop, *, seed: int, size: int = 3, pause: float = 0.03) -> None:
        chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
        self.clients = [
            Client(
                shop,
                name=f"{seed}-{number}",
                chance=Random(chance.random()),  # noqa: S311
                pause=pause,
            )
            for number in range(size)
        ]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Everybody works meanwhile, and ends what they are at."""
        stop = threading.Event()
        with ThreadPoolExecutor(len(self.clients)) as pool:
            work: list[Future[None]] = [pool.submit(one.work, stop) for one in self.clients]
            try:
                yield
            finally:
                stop.set()
        for each in work:
            each.result()

    @property
    def answers(self) -> list[tuple[float, float, int]]:
        """Every request: when it was sent, how long it took, its status (0: no answer)."""
        return [answer for one in self.clients for answer in one.memory.answers]

    def orders(self) -> int:
        """How many orders were answered 2xx."""
        return sum(len(one.memory.orders) for one in self.clients)

    def findings(self, base: Base) -> Iterator[str]:
        """A sentence for everything that is not as somebody was told."""
        stored: dict[str, list[Document]] = defaultdict(list)
        for order in base("orders").orders.find():
            stored[order["lines"][0]["sku"]].append(order)
        people = {one["_id"]: one for one in base("customers").customers.find()}
        for client in self.clients:
            yield from client.memory.findings
            yield from _untrue(client.memory, stored, people)
        told = sum(len(one.memory.people) for one in self.clients)
        if told != len(people):
            yield f"{told} customers were registered, and {len(people)} are there."
        known = {mark for one in self.clients for mark in _marks(one.memory)}
        strangers = stored.keys() - known
        if strangers:
            yield f"Orders that nobody placed: {sorted(strangers)[:5]}."


def _untrue(
    memory: Memory, stored: dict[str, list[Document]], people: dict[str, Document]
) -> Iterator[str]:
    for person in memory.people:
        if people.get(person.id, {}).get("external_id") != person.mark:
            yield f"Customer {person.mark} was registered and is not there."
    for order in memory.orders:
        yield from _not_as_told(order, stored.get(order.mark, []))
    there = [mark for mark in memory.refused if mark in stored]
    twice = [mark for mark in memory.unknown if len(stored.get(mark, [])) > 1]
    yield from (f"Order {mark} was refused, and is there." for mark in there)
    yield from (f"Order {mark} is there more than once." for mark in twice)


def _not_as_told(order: Order, stored: list[Document]) -> Iterator[str]:
    found = [
        (one["_id"], one["status"], one["version"], amount(one["total"]), one["customer_id"])
        for one in stored
    ]
    told = order.id, order.status, order.version, order.total, order.customer_id
    if found != [told]:
        yield f"Order {order.mark} has to be {told}, and is {found}."


def _marks(memory: Memory) -> Iterator[str]:
    yield from memory.unknown
    yield from (order.mark for order in memory.orders)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def result(answers: list[tuple[float, float, int]]) -> dict[str, Any]:
    """Figures of some requests."""
    took = [seconds for _, seconds, _ in answers]
    return {
        "requests": len(answers),
        "p50 ms": round(percentile(took, 0.5) * 1_000, 1),
        "p99 ms": round(percentile(took, 0.99) * 1_000, 1),
        "longest s": round(max(took, default=0.0), 2),
    }
