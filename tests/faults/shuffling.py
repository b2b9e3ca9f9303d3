"""Every event handled again and again, by many workers at once, in no order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

from services.customers.worker import create_handlers
from shared.document import Document
from shared.messaging.consumer import Consumer
from tests.faults import books
from tests.faults.books import Lost
from tests.faults.line import Line, deliveries, trade

WORKERS = 8
TIMES = 10


def all_is_handled_often(line: Line, *, seed: int = 1, people: int = 4, orders: int = 12) -> int:
    """Every event is delivered ten times to eight workers, shuffled, and all once more at the end.

    The documents are those that one worker leaves behind that handles everything once, in order.
    Returns how many events there were.
    """
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    trade(line, people=people, orders=orders)
    events = deliveries(line)
    before = list(line.base("customers").customers.find())
    line.consumers["customers"].handle(events)
    calm = _contents(line)
    _forget(line, before)
    _deliver_at_once(line, _shuffled(events * TIMES, chance))
    line.consumers["customers"].handle(events)
    stormy = _contents(line)
    for name, documents in calm.items():
        if documents != stormy[name]:
            raise Lost(f"{name} is not what it is after a calm run.")
    line.settle()
    books.check(line.base)
    return len(events)


def _contents(line: Line) -> dict[str, list[Document]]:
    """All documents of customers, without what is right to differ.

    The inbox, which counts attempts and says when; the revision of purchases, which counts how
    often they were computed; when something was written down; and what waits in the outbox, which
    the run does not touch.
    """
    base = line.base("customers")
    hidden = {"revision": 0, "recorded_at": 0, "outbox": 0}
    return {
        name: list(base[name].find({}, hidden).sort("_id", 1))
        for name in base.list_collection_names()
        if name != "inbox"
    }


def _forget(line: Line, customers: Sequence[Document]) -> None:
    """Bring customers back to where it had handled nothing."""
    base = line.base("customers")
    for name in base.list_collection_names():
        base[name].delete_many({})
    base.customers.insert_many(customers)


def _shuffled(events: list[Document], chance: Random) -> list[list[Document]]:
    """The deliveries in random order, in messages of random size."""
    left = chance.sample(events, len(events))
    messages = []
    while left:
        size = chance.randrange(1, 8)
        messages.append(left[:size])
        left = left[size:]
    return messages


def _deliver_at_once(line: Line, messages: list[list[Document]]) -> None:
    """Hand the messages to eight workers, each of which has a part of them."""
    handlers = partial(create_handlers, line.settings)
    consumers = [Consumer("customers", line.settings, handlers) for _ in range(WORKERS)]
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            work = [
                pool.submit(consumers[number % WORKERS].handle, message)
                for number, message in enumerate(messages)
            ]
        for each in work:
            each.result()
    finally:
        for consumer in consumers:
            consumer.database.client.close()
