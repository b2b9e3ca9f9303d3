"""What may go wrong between two services, played through step by step in one process.

Each drill is a function of a line that raises `Lost` if anything was lost or counted twice.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from services.customers.worker import join
from shared.database import Document
from shared.dead_letters import DeadLetters
from shared.events.envelope import delivery
from shared.hearing import Hearing
from shared.inbox import MOST_ATTEMPTS
from shared.settings import Settings
from tests.faults import books, points
from tests.faults.books import Lost
from tests.faults.line import Killed, Line, dying, line
from tests.faults.patching import replaced
from tests.faults.replica_set import ReplicaSet

WORKERS = 8
TIMES = 10

Drill = Callable[[Line], object]


def trade(line: Line, *, people: int = 3, orders: int = 4) -> None:
    """Some customers who order; half of the orders are paid at once, the others called off."""
    for _ in range(people):
        person = line.shop.register()
        for number in range(orders):
            order = line.shop.place(person)
            line.shop.step(order, "pay" if number % 2 else "cancel")
    line.shop.place(None)


def messages_vanish(line: Line) -> None:
    """Redis loses all it has, three times, while people order."""
    lost = 0
    for _ in range(3):
        trade(line)
        line.send()
        lost += line.lose_messages()
    line.settle()
    assert lost >= 3, "no message was lost"
    books.check(line.base)


def receipts_vanish(line: Line) -> None:
    """Redis loses the receipts, so that all is sent and heard a second time."""
    trade(line)
    line.send()
    line.hear()
    assert line.lose_messages(), "no receipt was lost"
    again = line.send()
    line.hear()
    line.settle()
    assert again, "nothing was sent again"
    books.check(line.base)


def workers_die(line: Line) -> None:
    """At each point of a worker it dies, and its message with it."""
    where = [point for point in points.POINTS if point.process == "worker"]
    for point in where:
        trade(line, people=1, orders=2)
        line.send()
        with dying(point.install) as died:
            line.hear()
            line.hear()
        assert died == [point.name], f"at {point.name} died: {died}"
        line.settle()
    assert line.died == len(where), "a worker did not die where it should"
    books.check(line.base)


def relays_die(line: Line) -> None:
    """At each point of the relay it dies, once with the messages it sent and once without."""
    for point in (point for point in points.POINTS if point.process == "relay"):
        for keeps_messages in (True, False):
            trade(line, people=1, orders=2)
            with dying(point.install) as died:
                line.send()
            assert died == [point.name], f"at {point.name} died: {died}"
            if not keeps_messages:
                line.lose_messages()
            line.settle()
    books.check(line.base)


def handlers_fail(line: Line) -> None:
    """The handler of orders' events fails three times, by an exception and by its worker's death.

    In the end it is well, and nobody may have been forgotten.
    """
    trade(line)
    for failure in (ValueError("a mistake"), Killed(), ValueError("another")):
        with replaced(_RECORD, _raising(failure)):
            line.send()
            line.hear()
    line.settle()
    books.check(line.base)


def one_is_deadly(line: Line) -> None:
    """One event kills whoever handles it; after five attempts it is put aside, others are done.

    When it is mended it is heard again, once.
    """
    trade(line)
    deadly = line.shop.place(line.shop.people[0])["_id"]
    with replaced(_RECORD, _deadly(deadly)):
        line.settle()
    letters = list(line.base("customers").dead_letters.find())
    if [letter["delivery"]["document_id"] for letter in letters] != [deadly]:
        raise Lost(f"{line.died} workers died of one event, and {len(letters)} were put aside.")
    if line.died > MOST_ATTEMPTS + 1:
        # Once together with others, and then by itself.
        raise Lost(f"{line.died} workers died of one event.")
    DeadLetters(line.base("customers"), "customers").replay(
        letters[0]["_id"], now=datetime.now(UTC)
    )
    line.settle()
    books.check(line.base)


def two_workers_meet(line: Line) -> None:
    """While one worker has counted what a customer bought, another hears of one more order."""
    person = line.shop.register()
    line.settle()
    line.shop.place(person)
    (first,) = _deliveries(line)
    line.shop.place(person)
    (second,) = [told for told in _deliveries(line) if told != first]
    others: list[Document] = [second]

    def meet(original: Callable[..., Any]) -> Callable[..., Any]:
        def purchases(*args: Any) -> Any:
            counted = original(*args)
            if others:
                line.hearings["customers"].handle([others.pop()])
            return counted

        return purchases

    with replaced("services.customers.repository.ledger:LedgerRepository.purchases", meet):
        line.hearings["customers"].handle([first])
    line.settle()
    assert not others, "the two did not meet"
    books.check(line.base)


def all_is_heard_often(line: Line, *, seed: int = 1, people: int = 4, orders: int = 12) -> int:
    """Every event is delivered ten times to eight workers, shuffled, and all once more at the end.

    The documents are those that one worker leaves behind who hears everything once, in order.
    Returns how many events there were.
    """
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    trade(line, people=people, orders=orders)
    told = _deliveries(line)
    before = list(line.base("customers").customers.find())
    line.hearings["customers"].handle(told)
    calm = _contents(line)
    _forget(line, before)
    _deliver_at_once(line, _shuffled(told * TIMES, chance))
    line.hearings["customers"].handle(told)
    stormy = _contents(line)
    for name, documents in calm.items():
        if documents != stormy[name]:
            raise Lost(f"{name} is not what it is after a calm run.")
    line.settle()
    books.check(line.base)
    return len(told)


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
    """Bring customers back to where it had heard nothing."""
    base = line.base("customers")
    for name in base.list_collection_names():
        base[name].delete_many({})
    base.customers.insert_many(customers)


def _deliveries(line: Line) -> list[Document]:
    """Everything that waits to be heard by customers, as the relays would send it."""
    return [
        delivery(entry, sender=sender, collection=name, document_id=document["_id"])
        for sender, name in books.SENDERS.items()
        for document in line.base(sender)[name].find().sort("_id", 1)
        for entry in document["outbox"]
        if entry["to"] == "customers"
    ]


def _shuffled(told: list[Document], chance: Random) -> list[list[Document]]:
    """The deliveries in random order, in messages of random size."""
    left = chance.sample(told, len(told))
    messages = []
    while left:
        size = chance.randrange(1, 8)
        messages.append(left[:size])
        left = left[size:]
    return messages


def _deliver_at_once(line: Line, messages: list[list[Document]]) -> None:
    """Hand the messages to eight workers, each of which has a part of them."""
    hearings = [Hearing("customers", line.settings, join) for _ in range(WORKERS)]
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            work = [
                pool.submit(hearings[number % WORKERS].handle, message)
                for number, message in enumerate(messages)
            ]
        for each in work:
            each.result()
    finally:
        for hearing in hearings:
            hearing.database.client.close()


_RECORD = "services.customers.repository.ledger:LedgerRepository.record"


def _raising(failure: BaseException) -> Callable[[Any], Callable[..., None]]:
    def record(*_: Any) -> None:
        raise failure

    return lambda _: record


def _deadly(order_id: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def wrap(original: Callable[..., None]) -> Callable[..., None]:
        def record(ledger: object, entries: Sequence[Document]) -> None:
            if any(entry["_id"] == order_id for entry in entries):
                raise Killed
            original(ledger, entries)

        return record

    return wrap


def lose_the_primary(settings: Settings, mongo: ReplicaSet) -> None:
    """The primary is the only one that works, takes an order, and dies before others have it.

    :raises Lost: the order was acknowledged, and is gone.
    """
    with line(settings) as made:
        person = made.shop.register()
        acknowledged: list[str] = []

        def place() -> None:
            with suppress(PyMongoError), pymongo.timeout(3):
                acknowledged.append(made.shop.place(person)["_id"])

        mongo.lose_what_one_member_has(place)
        for id in acknowledged:
            if made.base("orders").orders.find_one({"_id": id}) is None:
                raise Lost(f"Order {id} was acknowledged, and is gone.")
        made.settle()
        books.check(made.base)


DRILLS: dict[str, Drill] = {
    drill.__name__: drill
    for drill in (
        messages_vanish,
        receipts_vanish,
        workers_die,
        relays_die,
        handlers_fail,
        one_is_deadly,
        two_workers_meet,
        all_is_heard_often,
    )
}
