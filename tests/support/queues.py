"""Messages in a queue, read from Redis itself: as they travel, not as Celery shows them."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from shared.document import Document
from shared.messaging.broker import queue_key
from shared.settings import Settings


@dataclass(frozen=True)
class Message:
    """A message as its worker will take it."""

    task: str
    kwargs: Document


def messages_in(broker: redis.Redis, settings: Settings, queue: str) -> list[Message]:
    """The messages that wait in a queue, the oldest first."""
    found: Any = broker.lrange(queue_key(settings, queue), 0, -1)
    return [_read(raw) for raw in reversed(found)]


def take_messages(broker: redis.Redis, settings: Settings, queue: str) -> list[Message]:
    """Take out all messages that wait in a queue, the oldest first."""
    found = messages_in(broker, settings, queue)
    broker.delete(queue_key(settings, queue))
    return found


def _read(raw: bytes) -> Message:
    message = orjson.loads(raw)
    assert message["content-type"] == "application/json"
    _, kwargs, _ = orjson.loads(base64.b64decode(message["body"]))
    return Message(message["headers"]["task"], kwargs)
