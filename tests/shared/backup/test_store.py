import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.backup import BackupFailed
from shared.backup.store import Store

NOW = datetime(2025, 6, 1, 3, 0, 7, 123_456, tzinfo=UTC)


class TestUnfinished:
    def test_is_not_taken_for_a_backup(self, store: Store) -> None:
        with store.unfinished() as folder:
            (folder / "manifest.json").touch()

            assert store.backups() == []

    def test_is_gone_when_it_was_not_finished(self, store: Store) -> None:
        with contextlib.suppress(KeyboardInterrupt), store.unfinished() as folder:
            (folder / "dump").mkdir()
            raise KeyboardInterrupt

        assert list(store.path.iterdir()) == []

    def test_of_a_killed_run_is_cleared_away(self, store: Store) -> None:
        left = store.path / ".unfinished-abc" / "dump"
        left.mkdir(parents=True)
        (left / "some.bson.gz").touch()

        with store.unfinished():
            assert not left.exists()

    def test_is_there_once(self, store: Store) -> None:
        with (
            store.unfinished(),
            pytest.raises(BackupFailed, match="Another backup is being made"),
            store.unfinished(),
        ):
            pass

    def test_can_be_made_after_one_that_failed(self, store: Store) -> None:
        with contextlib.suppress(ValueError), store.unfinished():
            raise ValueError

        with store.unfinished() as folder:
            assert folder.is_dir()

    def test_is_nobody_elses(self, store: Store) -> None:
        with store.unfinished() as folder:
            modes = (folder.stat().st_mode & 0o777, store.path.stat().st_mode & 0o777)

        assert modes == (0o700, 0o700)


class TestFinish:
    def test_names_a_backup_by_its_time(self, store: Store) -> None:
        path = made(store, NOW)

        assert path == store.path / "kith-2025-06-01T030007.123456Z"
        assert (path / "manifest.json").exists()
        (backup,) = store.backups()
        assert (backup.path, backup.made_at) == (path, NOW)


class TestRemoveOutlived:
    def test_removes_the_older_ones(self, store: Store) -> None:
        paths = [made(store, NOW - timedelta(days=days)) for days in range(5)]

        gone = store.remove_outlived(daily=2, weekly=0)

        assert gone == [paths[4], paths[3], paths[2]]
        assert {path.name for path in store.path.iterdir()} == {paths[0].name, paths[1].name}

    def test_leaves_alone_what_is_not_its_own(self, store: Store) -> None:
        other = made(Store(store.path, "kith-two"), NOW - timedelta(days=900))
        (store.path / "kith-old").mkdir()
        (store.path / "notes.txt").touch()
        made(store, NOW)

        assert store.remove_outlived(daily=1, weekly=0) == []
        assert other.exists()


def made(store: Store, moment: datetime) -> Path:
    """A finished backup of that moment."""
    with store.unfinished() as folder:
        (folder / "manifest.json").touch()
        return store.finish(folder, now=moment)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The backups of a prefix, in a folder that is not there yet."""
    return Store(tmp_path / "there" / "backups", "kith")
