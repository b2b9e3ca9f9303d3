"""Checks of a shop's backup on the real server: what is right, and each way of not being so."""

import signal
import time
from collections.abc import Callable

import pytest
from pymongo import MongoClient

from services.tools import restore_check
from shared.backup import quietly
from shared.document import Document
from shared.settings import Settings
from tests.support.carrier import Carrier
from tests.support.command_line import started
from tests.support.shop import Shop
from tests.support.stored_backup import StoredBackup

Damage = Callable[[StoredBackup], object]


class TestCheck:
    def test_finds_nothing_in_a_whole_backup(
        self,
        busy_shop: Shop,
        carrier: Carrier,
        back_up: Callable[[], StoredBackup],
        wired: Settings,
    ) -> None:
        carrier.settle()
        busy_shop.place(busy_shop.register())

        made, found = restore_check.check(wired, back_up().path, progress=quietly)

        assert found == []
        assert sum(record.documents for record in made.records) > 60

    @pytest.mark.parametrize(
        ("damage", "sentences"),
        [
            (lambda one: one.flip_byte("orders.orders"), ["orders.bson.gz is "]),
            (lambda one: one.lose_file("customers.ledger"), ["ledger.bson.gz is missing; use"]),
            (
                lambda one: one.lose_collection("customers.customers"),
                ["customers.metadata.json.gz is missing; use"],
            ),
            (
                lambda one: one.lose_index("orders.orders", "number"),
                ["orders.orders: the index number is missing."],
            ),
            (
                lambda one: one.loosen("accounts.users"),
                ["accounts.users: its validator or other options are not those backed up."],
            ),
            (
                lambda one: one.lose_document("orders.orders", is_hidden=False),
                ["orders.bson.gz holds 10 documents, and 11 were written; use"],
            ),
            (
                lambda one: one.lose_document("orders.orders", is_hidden=True),
                ["orders.orders: 1 are in customers.ledger, but not there: "],
            ),
            (
                lambda one: one.lose_document("customers.ledger", is_hidden=True),
                [
                    "orders.orders: 1 are not in customers.ledger as they are, and no waiting ",
                    "customers.customers: 1 have purchases that are not what their ledger says, ",
                ],
            ),
            (
                lambda one: one.lose_document("customers.customers", is_hidden=True),
                [
                    "orders: 1 name customers that no service knows: ",
                    "customers.customers: 1 are in orders.customer_cards, but not there: ",
                ],
            ),
        ],
        ids=[
            *("byte", "file", "collection", "index", "rule"),
            *("order", "hidden-order", "entry", "customer"),
        ],
    )
    def test_finds_what_is_not_right(
        self,
        lasting: StoredBackup,
        client: MongoClient[Document],
        wired: Settings,
        damage: Damage,
        sentences: list[str],
    ) -> None:
        damage(lasting)

        _, found = restore_check.check(wired, lasting.path, progress=quietly)

        assert len(found) == len(sentences), found
        for sentence, expected in zip(found, sentences, strict=True):
            assert expected in sentence
        assert scratch(client) == set()

    def test_leaves_nothing_behind_when_it_is_interrupted(
        self, handled: StoredBackup, client: MongoClient[Document], wired: Settings
    ) -> None:
        seen: list[set[str]] = []

        def interrupt(name: str, _done: int, _of: int) -> None:
            if name == "indexes":
                seen.append(scratch(client))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore_check.check(wired, handled.path, progress=interrupt)

        assert seen != [set()]
        assert scratch(client) == set()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_leaves_nothing_behind_when_a_signal_ends_it(
        self,
        handled: StoredBackup,
        client: MongoClient[Document],
        wired: Settings,
        number: signal.Signals,
    ) -> None:
        process = started(wired, "restore-check", str(handled.path))
        while not scratch(client):
            assert process.poll() is None
            time.sleep(0.01)

        process.send_signal(number)

        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "Traceback" not in complaint
        assert scratch(client) == set()


def scratch(client: MongoClient[Document]) -> set[str]:
    """The databases of checks that are under way."""
    return {name for name in client.list_database_names() if name.startswith("restore_check_")}


@pytest.fixture
def lasting(busy_shop: Shop, carrier: Carrier, back_up: Callable[[], StoredBackup]) -> StoredBackup:
    """A backup in which the last customer is a live one who has ordered, and all was handled."""
    busy_shop.place(busy_shop.people[-1])
    busy_shop.client[f"{busy_shop.settings.database_prefix}_orders"].orders.delete_one(
        {"customer_id": None}
    )
    carrier.settle()
    return back_up()
