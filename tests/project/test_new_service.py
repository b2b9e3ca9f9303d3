"""A service that is thrown away again: adding one is its folder and a line in the registry.

In a copy of the project, with the processes that `make run` starts. Compose and the gateway, which
need a line each, are held to the registry by `test_compose.py`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from pymongo import MongoClient

from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.mongo.client import service_database
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

FOLDER = {
    "__init__.py": '''
"""Notes: what somebody wrote down. Publishes each to itself, to have it read."""

from dataclasses import dataclass

from shared.events.event import Event


@dataclass(frozen=True, kw_only=True)
class NoteWritten(Event):
    """A note was written."""

    note_id: str


PUBLISHES = {NoteWritten: ("notes",)}
SUBSCRIBES = (NoteWritten,)
''',
    "documents.py": """
from shared.events.outbox import OUTBOX_SCHEMA
from shared.messaging import inbox
from shared.mongo import validators
from shared.mongo.collections import Collection

NOTES = Collection(
    name="notes",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": ["_id", "version", "read", "outbox"],
            "properties": {
                "_id": validators.ID,
                "version": validators.VERSION,
                "read": {"bsonType": "bool"},
                "outbox": OUTBOX_SCHEMA,
            },
        }
    },
    outbox=True,
)
COLLECTIONS = (NOTES, *inbox.COLLECTIONS)
""",
    "bootstrap.py": """
from services.notes import PUBLISHES
from shared.mongo.repository import Repository


class NoteRepository(Repository):
    collection_name = "notes"
    public = ("_id", "version", "read")


def create_context(database):
    return NoteRepository(database, PUBLISHES)
""",
    "app.py": """
from flask import Blueprint, current_app

from services.notes import NoteWritten
from services.notes.bootstrap import create_context
from shared import clock
from shared.auth.middleware import public
from shared.auth.tokens import remote_verifier
from shared.identifiers import new_id
from shared.mongo.client import connect, service_database
from shared.settings import load
from shared.web import responses
from shared.web.app import create_app as create_base

notes = Blueprint("notes", __name__, url_prefix="/v1/notes")


@notes.post("")
@public
def write():
    note = {"_id": new_id(), "version": 1, "read": False}
    event = NoteWritten(note_id=note["_id"], version=1, occurred_at=clock.now().isoformat())
    current_app.extensions["notes"].insert(note, event)
    return responses.data({"id": note["_id"]})


def create_app(settings, *, client, verifier):
    app, _ = create_base(
        __name__, title="Notes", description="Notes.", verifier=verifier, client=client
    )
    app.extensions["notes"] = create_context(service_database(client, settings, "notes"))
    app.register_blueprint(notes)
    return app


def web():
    settings = load("notes")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
""",
    "worker.py": """
from functools import partial

from services.notes import NoteWritten
from services.notes.bootstrap import create_context
from shared.messaging.worker import create_worker as create_base


def create_handlers(settings, database):
    notes = create_context(database).collection

    def read(events):
        ids = [event.note_id for event in events]
        notes.update_many({"_id": {"$in": ids}}, {"$set": {"read": True}})

    return {NoteWritten: read}


def create_worker(settings):
    return create_base("notes", settings, partial(create_handlers, settings))
""",
}


class TestNewService:
    def test_is_a_folder_and_a_line_in_the_registry(
        self, house: Path, wired: Settings, client: MongoClient[Document]
    ) -> None:
        port = free_port()
        run(house, wired, "schema")

        with processes(house, wired, port, "web", "worker", "relay"):
            written = asked(f"http://{LOOPBACK}:{port}/v1/notes")

            notes = service_database(client, wired, "notes").notes
            # Read by the worker, and confirmed to the one who wrote it.
            assert awaited(lambda: notes.find_one({"_id": written, "read": True, "outbox": []}))


def run(house: Path, settings: Settings, *arguments: str) -> None:
    """Run a command to its end."""
    subprocess.run(  # noqa: S603 - our own program.
        (sys.executable, "-m", "services", *arguments),
        cwd=house,
        env=environment(settings, 0),
        check=True,
        capture_output=True,
    )


@contextmanager
def processes(house: Path, settings: Settings, port: int, *kinds: str) -> Iterator[None]:
    """The processes of the new service, running until the end."""
    with ExitStack() as stack:
        for kind in kinds:
            log = stack.enter_context((house / f"{kind}.log").open("wb"))
            process = stack.enter_context(
                subprocess.Popen(  # noqa: S603 - our own program.
                    (sys.executable, "-m", "services", kind, "notes"),
                    cwd=house,
                    env=environment(settings, port),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
            stack.callback(process.terminate)
        yield


def environment(settings: Settings, port: int) -> dict[str, str]:
    """Variables that lead to the test's servers, and to the copy instead of the project."""
    return {
        **os.environ,
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "DATABASE_PREFIX": settings.database_prefix,
        "PYTHONPATH": "",
        **({"NOTES_PORT": str(port)} if port else {}),
    }


def asked(url: str) -> str:
    """The id of a note that is written as soon as somebody answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return str(requests.post(url, timeout=5).json()["id"])
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def awaited(find: Callable[[], object]) -> bool:
    """True if something is found in the time that it may take."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if find():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the project, with the folder and the line."""
    for part in ("services", "shared"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "services" / "notes").mkdir()
    for name, text in FOLDER.items():
        (tmp_path / "services" / "notes" / name).write_text(text)
    registry = tmp_path / "services" / "registry.py"
    before, line = registry.read_text(), '    "imports": 8004,\n'
    assert line in before
    registry.write_text(before.replace(line, f'{line}    "notes": 8009,\n'))
    return tmp_path


@pytest.fixture
def wired(settings: Settings, redis_url: str) -> Settings:
    """Settings that lead to the real Redis too."""
    return replace(settings, redis_url=redis_url)
