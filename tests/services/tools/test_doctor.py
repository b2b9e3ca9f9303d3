"""The page on how all databases are, on the real server: each trouble that is planted is on it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from click.testing import CliRunner
from pymongo import MongoClient

from services.__main__ import cli
from services.tools import doctor
from services.tools.sample.plan import Plan
from shared.doctor.findings import Level
from shared.document import Document
from shared.messaging.inbox import Inbox
from shared.mongo.client import service_database
from shared.settings import PORTS, Settings
from tests.support.system import system

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class TestRun:
    def test_finds_nothing_bad_in_a_sound_system(self, sound: Settings) -> None:
        findings = list(doctor.run(sound))

        assert [one for one in findings if one.level is Level.BAD] == []
        subjects = {one.subject for one in findings}
        assert {"replication", "oplog", "disk"} <= subjects
        for service in PORTS:
            name = f"{sound.database_prefix}_{service}"
            assert {f"{name} {what}" for what in ("rules", "events", "dead letters")} <= subjects

    def test_finds_each_trouble(self, sound: Settings, client: MongoClient[Document]) -> None:
        orders = service_database(client, sound, "orders")
        customers = service_database(client, sound, "customers")
        orders.orders.drop_index("sku")
        orders.command(
            "update",
            "orders",
            updates=[{"q": {"kind": "sale"}, "u": {"$set": {"version": 0}}}],
            bypassDocumentValidation=True,
        )
        customers.customers.update_one(
            {}, {"$set": {"outbox": [waiting(LONG_AGO)]}}, bypass_document_validation=True
        )
        Inbox(customers).dead_letter({"id": "e1", "name": "OrderPlaced"}, "KeyError: 'total'")
        customers.drop_collection("staff")

        bad = {one.subject: one for one in doctor.run(sound) if one.level is Level.BAD}

        assert bad.keys() == {
            f"{orders.name}.orders indexes",
            f"{orders.name}.orders rules",
            f"{customers.name} events",
            f"{customers.name} dead letters",
            f"{customers.name}.staff",
        }
        assert all(one.advice for one in bad.values())

    @pytest.mark.parametrize(
        ("change", "level", "state"),
        [
            (None, Level.GOOD, "all are applied"),
            ({"state": "running"}, Level.LOOK, "pending: 0001_split_preferences"),
            (
                {"state": "failed", "problem": "One failed."},
                Level.BAD,
                "0001_split_preferences failed",
            ),
            ({"checksum": "0" * 64}, Level.BAD, "not those of this release"),
        ],
        ids=str,
    )
    def test_says_how_the_migrations_are(
        self,
        sound: Settings,
        client: MongoClient[Document],
        change: Document | None,
        level: Level,
        state: str,
    ) -> None:
        customers = service_database(client, sound, "customers")
        if change:
            customers.migrations.update_one({}, {"$set": change})

        (found,) = (
            one for one in doctor.run(sound) if one.subject == f"{customers.name} migrations"
        )

        assert (found.level, found.state) == (level, state)
        assert bool(found.advice) is (level is not Level.GOOD)


class TestCommand:
    def test_shows_a_page_and_ends_well(
        self, sound: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lead_to(sound, monkeypatch)

        ended = CliRunner().invoke(cli, ["doctor", "--profile", "off"])

        assert ended.exit_code == 0, ended.output
        assert "good" in ended.stdout
        assert "oplog" in ended.stdout

    def test_ends_with_a_failure_if_anything_is_bad(
        self, sound: Settings, client: MongoClient[Document], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lead_to(sound, monkeypatch)
        Inbox(service_database(client, sound, "customers")).dead_letter(
            {"id": "e1", "name": "X"}, "why"
        )

        ended = CliRunner().invoke(cli, ["doctor"])

        assert ended.exit_code == 1
        assert "Something is bad" in ended.output

    def test_has_slow_queries_noted(
        self, sound: Settings, client: MongoClient[Document], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lead_to(sound, monkeypatch)

        ended = CliRunner().invoke(cli, ["doctor", "--profile", "70"])

        noted = service_database(client, sound, "orders").command("profile", -1)
        assert (ended.exit_code, noted["was"], noted["slowms"]) == (0, 1, 70)
        doctor.note_slow_queries(sound, milliseconds=None)

    def test_refuses_what_is_no_number(
        self, sound: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lead_to(sound, monkeypatch)

        ended = CliRunner().invoke(cli, ["doctor", "--profile", "fast"])

        assert ended.exit_code == 2


def lead_to(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands find these databases."""
    monkeypatch.setenv("MONGO_URL", settings.mongo_url)
    monkeypatch.setenv("DATABASE_PREFIX", settings.database_prefix)


def waiting(since: datetime) -> Document:
    """An event that nobody confirms."""
    return {
        "id": str(ObjectId.from_datetime(since)),
        "to": "orders",
        "name": "CustomerRegistered",
        "schema": 1,
        "data": {},
        "sent": 9,
        "due_at": since + timedelta(minutes=10),
    }


@pytest.fixture
def client(sound: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod."""
    with MongoClient[Document](sound.mongo_url, tz_aware=True) as made:
        yield made


@pytest.fixture
def sound(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to a small system in which nothing is wrong."""
    with system(mongo_url, Plan(customers=20, orders=60)) as settings:
        yield settings
