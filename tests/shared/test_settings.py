import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from services.registry import SERVICES
from services.tools.settings import keep_from_children, load_backup, load_launcher
from shared.settings import PORTS, SERVER_PORTS, SettingsInvalid, is_prefix, load

Given = Callable[..., None]


class TestLoad:
    def test_has_a_default_for_everything(self) -> None:
        settings = load()

        assert settings.mongo_url == "mongodb://127.0.0.1:27117/?replicaSet=kith"
        assert settings.redis_url == "redis://127.0.0.1:6479/0"
        assert settings.database_prefix == "kith"
        assert settings.customers_url == "http://127.0.0.1:8002"

    def test_finds_the_servers_of_make_run_by_their_ports(self, given: Given) -> None:
        given(MONGO_PORT="9117", REDIS_PORT="9479", MONGO_URL="")

        assert load().mongo_url == "mongodb://127.0.0.1:9117/?replicaSet=kith"
        assert load().redis_url == "redis://127.0.0.1:9479/0"

    def test_signs_in_as_the_service_or_the_operator(self) -> None:
        assert (load().mongo_user, load().redis_user) == ("operator", "operator")
        assert (load("orders").mongo_user, load("orders").redis_user) == ("orders", "orders")

    def test_keeps_its_passwords_from_servers_of_the_users_own(self, given: Given) -> None:
        given(MONGO_URL="mongodb://mine/")
        assert (load("orders").mongo_user, load("orders").redis_user) == ("", "orders")

        # Who says where the passwords are says that they are for these servers.
        given(SECRETS_DIR="/run/secrets")
        assert load("orders").mongo_user == "orders"

    def test_reads_the_keys_of_events_and_shows_them_nowhere(
        self, given: Given, tmp_path: Path
    ) -> None:
        given(SECRETS_DIR=str(tmp_path))
        assert load().event_keys == ()

        (tmp_path / "event_keys").write_text("ab" * 32 + "\n" + "cd" * 32 + "\n")

        assert load().event_keys == (b"\xab" * 32, b"\xcd" * 32)
        assert "event_keys" not in repr(load())

    @pytest.mark.parametrize("content", [b"ab", b"\xff\xfe", b"xyz" * 20])
    def test_refuses_keys_that_are_none(self, given: Given, tmp_path: Path, content: bytes) -> None:
        given(SECRETS_DIR=str(tmp_path))
        (tmp_path / "event_keys").write_bytes(content)

        with pytest.raises(SettingsInvalid, match="event_keys cannot be used: It ") as refusal:
            load()

        assert "xyz" not in str(refusal.value)

    def test_listens_for_this_machine_alone(self) -> None:
        assert load().host == "127.0.0.1"

    def test_finds_services_at_the_ports_of_the_registry(self) -> None:
        assert PORTS == SERVICES

    def test_listens_where_it_is_told_unless_a_variable_says_otherwise(self, given: Given) -> None:
        assert load("customers", default_port=1234).port == 1234

        given(CUSTOMERS_PORT="9002")

        assert load("customers", default_port=1234).port == 9002

    def test_finds_a_service_where_its_port_says(self, given: Given) -> None:
        given(CUSTOMERS_PORT="9002")

        assert load("customers").port == 9002
        assert load("orders").customers_url == "http://127.0.0.1:9002"

    def test_finds_a_service_where_its_address_says(self, given: Given) -> None:
        given(CUSTOMERS_PORT="9002", CUSTOMERS_URL="http://customers:8000")

        assert load("orders").customers_url == "http://customers:8000"

    def test_believes_no_proxy_unless_told(self, given: Given) -> None:
        assert load().trusted_proxies == ()

        given(TRUSTED_PROXIES=" 10.0.0.0/8, 127.0.0.1,fd00::/8")

        assert list(map(str, load().trusted_proxies)) == ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]

    @pytest.mark.parametrize(
        "named", ["gateway", "10.0.0.1/8", "10.0.0.0/8,", "10.0.0.0/8 ::1", "*"]
    )
    def test_names_a_proxy_that_cannot_be_read(self, given: Given, named: str) -> None:
        given(TRUSTED_PROXIES=named)

        with pytest.raises(SettingsInvalid, match="TRUSTED_PROXIES: It must be addresses"):
            load()

    def test_reads_what_is_given(self, given: Given) -> None:
        given(MONGO_URL="mongodb://a", DATABASE_PREFIX="shop", WEB_WORKERS="3", LOG_JSON="true")

        settings = load()

        assert (settings.mongo_url, settings.database_prefix) == ("mongodb://a", "shop")
        assert (settings.web_workers, settings.log_json) == (3, True)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("WEB_WORKERS", "many"),
            ("WEB_WORKERS", ""),
            ("WEB_WORKERS", "0"),
            ("WEB_THREADS", "-1"),
            ("WORKER_PROCESSES", "0"),
            ("IMPORT_MAX_BYTES", "1 GB"),
            ("IMPORT_MAX_BYTES", "0"),
            ("IMPORT_MAX_UNPACKED_BYTES", "-1"),
            ("LOG_JSON", "perhaps"),
            ("LOG_LEVEL", "LOUD"),
            ("LOG_LEVEL", ""),
            ("CUSTOMERS_PORT", "http"),
            ("CUSTOMERS_PORT", "0"),
            ("ORDERS_PORT", "65536"),
            ("DATABASE_PREFIX", ""),
            ("DATABASE_PREFIX", "a.b"),
            ("DATABASE_PREFIX", "a b"),
            ("DATABASE_PREFIX", "a/b"),
            ("DATABASE_PREFIX", "$a"),
            ("DATABASE_PREFIX", "a" * 60),
        ],
    )
    def test_names_a_variable_that_cannot_be_used(
        self, given: Given, name: str, value: str
    ) -> None:
        given(**{name: value})

        with pytest.raises(SettingsInvalid, match=name):
            load("customers")

    def test_names_all_of_them_at_once(self, given: Given) -> None:
        given(WEB_WORKERS="many", LOG_JSON="perhaps")

        with pytest.raises(SettingsInvalid, match=r"WEB_WORKERS: .*LOG_JSON: "):
            load()

    def test_keeps_quiet_about_other_values(self, given: Given) -> None:
        given(WEB_WORKERS="many", ADMIN_PASSWORD="correct horse")

        with pytest.raises(SettingsInvalid) as refusal:
            load()

        assert "correct horse" not in str(refusal.value)


