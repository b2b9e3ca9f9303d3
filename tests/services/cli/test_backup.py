"""The backup commands as a person uses them, on the real server."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pymongo import MongoClient

from services import registry
from shared.document import Document
from shared.local.ports import free_port
from shared.settings import Settings
from tests.support.command_line import ended
from tests.support.shop import Shop
from tests.support.stored_backup import StoredBackup

COLLECTIONS = sum(len(registry.collections(service)) for service in registry.SERVICES)


class TestBackup:
    @pytest.mark.usefixtures("busy_shop")
    def test_can_be_checked_and_brought_back(
        self, wired: Settings, other: Settings, tmp_path: Path
    ) -> None:
        code, said, _ = ended(wired, "backup", "--to", str(tmp_path / "there"))

        (path,) = (tmp_path / "there").iterdir()
        first, second = said.splitlines()
        assert (code, first) == (0, f"backup: {path}")
        assert second.startswith(f"21 documents of {COLLECTIONS} collections as of 20")

        code, said, complaint = ended(wired, "restore-check", str(path))

        assert (code, complaint) == (0, "")
        assert said.startswith(f"OK: 21 documents of {COLLECTIONS} collections as of 20")

        code, said, _ = ended(wired, "restore", str(path), "--into", other.database_prefix)

        assert code == 0
        assert said.splitlines()[0].startswith(f"restored: {other.database_prefix}_accounts, ")
        assert said.splitlines()[2] == "events that go out again: those of 21 documents"

    @pytest.mark.usefixtures("shop")
    def test_keeps_as_many_as_it_is_told(self, wired: Settings, tmp_path: Path) -> None:
        old = tmp_path / f"{wired.database_prefix}-2020-01-01T000000.000000Z"
        old.mkdir()

        code, said, _ = ended(
            wired, "backup", BACKUP_DIR=str(tmp_path), KEEP_DAILY="1", KEEP_WEEKLY="0"
        )

        assert (code, said.splitlines()[2]) == (0, f"removed: {old}")
        assert not old.exists()

    def test_says_that_there_is_nothing(self, wired: Settings, tmp_path: Path) -> None:
        code, _, complaint = ended(wired, "backup", "--to", str(tmp_path))

        assert code == 1
        assert complaint == (
            f"Error: There is nothing to back up: no database is named {wired.database_prefix}_…; "
            "DATABASE_PREFIX names another prefix, MONGO_URL another server.\n"
        )
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("shop")
    def test_says_that_the_folder_cannot_be_used(self, wired: Settings, tmp_path: Path) -> None:
        taken = tmp_path / "file"
        taken.touch()

        code, _, complaint = ended(wired, "backup", "--to", str(taken))

        assert (code, complaint) == (
            1,
            f"Error: {taken} cannot be used (File exists); name another folder than TO={taken}.\n",
        )

    def test_says_that_mongodb_is_not_there(self, wired: Settings, tmp_path: Path) -> None:
        url = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"

        code, _, complaint = ended(
            replace(wired, mongo_url=url), "backup", "--to", str(tmp_path / "x")
        )

        assert code == 1
        assert complaint.startswith("Error: MongoDB failed (")
        assert complaint.endswith("MONGO_URL names another server.\n")

    def test_names_a_variable_that_cannot_be_used(self, wired: Settings) -> None:
        code, _, complaint = ended(wired, "backup", KEEP_DAILY="0")

        assert code == 1
        assert complaint.startswith("Error: These variables cannot be read: KEEP_DAILY: ")


class TestRestore:
    @pytest.mark.parametrize(("overwrite", "code"), [("0", 1), ("1", 0)])
    def test_replaces_documents_only_when_told_so(
        self,
        busy_shop: Shop,
        back_up: Callable[[], StoredBackup],
        wired: Settings,
        overwrite: str,
        code: int,
    ) -> None:
        backup = back_up()
        somebody = busy_shop.register()

        ended_with, _, complaint = ended(wired, "restore", str(backup.path), OVERWRITE=overwrite)

        assert ended_with == code
        assert ("OVERWRITE=1" in complaint) is bool(code)
        assert (somebody in str(busy_shop.contents())) is bool(code)

    def test_says_when_redis_is_to_be_emptied(self, handled: StoredBackup, other: Settings) -> None:
        alone = replace(other, redis_url=f"redis://127.0.0.1:{free_port()}/0")

        code, _, complaint = ended(alone, "restore", str(handled.path))

        assert code == 0
        assert complaint.startswith("Redis does not answer, so messages from before may be in it;")


class TestCheck:
    def test_says_what_differs(
        self, handled: StoredBackup, wired: Settings, client: MongoClient[Document]
    ) -> None:
        handled.lose_index("orders.orders", "number")
        handled.lose_index("customers.customers", "email")

        code, said, complaint = ended(wired, "restore-check", str(handled.path))

        assert (code, said) == (1, "")
        assert complaint.splitlines() == [
            "customers.customers: the index email is missing.",
            "orders.orders: the index number is missing.",
            f"Error: {handled.path} is not right in 2 ways; see above.",
        ]
        assert not [name for name in client.list_database_names() if "restore_check" in name]

    def test_says_that_there_is_no_backup(self, wired: Settings, tmp_path: Path) -> None:
        code, _, complaint = ended(wired, "restore-check", str(tmp_path))

        assert (code, complaint) == (
            1,
            f"Error: {tmp_path} holds no backup (manifest.json: No such file or directory); name "
            "a folder that `make backup` has made.\n",
        )
