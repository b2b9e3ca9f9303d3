import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import cast

import orjson
import pytest
import redis
from celery import Celery

from shared.local.output import Console
from shared.local.ports import free_port
from shared.local.redis_server import redis_server, redis_url, running_redis
from shared.local.servers import start
from shared.local.supervisor import Supervisor
from shared.messaging.broker import (
    BrokerUnfit,
    broker_client,
    forget_messages,
    forget_release_before,
    queue_key,
    refuse_unfit_broker,
    send,
    wait_for_fit_broker,
)
from shared.settings import Settings, load
from tests.support.queues import messages_in


class TestCreateCelery:
    def test_sends_plain_json_under_the_prefix_of_the_installation(
        self, celery: Celery, broker: redis.Redis, wired: Settings
    ) -> None:
        celery.send_task("others.receive", kwargs={"deliveries": [{"id": "e"}]}, queue="others")

        (message,) = messages_in(broker, wired, "others")
        assert message.task == "others.receive"
        assert message.kwargs == {"deliveries": [{"id": "e"}]}
        foreign = [
            key
            for key in broker.scan_iter(count=1_000)
            if b"others" in key and not key.startswith(b"test_")
        ]
        assert foreign == []

    def test_loses_nothing_that_a_killed_worker_held(self, celery: Celery) -> None:
        assert celery.conf.task_acks_late is True
        assert celery.conf.task_reject_on_worker_lost is True
        assert celery.conf.worker_prefetch_multiplier == 1

    def test_hands_nothing_out_twice_while_it_is_worked_on(self, celery: Celery) -> None:
        visible_after = celery.conf.broker_transport_options["visibility_timeout"]

        assert celery.conf.task_soft_time_limit < celery.conf.task_time_limit < visible_after

    def test_gives_up_on_no_server_and_waits_for_none_without_end(self, celery: Celery) -> None:
        transport = celery.conf.broker_transport_options

        assert celery.conf.broker_connection_max_retries is None
        assert 0 < transport["socket_connect_timeout"] <= transport["socket_timeout"] <= 5

    def test_reads_nothing_that_could_run_code(self, celery: Celery) -> None:
        assert celery.conf.accept_content == ["json"]


class TestSend:
    def test_leaves_no_readable_copy_of_what_is_said(
        self, celery: Celery, broker: redis.Redis, wired: Settings
    ) -> None:
        send(celery, "receive", queue="others", deliveries=["somebody@example.com"])

        (raw,) = cast(list[bytes], broker.lrange(queue_key(wired, "others"), 0, -1))
        headers = orjson.loads(raw)["headers"]
        assert headers["task"] == "others.receive"
        assert (headers["argsrepr"], headers["kwargsrepr"]) == ("-", "-")


class TestQueueKey:
    def test_is_where_celery_keeps_the_queue(
        self, celery: Celery, broker: redis.Redis, wired: Settings
    ) -> None:
        celery.send_task("others.receive", kwargs={}, queue="others")

        assert broker.llen(queue_key(wired, "others")) == 1


class TestForgetMessages:
    def test_drops_what_waits_and_what_workers_hold(
        self, celery: Celery, broker: redis.Redis, wired: Settings
    ) -> None:
        celery.send_task("others.receive", kwargs={}, queue="others")
        celery.send_task("things.receive", kwargs={}, queue="things")
        with celery.connection_for_read() as connection:
            # Taken and not acknowledged, as by a worker that was killed then.
            assert connection.SimpleQueue("things").get(timeout=5)
            # Both are one application's here, of the service by whose name it was made.
            assert broker.hlen(queue_key(wired, "things.unacked")) == 1
            # What a release before this one left behind.
            broker.hset(queue_key(wired, "unacked"), "tag", "message")

            forget_messages(wired, ["things", "others"])

        names = ("things", "others", "things.unacked", "things.unacked_index", "unacked")
        assert broker.exists(*(queue_key(wired, name) for name in names)) == 0


