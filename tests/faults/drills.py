"""Drills of faults between two services, step by step in one process.

Each drill is a function of a line that raises `Lost` if anything was lost or counted twice.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from shared.document import Document
from shared.events.contracts import OrderState
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.retries import MAX_ATTEMPTS
from shared.settings import Settings
from tests.faults import books, points
from tests.faults.books import Lost
from tests.faults.line import Killed, Line, deliveries, dying, line, trade
from tests.faults.patching import replaced
from tests.faults.replica_set import ReplicaSet
from tests.faults.shuffling import all_is_handled_often

Drill = Callable[[Line], object]


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
    """Redis loses the receipts, so that all is sent and handled a second time."""
    trade(line)
    line.send()
    line.handle()
    assert line.lose_messages(), "no receipt was lost"
    again = line.send()
    line.handle()
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
            line.handle()
            line.handle()
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
            line.handle()
    line.settle()
    books.check(line.base)


def one_is_deadly(line: Line) -> None:
    """One event kills whoever handles it; after five attempts it is dead-lettered, others are done.

    When it is mended it is handled again, once.
    """
    trade(line)
    deadly = line.shop.place(line.shop.people[0])["_id"]
    with replaced(_RECORD, _deadly(deadly)):
        line.settle()
    letters = list(line.base("customers").dead_letters.find())
    if [letter["delivery"]["document_id"] for letter in letters] != [deadly]:
        raise Lost(f"{line.died} workers died of one event, and {len(letters)} were dead-lettered.")
    if line.died > MAX_ATTEMPTS + 1:
        # Once together with others, and then by itself.
        raise Lost(f"{line.died} workers died of one event.")
    DeadLetters(line.base("customers"), "customers").replay(
        letters[0]["_id"], now=datetime.now(UTC)
    )
    line.settle()
    books.check(line.base)


def two_workers_meet(line: Line) -> None:
    """While one worker has counted what a customer bought, another handles one more order."""
    person = line.shop.register()
    line.settle()
    line.shop.place(person)
    (first,) = deliveries(line)
    line.shop.place(person)
    (second,) = [each for each in deliveries(line) if each != first]
    others: list[Document] = [second]

    def meet(original: Callable[..., Any]) -> Callable[..., Any]:
        def purchases(*args: Any) -> Any:
            counted = original(*args)
            if others:
                line.consumers["customers"].handle([others.pop()])
            return counted

        return purchases

    with replaced("services.customers.repository.ledger:LedgerRepository.purchases", meet):
        line.consumers["customers"].handle([first])
    line.settle()
    assert not others, "the two did not meet"
    books.check(line.base)


_RECORD = "services.customers.repository.ledger:LedgerRepository.record"


def _raising(failure: BaseException) -> Callable[[Any], Callable[..., None]]:
    def record(*_: Any) -> None:
        raise failure

    return lambda _: record


def _deadly(order_id: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def wrap(original: Callable[..., None]) -> Callable[..., None]:
        def record(ledger: object, orders: Sequence[OrderState]) -> None:
            if any(order.order_id == order_id for order in orders):
                raise Killed
            original(ledger, orders)

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
        all_is_handled_often,
    )
}
