"""Events that wait in all services; lists and redelivers dead letters. Knows no terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import MongoClient

from services.registry import SERVICES, collections
from shared.doctor.events import STUCK_SECONDS, Waiting, waiting
from shared.document import Document
from shared.messaging.dead_letters import DeadLetters, Letter, Replay
from shared.messaging.inbox import DEAD_LETTERS
from shared.mongo.client import service_database
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The waiting events of a service, and the number of its dead letters."""

    service: str
    waiting: list[Waiting]
    dead_letters: int

    @property
    def is_stuck(self) -> bool:
        """True if somebody has to look after them."""
        return bool(self.dead_letters) or any(one.age > STUCK_SECONDS for one in self.waiting)


def overview(
    settings: Settings, client: MongoClient[Document], *, now: datetime
) -> Iterator[Overview]:
    """The overview of each service's events."""
    for service in SERVICES:
        owned = service_database(client, settings, service)
        present = set(owned.list_collection_names())
        there = tuple(one for one in collections(service) if one.name in present)
        yield Overview(
            service=service,
            waiting=waiting(owned, there, now=now),
            dead_letters=DeadLetters(owned, service).count(),
        )


def subscribers() -> tuple[str, ...]:
    """The services that subscribe to anything, and so may have dead letters."""
    return tuple(service for service in SERVICES if DEAD_LETTERS in collections(service))


def letters(
    settings: Settings,
    client: MongoClient[Document],
    services: Sequence[str],
    *,
    since: datetime | None = None,
    ids: list[str] | None = None,
) -> Iterator[tuple[str, Letter]]:
    """The dead letters of these services, each with the service that could not handle it."""
    for service in services:
        found = DeadLetters(service_database(client, settings, service), service)
        for letter in found.search(since=since, ids=ids):
            yield service, letter


def forget_forged(
    settings: Settings, client: MongoClient[Document], services: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Delete the dead letters of forgeries; yields how many each service had."""
    for service in services:
        letters = DeadLetters(service_database(client, settings, service), service)
        yield service, letters.forget_forged()


def replay(
    settings: Settings,
    client: MongoClient[Document],
    found: Sequence[tuple[str, Letter]],
    *,
    now: datetime,
) -> Iterator[tuple[str, Letter, Replay]]:
    """Redeliver these letters; yields the outcome for each."""
    for service, letter in found:
        letters = DeadLetters(service_database(client, settings, service), service)
        yield service, letter, letters.replay(letter.id, now=now)
