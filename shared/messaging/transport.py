"""Celery's way over Redis, without what would need more rights than a service has.

kombu keeps a table of queues that everybody writes to, and a lock that a script releases. Kith uses
neither: every queue is known by its name, and a lock only saved workers a look.
"""

import time
from typing import Any

from kombu.transport import redis


class QoS(redis.QoS):
    """Knows which messages a worker holds, and hands out again what a killed one held."""

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:  # noqa: ARG002 - kombu's signature; how often it is called is set by the interval alone.
        """Put back into the queue what was held for longer than the visibility time-out.

        Several workers may do that at once: each message is moved in a transaction, by the first.
        """
        until = time.time() - self.visibility_timeout
        channel: Any = self.channel
        with channel.conn_or_acquire() as client:
            late = client.zrange(
                self.unacked_index_key, until, 0, desc=True, byscore=True, offset=start, num=num
            )
            for tag in late:
                self.restore_by_tag(tag, client)


class Channel(redis.Channel):
    """A channel that keeps no tables in Redis."""

    QoS = QoS
    # Messages to everybody are what the tables are for. Kith has none.
    supports_fanout = False


class Transport(redis.Transport):
    """What `broker_transport` names."""

    Channel = Channel
