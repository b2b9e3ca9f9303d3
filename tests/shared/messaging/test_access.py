"""Rules of Redis' users, on a Redis that reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from shared import secrets
from shared.local.ports import free_port
from shared.local.redis_server import Users, redis_server, redis_url
from shared.local.servers import running
from shared.messaging.access import rules
from shared.messaging.broker import broker_client, create_celery, queue_key, refuse_unfit_broker
from shared.settings import Settings, load

PASSWORDS = {name: f"of {name}" for name in ("orders", "customers", "operator")}


class TestRules:
    def test_hold_no_password(self) -> None:
        written = rules(PASSWORDS, operator="operator")

        assert [name for name, password in PASSWORDS.items() if password in written] == []

    def test_let_a_service_work(self, tmp_path: Path) -> None:
        with guarded(tmp_path) as url:
            mine, theirs = login(url, tmp_path, "orders"), login(url, tmp_path, "customers")
            with create_celery("orders", mine) as celery, create_celery("customers", theirs) as to:
                celery.send_task("customers.receive", kwargs={}, queue="customers")
                with to.connection_for_read() as connection:
                    queue = connection.SimpleQueue("customers")
                    queue.get(timeout=5).reject(requeue=True)
                    queue.get(timeout=5).ack()
                    queue.close()
            with broker_client(mine) as broker:
                refuse_unfit_broker(broker)
                assert broker.llen(queue_key(mine, "customers")) == 0

    def test_let_a_service_have_back_what_a_killed_worker_held(self, tmp_path: Path) -> None:
        with guarded(tmp_path) as url:
            mine = login(url, tmp_path, "orders")
            with create_celery("orders", mine) as celery:
                celery.conf.broker_transport_options["visibility_timeout"] = 0
                celery.send_task("orders.receive", kwargs={}, queue="orders")
                with celery.connection_for_read() as killed, celery.connection_for_read() as other:
                    killed.SimpleQueue("orders").get(timeout=5)
                    channel: Any = other.default_channel
                    # Twice, as two workers do at once.
                    for _ in range(2):
                        channel.qos.restore_visible()

                    with broker_client(login(url, tmp_path, "operator")) as broker:
                        assert broker.keys() == [queue_key(mine, "orders").encode()]
                        assert broker.llen(queue_key(mine, "orders")) == 1

    def test_let_nobody_read_anothers_queue_under_any_prefix(self, tmp_path: Path) -> None:
        with guarded(tmp_path) as url, broker_client(login(url, tmp_path, "orders")) as orders:
            for prefix in ("kith", "then"):
                orders.lpush(f"{prefix}:customers", "added")
                for refused in (orders.rpop, orders.delete, orders.lrange):
                    arguments: Any = (0, -1) if refused == orders.lrange else ()
                    with pytest.raises(NoPermissionError):
                        refused(f"{prefix}:customers", *arguments)

    def test_let_transactions_outlive_a_restart(self, tmp_path: Path) -> None:
        # Redis reads them from its file as the default user, who is off, and drops what that user
        # may not do.
        with (
            guarded(tmp_path) as url,
            broker_client(login(url, tmp_path, "operator")) as client,
            client.pipeline(transaction=True) as together,
        ):
            together.set("one", 1).set("two", 2).execute()

        with guarded(tmp_path) as url, broker_client(login(url, tmp_path, "operator")) as client:
            assert client.mget("one", "two") == [b"1", b"2"]

    def test_leave_nobody_else(self, tmp_path: Path) -> None:
        with guarded(tmp_path) as url:
            for address in (url, url.replace("//", "//default:-@")):
                with redis.Redis.from_url(address) as nobody, pytest.raises(redis.RedisError):
                    nobody.ping()


@contextmanager
def guarded(folder: Path) -> Iterator[str]:
    """A Redis with these users."""
    secrets.put(folder, "users.acl", rules(PASSWORDS, operator="operator"))
    users = Users(file=folder / "users.acl", name="operator", password=PASSWORDS["operator"])
    port = free_port()
    with running(redis_server(folder, port=port, users=users)):
        yield redis_url(port)


def login(url: str, folder: Path, user: str) -> Settings:
    """Settings by which this user signs in."""
    secrets.put(folder / user, "redis_password", PASSWORDS[user])
    return replace(load(), redis_url=url, redis_user=user, secrets_dir=folder / user)