class TestLoadBackup:
    def test_has_a_default_for_everything(self) -> None:
        settings = load_backup()

        assert settings.folder == Path("backups")
        assert (settings.keep_daily, settings.keep_weekly) == (7, 4)
        assert not settings.overwrite

    def test_reads_what_is_given(self, given: Given) -> None:
        given(BACKUP_DIR="/there", KEEP_DAILY="1", KEEP_WEEKLY="0", OVERWRITE="1")

        assert asdict(load_backup()) == {
            "folder": Path("/there"),
            "keep_daily": 1,
            "keep_weekly": 0,
            "overwrite": True,
        }

    @pytest.mark.parametrize(
        ("name", "value"),
        [("KEEP_DAILY", "0"), ("KEEP_WEEKLY", "-1"), ("KEEP_WEEKLY", "some"), ("OVERWRITE", "so")],
    )
    def test_names_a_variable_that_cannot_be_used(
        self, given: Given, name: str, value: str
    ) -> None:
        given(**{name: value})

        with pytest.raises(SettingsInvalid, match=name):
            load_backup()


class TestIsPrefix:
    def test_tells_what_can_name_a_database(self) -> None:
        found = [text for text in ("kith", "a-b_1", "", "a.b", "a/b", "a" * 41) if is_prefix(text)]

        assert found == ["kith", "a-b_1"]


class TestLoadLauncher:
    def test_starts_servers_of_its_own_unless_told(self, given: Given) -> None:
        assert (load_launcher().mongo_url, load_launcher().redis_url) == ("", "")

        given(MONGO_URL="mongodb://a", REDIS_URL="redis://b")

        assert load_launcher().mongo_url == "mongodb://a"
        assert load_launcher().redis_url == "redis://b"

    def test_keeps_off_the_ports_that_a_users_own_servers_have(self) -> None:
        launcher = load_launcher()

        assert {launcher.mongo_port, launcher.redis_port}.isdisjoint({27017, 6379})
        assert launcher.ports == PORTS

    def test_gives_every_process_a_port_of_its_own(self) -> None:
        ports = [*PORTS.values(), *SERVER_PORTS.values()]

        assert len(set(ports)) == len(ports)

    def test_reads_what_is_given(self, given: Given) -> None:
        given(DATA_DIR="/data/kith", SAMPLE="0", ORDERS_PORT="9003", MONGO_PORT="9117")

        launcher = load_launcher()

        assert (launcher.data_dir, launcher.sample) == (Path("/data/kith"), False)
        assert (launcher.ports["orders"], launcher.mongo_port) == (9003, 9117)

    @pytest.mark.parametrize(
        ("name", "value"), [("SAMPLE", "perhaps"), ("REDIS_PORT", "none"), ("ACCOUNTS_PORT", "-1")]
    )
    def test_names_a_variable_that_cannot_be_used(
        self, given: Given, name: str, value: str
    ) -> None:
        given(**{name: value})

        with pytest.raises(SettingsInvalid, match=name):
            load_launcher()


class TestKeepFromChildren:
    def test_takes_out_what_one_process_alone_is_to_have(self, given: Given) -> None:
        given(ADMIN_PASSWORD="secret", TOKEN="token", SECRETS_DIR="/secrets", LOG_JSON="1")

        keep_from_children()

        assert not {"ADMIN_PASSWORD", "TOKEN", "SECRETS_DIR"} & set(os.environ)
        assert os.environ["LOG_JSON"] == "1"


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """`given(NAME=value)`: an environment that holds this, and nothing else of ours."""
    for name in (*asdict(load()), "mongo_port", "redis_port", "data_dir", "sample"):
        monkeypatch.delenv(name.upper(), raising=False)
    for name in PORTS:
        monkeypatch.delenv(f"{name.upper()}_PORT", raising=False)

    def make(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return make
