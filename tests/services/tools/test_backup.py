"""Backups of a whole shop on the real server: made while it works, and brought back."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from pymongo import MongoClient

from services.tools import backup as backups
from services.tools import consistency, restore_check
from services.tools.backup import Restored
from services.tools.settings import BackupSettings
from shared.backup import BackupBroken, BackupFailed, Progress, quietly
from shared.document import Document
from shared.local.ports import free_port
from shared.messaging.broker import broker_client, queue_key
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.carrier import Carrier, carrier
from tests.support.shop import Shop
from tests.support.stored_backup import StoredBackup

BackUp = Callable[[], StoredBackup]


class TestMake:
    def test_agrees_across_services_while_they_work(
        self, busy_shop: Shop, carrier: Carrier, back_up: BackUp, wired: Settings
    ) -> None:
        made = while_busy(busy_shop, carrier, back_up, times=3)

        counts = [backup.record("orders.orders").documents for backup in made]
        assert counts == sorted(set(counts))
        for backup in made:
            assert restore_check.check(wired, backup.path, progress=quietly)[1] == []
        # Otherwise it would prove little: events were under way at the moment of the backup.
        assert any(waiting(backup) for backup in made)
        assert all(backup.record("customers.ledger").documents for backup in made)

    @pytest.mark.usefixtures("shop")
    def test_removes_expired_backups_only_for_a_whole_one(
        self, wired: Settings, store: BackupSettings
    ) -> None:
        kept = replace(store, keep_daily=1, keep_weekly=0)
        monday, tuesday = datetime(2025, 6, 2, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC)
        first = backups.make(wired, kept, now=monday, progress=quietly)

        with pytest.raises(KeyboardInterrupt):
            backups.make(wired, kept, now=tuesday, progress=interrupt)

        assert list(store.folder.iterdir()) == [first.path]

        second = backups.make(wired, kept, now=tuesday, progress=quietly)

        assert second.removed == [first.path]
        assert list(store.folder.iterdir()) == [second.path]


class TestRestore:
    def test_sends_unconfirmed_events_again_until_all_have_settled(
        self,
        busy_shop: Shop,
        client: MongoClient[Document],
        back_up: BackUp,
        carrier: Carrier,
        other: Settings,
    ) -> None:
        carrier.settle()
        for _ in range(5):
            busy_shop.place(busy_shop.people[0])
        orders = service_database(client, busy_shop.settings, "orders").orders
        # Sent, and handled by nobody: without a restore they would go out again in years.
        late = {"outbox.$[].due_at": datetime(2099, 1, 1, tzinfo=UTC), "outbox.$[].sent": 9}
        assert orders.update_many({"outbox.sent": 0}, {"$set": late}).modified_count == 5

        done = restore(back_up(), other)

        assert done.waiting == 5
        assert settle(client, other) == 5
        assert (
            list(consistency.differences(lambda name: service_database(client, other, name))) == []
        )
        assert waiting_in(client, other) == 0
        assert service_database(client, other, "customers").ledger.count_documents({}) == 15

    def test_does_nothing_twice_that_was_handled_before(
        self,
        busy_shop: Shop,
        client: MongoClient[Document],
        back_up: BackUp,
        carrier: Carrier,
        other: Settings,
    ) -> None:
        carrier.settle()
        order = busy_shop.place(busy_shop.people[0])
        orders = service_database(client, busy_shop.settings, "orders").orders
        entries = orders.find_one({"_id": order["_id"]}, {"outbox": 1})
        carrier.settle()
        # Handled, but the receipt had not come yet.
        orders.update_one({"_id": order["_id"]}, {"$set": entries})

        restore(back_up(), other)

        before = service_database(client, other, "customers").ledger.find_one({"_id": order["_id"]})
        assert settle(client, other) == 1
        assert (
            service_database(client, other, "customers").ledger.find_one({"_id": order["_id"]})
            == before
        )
        assert waiting_in(client, other) == 0

    def test_gives_back_what_the_next_backup_takes(
        self, handled: StoredBackup, other: Settings, store: BackupSettings
    ) -> None:
        restore(handled, other)

        again = backups.make(other, store, now=datetime.now(UTC), progress=quietly)

        assert [(one.name, one.sha256) for one in again.manifest.records] == [
            (one.name, one.sha256) for one in handled.manifest.records
        ]

    def test_does_not_touch_databases_that_hold_something(
        self, busy_shop: Shop, back_up: BackUp, wired: Settings
    ) -> None:
        backup = back_up()
        busy_shop.register()
        before = busy_shop.contents()

        with pytest.raises(BackupFailed, match=r"holds documents \(.*\), which a restore would"):
            restore(backup, wired)

        assert busy_shop.contents() == before

    def test_replaces_them_when_it_is_told_so(
        self, busy_shop: Shop, back_up: BackUp, wired: Settings
    ) -> None:
        before = busy_shop.contents()
        backup = back_up()
        busy_shop.register()

        restore(backup, wired, overwrite=True)

        assert without_outbox(busy_shop.contents()) == without_outbox(before)

    def test_loses_nothing_for_a_broken_backup(
        self, busy_shop: Shop, back_up: BackUp, wired: Settings
    ) -> None:
        backup = back_up()
        backup.flip_byte("orders.orders")
        backup.lose_file("customers.ledger")
        before = busy_shop.contents()

        with pytest.raises(BackupBroken, match=r"use another backup\. \(1 more files are not"):
            restore(backup, wired, overwrite=True)

        assert busy_shop.contents() == before

    def test_leaves_nothing_half_done(
        self, handled: StoredBackup, client: MongoClient[Document], other: Settings
    ) -> None:
        def interrupt_late(name: str, _done: int, _of: int) -> None:
            if name == "indexes":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore(handled, other, progress=interrupt_late)

        names = client.list_database_names()
        assert [name for name in names if name.startswith(other.database_prefix)] == []

    @pytest.mark.usefixtures("busy_shop")
    def test_drops_messages_of_another_past(
        self, carrier: Carrier, back_up: BackUp, wired: Settings
    ) -> None:
        backup = back_up()
        carrier.send()
        with broker_client(wired) as broker:
            # One from orders, one from customers itself.
            assert broker.llen(queue_key(wired, "customers")) == 2

            done = restore(backup, wired, overwrite=True)

            assert done.emptied
            assert broker.llen(queue_key(wired, "customers")) == 0

    def test_says_that_it_could_not_drop_them(self, handled: StoredBackup, other: Settings) -> None:
        alone = replace(other, redis_url=f"redis://127.0.0.1:{free_port()}/0")

        assert not restore(handled, alone).emptied

    def test_refuses_a_name_that_no_database_can_have(
        self, handled: StoredBackup, other: Settings
    ) -> None:
        with pytest.raises(BackupFailed, match=r"INTO=a\.b names no databases"):
            restore(handled, replace(other, database_prefix="a.b"))


def while_busy(shop: Shop, carrier: Carrier, back_up: BackUp, *, times: int) -> list[StoredBackup]:
    """Backups of a shop that goes on working, with its events carried at the same time."""
    stop = Event()

    def carry() -> None:
        while not stop.is_set():
            carrier.carry()

    workers = [Thread(target=shop.be_busy, args=(stop,)), Thread(target=carry)]
    for worker in workers:
        worker.start()
    made = []
    try:
        for _ in range(times):
            time.sleep(1)
            made.append(back_up())
    finally:
        stop.set()
        for worker in workers:
            worker.join(60)
    return made


def restore(
    backup: StoredBackup,
    settings: Settings,
    *,
    overwrite: bool = False,
    progress: Progress = quietly,
) -> Restored:
    """Restore a backup into the databases of these settings."""
    return backups.restore(
        settings,
        backup.path,
        into=settings.database_prefix,
        overwrite=overwrite,
        now=datetime.now(UTC),
        progress=progress,
    )


def settle(client: MongoClient[Document], settings: Settings) -> int:
    """Carry what waits until nothing does; how many events that were."""
    with carrier(client, settings) as made:
        return made.settle()


def waiting(backup: StoredBackup) -> int:
    """In how many orders of a backup an event waits."""
    return sum(bool(order["outbox"]) for order in backup.documents("orders.orders"))


def waiting_in(client: MongoClient[Document], settings: Settings) -> int:
    """In how many documents of a shop an event waits."""
    waits = {"outbox.id": {"$exists": True}}
    return sum(
        service_database(client, settings, name)[name].count_documents(waits)
        for name in ("customers", "orders")
    )


def without_outbox(contents: list[Document]) -> list[Document]:
    """Documents without what a restore changes on purpose."""
    return [{name: one[name] for name in one if name != "outbox"} for one in contents]


def interrupt(_name: str, _done: int, _of: int) -> None:
    """Progress that somebody ends with Ctrl-C."""
    raise KeyboardInterrupt
