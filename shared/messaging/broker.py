"""The Celery application that carries messages over Redis.

Every setting that keeps it from losing messages or from hanging is here, with what breaks without.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from shared import logins
from shared.messaging import access
from shared.settings import Settings

log = structlog.get_logger(__name__)

BATCH = 100
"""Events in one message. More save round trips; fewer lose less work when a worker is killed."""

HANDLING_SECONDS = 20
"""The time limit for the events of one message.

Some dozen times what a busy machine needs for a hundred; an event that never ends holds up its
worker process five times as long before it is dead-lettered.
"""

BROKER_OUTAGES = (OperationalError, redis.RedisError, OSError)
"""Errors of sending when Redis is away, stopped, full or read-only.

kombu turns most of that into its own error, but not what happens while it reconnects.
"""


ONCE_SHARED = ("unacked", "unacked_index", "unacked_mutex")
"""Keys in which earlier releases kept what all workers held; nobody looks there any more."""


class BrokerUnfit(Exception):
    """The Redis server is set up in a way that loses messages; the message says what to change."""


def create_celery(name: str, settings: Settings, *, seconds: int = HANDLING_SECONDS) -> Celery:
    """A Celery application that sends to, and may read from, the settings' Redis.

    `seconds` are what a task may take.
    """
    celery = Celery(name, broker=settings.redis_url, set_as_current=False)
    login = _login(settings)
    held, held_index = access.held_keys(name)
    transport: dict[str, Any] = {
        # Longer than the hard time limit, or a slow task would be handed to a second worker; much
        # longer and what a killed worker held would wait that long.
        "visibility_timeout": 120,
        # Keys of two installations on one Redis would mix.
        "global_keyprefix": f"{settings.database_prefix}:",
        # By default services share these, so that each could read what all others hold.
        "unacked_key": held,
        "unacked_index_key": held_index,
        # By default each queue is four. Nothing of ours has a priority.
        "priority_steps": [0],
        # Without time-outs a stopped (not dead) Redis holds the relay for ever.
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # By default what a killed worker held is looked for in sweeps many minutes apart.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 1_000,
    }
    celery.conf.update(
        # By its name, as Celery makes it itself.
        broker_transport="shared.messaging.transport:Transport",
        # Not in the address, which goes into messages and logs.
        broker_user=login.get("username"),
        broker_password=login.get("password"),
        broker_transport_options=transport,
        result_backend_transport_options=transport,
        visibility_timeout=transport["visibility_timeout"],
        task_default_queue=name,
        # Only plain data is read, so a message cannot run code.
        accept_content=["json"],
        # By default a message is acknowledged before it is handled, and a killed worker loses it.
        task_acks_late=True,
        # And it would count as handled even so when the process of the pool dies that had it.
        task_reject_on_worker_lost=True,
        # A message that failed or ran out of time is done with: its unconfirmed events come again
        # from the relay, each counted. So `task_acks_on_failure_or_timeout` stays on (off, Celery
        # throws the message away as well), and there is no soft shutdown, which would only give
        # messages back to Redis that the relay sends again anyway.
        # A prefetched message would wait behind a long one.
        worker_prefetch_multiplier=1,
        # Nobody asks for results; state lives in MongoDB.
        task_ignore_result=True,
        # A handler that hangs must not hold its process for ever. The first limit is an exception
        # in it, which can be noted; the second kills the process.
        task_soft_time_limit=seconds,
        task_time_limit=seconds + 5,
        # The default gives up after 100 tries, and the process with it.
        broker_connection_max_retries=None,
        # A Redis that is full refuses commands. By default a worker that meets that ends; like one
        # that is away it is to be waited for.
        broker_channel_error_retry=True,
        broker_connection_retry_on_startup=True,
        # Otherwise a task runs on while its copy is already delivered to another worker.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        # Publishing is repeated by the relay, which knows what was sent; a long retry here would
        # hide an outage.
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2},
        # The process's own logging is set up in `shared.logs`.
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        # Nobody listens to remote control; its channel would be one more thing that can hang.
        worker_enable_remote_control=False,
        enable_utc=True,
    )
    return celery


def send(celery: Celery, task: str, *, queue: str, **arguments: Any) -> None:
    """Send a message to a service: `task` of the one that listens to `queue`.

    :raises OperationalError: Redis does not take it; see `BROKER_OUTAGES` for what else may come.
    """
    celery.send_task(
        f"{queue}.{task}",
        kwargs=arguments,
        queue=queue,
        # Otherwise a readable copy of the beginning goes along, and into whatever logs it.
        argsrepr="-",
        kwargsrepr="-",
    )


def broker_client(settings: Settings) -> redis.Redis:
    """A plain client for the same Redis, for looking at queue lengths and settings."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=5, socket_connect_timeout=3, **_login(settings)
    )


def queue_key(settings: Settings, queue: str) -> str:
    """The Redis key of the list in which a queue's messages wait."""
    return f"{settings.database_prefix}:{queue}"


def forget_messages(settings: Settings, queues: Iterable[str]) -> None:
    """Drop every message on its way: those that wait in `queues`, and those that workers hold.

    What is still to be said is said again by the relays, out of the documents.

    :raises redis.RedisError: the server does not answer.
    """
    names = [each for queue in queues for each in (queue, *access.held_keys(queue))]
    with broker_client(settings) as client:
        client.delete(*(queue_key(settings, name) for name in (*names, *ONCE_SHARED)))


def forget_release_before(settings: Settings, services: Iterable[str]) -> bool:
    """Drop what a release before this one kept in Redis, and from its file; False if nothing.

    Its messages named customers, and nobody had signed them, so that workers would count those that
    still wait as forged; the relays send them again. What was once in the append-only file stays
    there until that is rewritten.

    :raises redis.RedisError: the server does not answer.
    """
    queues = list(services)
    tables = [f"_kombu.binding.{queue}" for queue in queues]
    with broker_client(settings) as client:
        its_own = [queue_key(settings, name) for name in (*ONCE_SHARED, *tables)]
        if not client.exists(*its_own):
            return False
        client.delete(*its_own, *(queue_key(settings, queue) for queue in queues))
        client.bgrewriteaof()
    return True


def wait_for_fit_broker(
    client: redis.Redis, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when the server answers and is fit; a late server is waited for, however long.

    :raises BrokerUnfit: it may evict keys.
    """
    waited = False
    while True:
        try:
            refuse_unfit_broker(client)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if not waited:
                log.warning("redis_awaited", reason=type(error).__name__)
            waited = True
            sleep(0.5)
        else:
            return


def refuse_unfit_broker(client: redis.Redis) -> None:
    """Check that the server never evicts keys.

    :raises BrokerUnfit: it may; under memory pressure it would drop whole queues.
    """
    memory = cast(dict[str, Any], client.info("memory"))
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise BrokerUnfit(
            f"Redis has maxmemory-policy {policy}, which may drop waiting messages; "
            "set it to noeviction, or name another server by REDIS_URL."
        )


def signs_in(settings: Settings) -> bool:
    """True if this process signs in by a password that was made for it."""
    return bool(_login(settings))


def _login(settings: Settings) -> dict[str, str]:
    """The login of the settings' user; nothing if the address has one, or there is no password."""
    password = logins.password(
        settings.redis_url,
        user=settings.redis_user,
        folder=settings.secrets_dir,
        name=access.FILE,
    )
    return {} if password is None else {"username": settings.redis_user, "password": password}
