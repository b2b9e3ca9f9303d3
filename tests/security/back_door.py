"""What somebody finds who is on the machine: the servers behind Kith, and its files."""

import base64
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.events.signature import Signer, read_keys
from shared.local.ports import LOOPBACK
from shared.messaging.broker import create_celery
from shared.mongo.client import connect, service_database
from shared.settings import EVENT_KEYS, OPERATOR, Settings, load
from tests.journeys.system import System

_ENCODED = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def settings(kith: System) -> Settings:
    """Settings that lead to the servers of a running Kith, as its operator."""
    return replace(
        load(),
        secrets_dir=data(kith) / "secrets" / OPERATOR,
        mongo_user=OPERATOR,
        redis_user=OPERATOR,
        mongo_url=f"mongodb://{LOOPBACK}:{kith.ports['mongo']}/?directConnection=true",
        redis_url=f"redis://{LOOPBACK}:{kith.ports['redis']}/0",
        database_prefix="kith",
    )


def run(kith: System, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of an operator's to its end."""
    return kith.run(*arguments)


@contextmanager
def database(kith: System, service: str) -> Iterator[Database[Document]]:
    """The database of a service."""
    with connect(settings(kith)) as client:
        yield service_database(client, settings(kith), service)


@contextmanager
def queue(kith: System) -> Iterator[Celery]:
    """A sender of messages who has a login, and is none of Kith's."""
    with create_celery("stranger", settings(kith)) as celery:
        yield celery


def signer(kith: System) -> Signer:
    """Signs as Kith does; no stranger has this."""
    return Signer(read_keys((data(kith) / "secrets" / "orders" / EVENT_KEYS).read_text()))


def data(kith: System) -> Path:
    """The folder with everything that Kith keeps."""
    return Path(kith.environment["DATA_DIR"])


def plain(raw: bytes) -> bytes:
    """Bytes, and behind them all that is base64 in them, as the bodies of messages are."""
    return b"\n".join([raw, *map(_decoded, _ENCODED.findall(raw))])


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text[: len(text) // 4 * 4] if len(text) % 4 else text)
