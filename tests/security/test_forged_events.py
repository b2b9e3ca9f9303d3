"""Events and receipts that somebody writes into Redis who has no key, or alters, or says again."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any

import pytest
from celery import Celery

from shared.document import Document
from shared.events.delivery import signed
from shared.events.signature import Signer
from shared.identifiers import new_id
from shared.messaging import broker
from tests.journeys.system import Person, System, wait_for
from tests.security import back_door

FIELDS = ("id", "name", "schema", "sender", "collection", "document_id", "data", "request_id")
HOSTILE: tuple[Any, ...] = (
    None,
    "",
    0,
    -1,
    2**62,
    1.5,
    True,
    [],
    {},
    "x" * 9_000,
    "\ud7ff\0",
    [{}],
)
Attack = Callable[[Document, Signer], list[Document]]


class TestForgedEvents:
    def test_have_no_effect_and_are_counted(
        self, kith: System, stranger: Celery, placed: Document, letters: Callable[[], int]
    ) -> None:
        genuine = delivery(placed, total="999999.00")
        attacks = _attacks(genuine, back_door.signer(kith))

        broker.send(stranger, "receive", queue="customers", deliveries=attacks)

        wait_for(lambda: letters() == len(attacks), "all forged events are dead-lettered")
        assert purchases(kith, placed) == "7.50"
        with back_door.database(kith, "customers") as base:
            assert base.inbox.count_documents({"_id": genuine["id"]}) == 0
            assert base.dead_letters.count_documents({"_id": {"$not": {"$regex": "^forged-"}}}) == 0

    def test_keep_the_genuine_one_from_nothing(
        self, kith: System, stranger: Celery, placed: Document, letters: Callable[[], int]
    ) -> None:
        sign = partial(signed, to="customers", signer=back_door.signer(kith))
        genuine = sign(delivery(placed, total="8.50", version=2))
        altered = {**genuine, "data": {**genuine["data"], "total": "999999.00"}}

        for each in (altered, genuine, altered, genuine):
            broker.send(stranger, "receive", queue="customers", deliveries=[each])

        wait_for(lambda: purchases(kith, placed) == "8.50", "the genuine event has its effect")
        assert letters() == 1

    def test_are_shown_and_not_redelivered_and_forgotten(
        self, kith: System, stranger: Celery, placed: Document, letters: Callable[[], int]
    ) -> None:
        broker.send(stranger, "receive", queue="customers", deliveries=[delivery(placed)])
        wait_for(lambda: letters() == 1, "the forged event is dead-lettered")
        with back_door.database(kith, "customers") as base:
            (letter,) = base.dead_letters.find()

        shown, listed = (
            back_door.run(kith, "events"),
            back_door.run(kith, "dead-letters", "--service", "customers"),
        )
        replayed = back_door.run(kith, "replay", "--id", letter["_id"])
        doctor = back_door.run(kith, "doctor")
        forgotten = back_door.run(kith, "forget-forged", "--service", "customers")

        assert shown.returncode == 1
        assert "It is forged: it is not signed. It claims: name OrderPlaced" in listed.stdout
        assert "Find out who can write to Redis" in listed.stdout
        assert "is forged: nobody of Kith sent it" in replayed.stdout
        assert replayed.returncode == 1
        assert doctor.returncode == 1
        assert "1 forged" in doctor.stdout
        assert forgotten.stdout == "customers: 1 forgotten\n"
        assert letters() == 0

    @pytest.mark.security
    def test_of_every_kind_have_no_effect(
        self, kith: System, stranger: Celery, placed: Document, letters: Callable[[], int]
    ) -> None:
        genuine = signed(
            delivery(placed, total="999999.00"), to="customers", signer=back_door.signer(kith)
        )
        fields = [*FIELDS, "signature", "added", *(f"data.{name}" for name in genuine["data"])]
        kinds = [_with(genuine, field, value) for field, value in product(fields, HOSTILE)]
        kinds = [one for one in kinds if one != genuine]

        for one in kinds:
            broker.send(stranger, "receive", queue="customers", deliveries=[one])

        wait_for(lambda: letters() == len(kinds), "all forged events are dead-lettered")
        assert len(kinds) >= 200
        assert purchases(kith, placed) == "7.50"


class TestForgedReceipts:
    def test_lose_no_event(
        self, kith: System, stranger: Celery, placed: Document, letters: Callable[..., int]
    ) -> None:
        """They come while an event waits, and would end its sending."""
        event = delivery(placed, total="9.50", version=3)
        entry = {name: event[name] for name in ("id", "name", "schema", "data")}
        later = datetime.now(UTC) + timedelta(hours=1)
        receipt = [["orders", placed["id"], event["id"]]]
        content = {"receipts": receipt, "hearer": "customers"}
        signer = back_door.signer(kith)
        forged = [
            {},
            {"signature": ""},
            {"signature": Signer([b"k" * 32]).sign("receipts", "orders", content)},
            # Signed by us, but for another, or as something else.
            {"signature": signer.sign("receipts", "customers", content)},
            {"signature": signer.sign("event", "orders", content)},
            {"signature": signer.sign("receipts", "orders", content | {"hearer": "orders"})},
        ]
        with back_door.database(kith, "orders") as base:
            waiting = entry | {"to": "customers", "sent": 0, "due_at": later}
            base.orders.update_one({"_id": placed["id"]}, {"$push": {"outbox": waiting}})

            for one in forged:
                broker.send(stranger, "confirm", queue="orders", **content, **one)
            # One letter for those that are not signed in one way or the other.
            wait_for(lambda: letters("orders") == len(forged) - 1, "all receipts are refused")

            (still,) = (base.orders.find_one({"_id": placed["id"]}) or {})["outbox"]
            assert still["id"] == event["id"]
            now = {"$set": {"outbox.0.due_at": datetime.now(UTC)}}
            base.orders.update_one({"_id": placed["id"]}, now)
            wait_for(lambda: purchases(kith, placed) == "9.50", "the event has its effect")
            wait_for(
                lambda: not (base.orders.find_one({"_id": placed["id"]}) or {})["outbox"],
                "the genuine receipt has come",
            )


def _attacks(genuine: Document, signer: Signer) -> list[Document]:
    """An event that would change a customer's purchases, in all the ways of somebody without a key.

    And one with a key of ours that was sent to another service.
    """
    sealed = signed(genuine, to="customers", signer=signer)
    altered = [_with(sealed, field, new_id()) for field in (*FIELDS, "signature", "added")]
    removed = [{name: sealed[name] for name in sealed if name != field} for field in FIELDS]
    return [
        genuine,
        signed(genuine, to="customers", signer=Signer([b"k" * 32])),
        signed(genuine, to="orders", signer=signer),
        {**genuine, "signature": signer.sign("receipts", "customers", genuine)},
        _with(sealed, "data.total", "999998.00"),
        _with(sealed, "data.customer_id", new_id()),
        *altered,
        *removed,
    ]


def _with(one: Document, field: str, value: Any) -> Document:
    outer, _, inner = field.partition(".")
    return {**one, outer: {**one[outer], inner: value} if inner else value}


def delivery(placed: Document, *, total: str = "7.50", version: int = 9) -> Document:
    """An event of the order that the attack is about, with another total."""
    now = datetime.now(UTC).isoformat()
    state = {name: placed[name] for name in ("number", "source", "customer_id", "kind", "currency")}
    return {
        "id": new_id(),
        "name": "OrderPlaced",
        "schema": 1,
        "sender": "orders",
        "collection": "orders",
        "document_id": placed["id"],
        "data": {
            **state,
            "order_id": placed["id"],
            "status": "placed",
            "total": total,
            "placed_at": now,
            "version": version,
            "occurred_at": now,
            "actor": None,
            "via": None,
            "batch": None,
        },
        "request_id": None,
    }


def purchases(kith: System, placed: Document) -> str:
    """What the customer has bought, as everybody sees it."""
    found = kith.admin().get("customers", f"/v1/customers/{placed['customer_id']}")
    return str(found["purchases"]["totals"][0]["amount"])


@pytest.fixture
def stranger(kith: System) -> Iterator[Celery]:
    """Somebody who can write to Redis."""
    with back_door.queue(kith) as celery:
        yield celery


@pytest.fixture
def letters(kith: System) -> Iterator[Callable[..., int]]:
    """`letters(service)`: the number of its dead letters; forgeries are gone in the end."""

    def count(service: str = "customers") -> int:
        with back_door.database(kith, service) as base:
            return base.dead_letters.count_documents({})

    back_door.run(kith, "forget-forged")
    yield count
    back_door.run(kith, "forget-forged")


@pytest.fixture
def placed(kith: System, admin: Person) -> Iterator[Document]:
    """An order of 7.50, which its customer's purchases know of.

    Both are gone in the end as if they had never been: what an attack signed says what is not so.
    """
    customer = admin.post("customers", "/v1/customers", {"last_name": "Forged"}).json()
    line = {"sku": "MUG", "quantity": 1, "unit_price": "7.50"}
    body = {"customer_id": customer["id"], "currency": "EUR", "lines": [line]}
    order: Document = admin.post("orders", "/v1/orders", body).json()
    path = f"/v1/customers/{customer['id']}"
    wait_for(lambda: admin.get("customers", path)["purchases"]["orders"] == 1, "the order is known")
    yield order
    wait_for(lambda: kith.waiting_events() == 0, "all events were handled")
    with back_door.database(kith, "orders") as base:
        base.orders.delete_one({"_id": order["id"]})
        base.customer_cards.delete_one({"_id": customer["id"]})
    with back_door.database(kith, "customers") as base:
        base.ledger.delete_one({"_id": order["id"]})
        base.journal.delete_many({"customer_id": customer["id"]})
        base.customers.delete_one({"_id": customer["id"]})
