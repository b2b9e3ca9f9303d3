"""The commands about events as a person uses them, on the real servers."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from shared.document import Document
from shared.local.ports import free_port
from shared.messaging.inbox import Inbox
from shared.messaging.retries import MAX_ATTEMPTS
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.carrier import Carrier
from tests.support.command_line import ended
from tests.support.shop import Shop


class TestEvents:
    def test_shows_what_waits_for_whom(self, shop: Shop, wired: Settings) -> None:
        for _ in range(2):
            shop.place(shop.register())

        code, said, complaint = ended(wired, "events")

        assert (code, complaint) == (0, "")
        rows = [line.split() for line in said.splitlines()]
        assert any({"customers", "orders", "CustomerRegistered", "2"} <= set(row) for row in rows)
        assert any({"orders", "customers", "OrderPlaced", "2"} <= set(row) for row in rows)
        assert any({"accounts", "none", "waits"} <= set(row) for row in rows)

    def test_fails_when_one_waits_for_long(
        self, shop: Shop, wired: Settings, base: Callable[[str], Database[Document]]
    ) -> None:
        shop.place(None)
        since = datetime.now(UTC) - timedelta(hours=3)
        base("orders").orders.update_one(
            {}, {"$set": {"outbox.0.id": str(ObjectId.from_datetime(since))}}
        )

        code, said, complaint = ended(wired, "events")

        assert code == 1
        assert "3 h" in said
        assert complaint.startswith("Error: Somebody has to look after the events of orders:")

    def test_fails_when_there_are_dead_letters(self, wired: Settings, dead: Document) -> None:
        assert dead

        code, _, complaint = ended(wired, "events")

        assert code == 1
        assert "the events of customers:" in complaint

    def test_says_that_mongodb_is_not_there(self, wired: Settings) -> None:
        url = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"

        code, _, complaint = ended(replace(wired, mongo_url=url), "events")

        assert code == 1
        assert complaint.startswith("Error: MongoDB failed (")


class TestDeadLetters:
    def test_are_none(self, shop: Shop, wired: Settings) -> None:
        assert shop

        assert ended(wired, "dead-letters") == (0, "no dead letters\n", "")

    def test_are_told_with_the_reason_and_what_to_do(self, wired: Settings, dead: Document) -> None:
        code, said, _ = ended(wired, "dead-letters")

        first, *others = said.splitlines()
        assert code == 0
        assert first.startswith(
            f"{dead['id']}  customers  OrderPlaced  orders.orders.{dead['document_id']}  since "
        )
        assert others == [
            "  ValueError: no",
            f"  Mend the reason, then: make replay ID={dead['id']}",
            "1 dead letters",
        ]
        assert ended(wired, "dead-letters", "--service", "orders")[1] == "no dead letters\n"


class TestReplay:
    @pytest.mark.usefixtures("carried")
    def test_has_what_was_lost_heard(
        self, wired: Settings, dead: Document, base: Callable[..., Database[Document]]
    ) -> None:
        code, said, complaint = ended(wired, "replay", "--id", dead["id"])

        assert (code, complaint) == (0, "")
        assert said.splitlines() == [
            f"{dead['id']}  customers  OrderPlaced: is sent again",
            "1 dead letters",
        ]
        assert base("customers").ledger.count_documents({}) == 1
        assert base("customers").dead_letters.count_documents({}) == 0

        code, _, complaint = ended(wired, "replay", "--id", dead["id"])

        assert code == 1
        assert complaint.startswith(f"{dead['id']}: is not among the dead letters\n")

    @pytest.mark.usefixtures("carried")
    def test_takes_all_since_a_moment_of_one_service(
        self, wired: Settings, dead: Document, base: Callable[..., Database[Document]]
    ) -> None:
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        today = datetime.now(UTC).date().isoformat()
        others = ended(wired, "replay", "--since", today, "--service", "orders")

        assert others == (0, "0 dead letters\n", "")
        assert ended(wired, "replay", "--since", later) == (0, "0 dead letters\n", "")
        assert base("customers").dead_letters.count_documents({"_id": dead["id"]}) == 1

        code, said, _ = ended(wired, "replay", "--since", today, "--service", "customers")

        assert (code, said.splitlines()[-1]) == (0, "1 dead letters")
        assert base("customers").dead_letters.count_documents({}) == 0

    @pytest.mark.usefixtures("carried")
    def test_says_what_was_put_aside_again(
        self, wired: Settings, dead: Document, base: Callable[..., Database[Document]]
    ) -> None:
        base("customers").dead_letters.update_one(
            {}, {"$set": {"delivery.data.total": 5, "error": "before"}}
        )

        code, _, complaint = ended(wired, "replay", "--id", dead["id"])

        assert code == 1
        assert complaint.splitlines() == [
            f"{dead['id']}: was dead-lettered again: It is malformed: OrderPlaced: Expected `str`, "
            "got `int` - at `$.total`",
            "Error: Not all could be redelivered; the lines above say why.",
        ]

    def test_does_not_wait_for_ever(self, wired: Settings, dead: Document) -> None:
        code, said, complaint = ended(wired, "replay", "--id", dead["id"], "--wait", "0")

        assert (code, complaint) == (0, "")
        assert "1 are still on their way, and go on without this command" in said

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            ((), "Say which: make replay ID="),
            (("--since", "yesterday"), "yesterday is no time; give one such as 2026-11-24T00:00Z."),
            (("--service", "nobody", "--since", "2026-11-24"), "'nobody' is not one of"),
        ],
    )
    def test_asks_which(self, wired: Settings, arguments: tuple[str, ...], complaint: str) -> None:
        code, _, said = ended(wired, "replay", *arguments)

        assert code == 2
        assert complaint in said


class TestResync:
    @pytest.mark.usefixtures("carried")
    def test_has_lost_copies_made_again(
        self, wired: Settings, dead: Document, base: Callable[[str], Database[Document]]
    ) -> None:
        base("orders").customer_cards.delete_many({})

        ended_with = ended(wired, "resync")

        assert ended_with == (
            0,
            "All states were republished; make events shows when they are handled.\n",
            "",
        )
        assert becomes(lambda: base("orders").customer_cards.count_documents({}), 1)
        # What was never handled is made up for as well.
        assert becomes(lambda: base("customers").ledger.count_documents({}), 1)
        assert base("customers").dead_letters.find_one({"_id": dead["id"]})

    def test_is_of_one_service_when_it_goes_on(self, wired: Settings) -> None:
        code, _, complaint = ended(wired, "resync", "--after", "6925")

        assert code == 2
        assert "AFTER needs SERVICE" in complaint


def becomes(read: Callable[[], object], value: object, *, seconds: float = 30) -> bool:
    """True if it has this value within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if read() == value:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def base(client: MongoClient[Document], wired: Settings) -> Callable[[str], Database[Document]]:
    """The databases of the shop."""
    return lambda service: service_database(client, wired, service)


@pytest.fixture
def dead(shop: Shop, carrier: Carrier, base: Callable[[str], Database[Document]]) -> Document:
    """An order's event that customers gave up, and that nobody sends any more."""
    customer = shop.register()
    carrier.settle()
    order = shop.place(customer)
    (entry,) = (base("orders").orders.find_one({}) or {})["outbox"]
    base("orders").orders.update_one({}, {"$set": {"outbox": []}})
    made = {name: entry[name] for name in ("id", "name", "schema", "data")} | {
        "sender": "orders",
        "collection": "orders",
        "document_id": order["_id"],
    }
    inbox = Inbox(base("customers"))
    for _ in range(MAX_ATTEMPTS):
        inbox.count_attempt([entry["id"]])
    inbox.dead_letter(made, "ValueError: no")
    return made


@pytest.fixture
def carried(carrier: Carrier) -> Iterator[None]:
    """Events are carried all the time, as by relays and workers."""
    stop = Event()

    def carry() -> None:
        while not stop.wait(0.1):
            carrier.carry()

    thread = Thread(target=carry)
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
