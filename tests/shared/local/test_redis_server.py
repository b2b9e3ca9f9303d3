from pathlib import Path

import pytest
import redis

from shared.local.ports import LOOPBACK, free_port
from shared.local.redis_server import require_redis, running_redis
from shared.local.servers import ServerFailed


class TestRunningRedis:
    def test_keeps_every_message(self, tmp_path: Path) -> None:
        home = tmp_path / "a folder"

        with running_redis(home) as url, redis.Redis.from_url(url) as client:
            names = ("maxmemory-policy", "appendonly", "save", "bind")
            settings = {name: client.config_get(name)[name] for name in names}
            client.set("key", "value")
        with running_redis(home) as url, redis.Redis.from_url(url) as client:
            kept = client.get("key")

        assert settings == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "save": "",
            "bind": LOOPBACK,
        }
        assert kept == b"value"

    def test_says_what_the_log_says_when_the_data_are_broken(self, tmp_path: Path) -> None:
        (tmp_path / "redis").mkdir()
        (tmp_path / "redis" / "appendonly.aof").write_text("*1\r\nno command\r\n")

        with pytest.raises(ServerFailed) as failure, running_redis(tmp_path):
            pass

        assert str(failure.value).startswith("redis does not start: Bad file format")

    def test_says_that_the_folder_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "redis").touch()

        with pytest.raises(ServerFailed) as failure, running_redis(tmp_path):
            pass

        assert str(failure.value).startswith("redis cannot be started ([Errno 17] File exists")


class TestRequireRedis:
    def test_accepts_one_that_answers(self, tmp_path: Path) -> None:
        with running_redis(tmp_path) as url:
            require_redis(url)

    def test_names_the_variable_of_a_silent_one(self) -> None:
        with pytest.raises(ServerFailed) as failure:
            require_redis(f"redis://:secret@127.0.0.1:{free_port()}/0")

        assert str(failure.value).startswith("The Redis that REDIS_URL names does not answer: ")
        assert "secret" not in str(failure.value)

    def test_names_the_variable_of_an_address_that_is_none(self) -> None:
        with pytest.raises(ServerFailed, match=r"^The Redis that REDIS_URL names"):
            require_redis("http://127.0.0.1")