class TestForgetReleaseBefore:
    def test_drops_its_messages_from_the_file_too(
        self, own_redis: redis.Redis, own_settings: Settings, own_folder: Path
    ) -> None:
        own_redis.hset(queue_key(own_settings, "unacked"), "tag", "somebody@example.com")
        own_redis.sadd(queue_key(own_settings, "_kombu.binding.things"), "x")
        own_redis.lpush(queue_key(own_settings, "things"), "a message that nobody signed")
        assert in_files(own_folder, b"somebody@example.com")

        assert forget_release_before(own_settings, ["things"])

        assert own_redis.keys() == []
        assert eventually(lambda: not in_files(own_folder, b"somebody@example.com"))
        assert not forget_release_before(own_settings, ["things"])

    def test_leaves_the_messages_of_this_release(
        self, own_redis: redis.Redis, own_settings: Settings
    ) -> None:
        own_redis.lpush(queue_key(own_settings, "things"), "message")

        assert not forget_release_before(own_settings, ["things"])

        assert own_redis.llen(queue_key(own_settings, "things")) == 1


def in_files(folder: Path, text: bytes) -> bool:
    """Whether Redis has this on its disk."""
    files = (path for path in folder.rglob("*.aof") if path.is_file())
    return any(text in path.read_bytes() for path in files)


def eventually(holds: Callable[[], bool], *, seconds: float = 30) -> bool:
    """True if it holds within some time."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


class TestRefuseUnfitBroker:
    def test_accepts_a_server_that_keeps_everything(self, own_redis: redis.Redis) -> None:
        refuse_unfit_broker(own_redis)

    @pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
    def test_refuses_one_that_may_drop_messages(self, own_redis: redis.Redis, policy: str) -> None:
        own_redis.config_set("maxmemory-policy", policy)

        with pytest.raises(BrokerUnfit, match=rf"{policy}.*noeviction.*REDIS_URL"):
            refuse_unfit_broker(own_redis)

    @pytest.mark.parametrize("process", ["relay", "worker"])
    def test_keeps_a_process_from_starting(
        self, own_redis: redis.Redis, own_settings: Settings, process: str
    ) -> None:
        own_redis.config_set("maxmemory-policy", "allkeys-lru")

        ended = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "services", process, "customers"],
            cwd=Path(__file__).parents[3],
            env={
                "REDIS_URL": own_settings.redis_url,
                "SECRETS_DIR": str(own_settings.secrets_dir),
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert ended.returncode == 1
        assert "maxmemory-policy allkeys-lru" in ended.stderr
        assert "Traceback" not in ended.stderr


class TestKeys:
    @pytest.mark.parametrize("process", ["relay", "worker"])
    def test_of_events_are_needed_to_start(self, tmp_path: Path, process: str) -> None:
        ended = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "services", process, "customers"],
            cwd=Path(__file__).parents[3],
            env={"SECRETS_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert ended.returncode == 1
        assert ended.stderr.startswith(f"Error: {tmp_path}/event_keys is missing or empty;")
        assert ended.stderr.count("\n") == 1


class TestWaitForFitBroker:
    def test_waits_for_a_server_that_comes_late(self, settings: Settings, tmp_path: Path) -> None:
        late = replace(settings, redis_url=redis_url(port := free_port()))
        waits: list[float] = []
        with ExitStack() as stack, broker_client(late) as client:

            def sleep(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    supervisor = stack.enter_context(Supervisor(Console(StringIO())))
                    start([redis_server(tmp_path, port=port)], supervisor=supervisor)

            wait_for_fit_broker(client, sleep=sleep)

        assert waits == [0.5, 0.5]

    def test_does_not_wait_for_one_that_is_unfit(self, own_redis: redis.Redis) -> None:
        own_redis.config_set("maxmemory-policy", "allkeys-lru")

        with pytest.raises(BrokerUnfit):
            wait_for_fit_broker(own_redis)


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Redis of this module's own."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own_settings(own_folder: Path) -> Iterator[Settings]:
    """Settings that lead to a Redis which is set up however a test likes."""
    with running_redis(own_folder) as url:
        yield replace(load(), redis_url=url)


@pytest.fixture
def own_redis(own_settings: Settings) -> Iterator[redis.Redis]:
    """A client for that Redis, which is fit again afterwards."""
    with broker_client(own_settings) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
