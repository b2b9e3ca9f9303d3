"""A Redis that can be killed, stopped, emptied and filled."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import redis

from shared.local.binaries import find_redis
from shared.local.ports import free_port
from shared.local.redis_server import Users, redis_argv, redis_url
from tests.faults.processes import Keeper, Process, wait_until

PATIENCE = 90.0
ANYBODY = "anybody"


class RedisServer:
    """A Redis that can be killed, stopped, emptied and filled."""

    def __init__(self, folder: Path, keeper: Keeper, *, users: Users) -> None:
        self._keeper = keeper
        self._users = users
        port = free_port()
        self.folder = folder / "redis"
        self.folder.mkdir()
        argv = redis_argv(
            find_redis(),
            directory=self.folder,
            log=folder / "redis.log",
            port=port,
            users=users.file,
        )
        self.process = Process(name="redis", argv=argv, log=folder / "redis.out")
        self.url = redis_url(port)
        self.open_url = self.url.replace("//", f"//{ANYBODY}:-@")
        """The address for somebody with every right, as many give to Celery."""
        with users.file.open("a") as rules:
            rules.write(f"user {ANYBODY} reset on nopass ~* &* +@all\n")

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._keeper.start(self.process)
        self.wait()

    def wait(self) -> None:
        """Return when it answers."""
        wait_until(self._answers, "Redis answers", seconds=PATIENCE)

    def kill(self, *, down: float = 0.0, empty: bool = False) -> None:
        """SIGKILL it, and start it again after some seconds, with what it had or with nothing."""
        self._keeper.end(self.process)
        if empty:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        time.sleep(down)
        self._keeper.restart(self.process)
        self.wait()

    def pause(self, seconds: float) -> None:
        """Stop it without ending it, and let it go on later."""
        assert self.process.send(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self.process.send(signal.SIGCONT)

    def fill(self, seconds: float) -> int:
        """Let it take nothing any more for a while; returns how many commands it refused."""
        with self.client() as client:
            before = _refused(client)
            client.config_set("maxmemory", "1")
            time.sleep(seconds)
            client.config_set("maxmemory", "0")
            return _refused(client) - before

    def flush(self) -> int:
        """Have it forget everything, as soon as there is anything; returns how many keys it had."""
        with self.client() as client:
            wait_until(client.dbsize, "there is anything in Redis", seconds=PATIENCE)
            count: Any = client.dbsize()
            client.flushall()
            return int(count)

    def client(self) -> redis.Redis:
        """A client of it."""
        return redis.Redis.from_url(
            self.url,
            username=self._users.name,
            password=self._users.password,
            socket_timeout=5,
            socket_connect_timeout=1,
        )

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _refused(client: redis.Redis) -> int:
    """How many commands Redis refused because it was full."""
    stats: Any = client.info("errorstats")
    return int(stats.get("errorstat_OOM", {}).get("count", 0))
