import stat
from pathlib import Path

from cryptography.fernet import Fernet

from services.registry import SERVICES
from services.tools import secrets
from shared.secrets import put


class TestMake:
    def test_makes_what_each_needs_and_no_more(self, tmp_path: Path) -> None:
        secrets.make(tmp_path / "secrets")

        every = {"mongo_password", "redis_password", "event_keys"}
        own = {service: every | {"metrics_token"} for service in SERVICES}
        own["imports"] = own["imports"] | {"delegation_key"}
        assert found(tmp_path / "secrets") == {
            **own,
            "operator": every | {"mongo_key"},
            "mongo": {"key"},
            "redis": {"users.acl"},
        }

    def test_changes_nothing_the_second_time(self, tmp_path: Path) -> None:
        secrets.make(tmp_path)
        before = contents(tmp_path)

        secrets.make(tmp_path)

        assert contents(tmp_path) == before

    def test_makes_keys_of_the_right_kind(self, tmp_path: Path) -> None:
        secrets.make(tmp_path)

        assert len(bytes.fromhex((tmp_path / "orders" / "event_keys").read_text())) == 32
        Fernet((tmp_path / "imports" / "delegation_key").read_text().strip())

    def test_is_for_the_owner_alone(self, tmp_path: Path) -> None:
        secrets.make(tmp_path / "secrets")

        paths = [tmp_path / "secrets", *(tmp_path / "secrets").rglob("*")]
        modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
        assert modes == {(True, 0o700), (False, 0o600)}

    def test_hands_on_keys_that_are_being_changed(self, tmp_path: Path) -> None:
        secrets.make(tmp_path)
        both = f"{'a' * 64}\n{(tmp_path / 'operator' / 'event_keys').read_text()}"
        put(tmp_path / "operator", "event_keys", both)

        secrets.make(tmp_path)

        texts = {(tmp_path / service / "event_keys").read_text() for service in SERVICES}
        assert texts == {both}

    def test_makes_a_new_password_for_one_that_was_removed(self, tmp_path: Path) -> None:
        secrets.make(tmp_path)
        before, users = contents(tmp_path), (tmp_path / "redis" / "users.acl").read_text()
        (tmp_path / "orders" / "redis_password").unlink()

        secrets.make(tmp_path)

        changed = {path for path, text in contents(tmp_path).items() if before[path] != text}
        assert changed == {"orders/redis_password", "redis/users.acl"}
        after = (tmp_path / "redis" / "users.acl").read_text()
        differing = [
            line
            for line, old in zip(after.splitlines(), users.splitlines(), strict=True)
            if line != old
        ]
        assert [line.split()[1] for line in differing] == ["orders"]


def found(root: Path) -> dict[str, set[str]]:
    return {folder.name: {path.name for path in folder.iterdir()} for folder in root.iterdir()}


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }
