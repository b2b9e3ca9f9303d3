"""The migrations of all services, on the real server."""

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services import registry
from services.customers import documents
from services.orders import documents as orders_documents
from services.tools import migrate, schema
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.old_customers import old_customers

FIRST = "0001_split_preferences"
WRITTEN = {
    ("customers", "customers"): documents.SCHEMA_VERSION,
    ("customers", "staff"): documents.COPY_SCHEMA_VERSION,
    ("orders", "customer_cards"): orders_documents.COPY_SCHEMA_VERSION,
}
PEOPLE = list(old_customers(Plan(customers=60, orders=0)))


class TestOf:
    @pytest.mark.parametrize("service", registry.SERVICES)
    def test_lead_to_the_version_that_the_service_writes(self, service: str) -> None:
        """The last of a collection makes the documents that the repository makes."""
        last = {one.collection: one.schema_version for one in registry.migrations(service)}

        for name, version in last.items():
            assert name in {one.name for one in registry.collections(service)}
            assert version == WRITTEN[service, name]


class TestSettleNew:
    def test_notes_what_has_nothing_to_do(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        list(schema.update(settings, client))

        assert list(migrate.settle_new(settings, client)) == []

        assert migrate.pending(settings, client) == []
        record = service_database(client, settings, "customers").migrations.find_one({}) or {}
        assert (record["_id"], record["state"], record["count"]) == (FIRST, "applied", 0)

    def test_says_what_is_pending(
        self, settings: Settings, client: MongoClient[Document], old: Database[Document]
    ) -> None:
        said = f"{old.name}: the migration {FIRST} is pending; `make migrate` applies it "

        for tell in (migrate.settle_new, migrate.tell_pending):
            (line,) = tell(settings, client)
            assert line.startswith(said)

        assert old.migrations.count_documents({"_id": FIRST}) == 0

    def test_says_why_nothing_can_be_applied(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        list(schema.update(settings, client))
        list(migrate.settle_new(settings, client))
        service_database(client, settings, "customers").migrations.update_one(
            {}, {"$set": {"checksum": "0" * 64}}
        )

        (line,) = migrate.settle_new(settings, client)

        assert f"{FIRST} has changed since it was applied" in line


class TestApply:
    def test_turns_all_customers(
        self, settings: Settings, client: MongoClient[Document], old: Database[Document]
    ) -> None:
        (service, migration), *_ = migrate.pending(settings, client)

        done, *_ = migrate.apply(
            settings, client, tuple(registry.SERVICES), progress=lambda *_: None
        )

        assert (service, done.service, done.account.migrated) == ("customers", "customers", 60)
        expected = {one["_id"]: migration.migrate(one) for one in PEOPLE}
        assert {one["_id"]: one for one in old.customers.find()} == expected
        assert migrate.pending(settings, client) == []

    def test_ends_with_the_first_that_fails(
        self, settings: Settings, client: MongoClient[Document], old: Database[Document]
    ) -> None:
        # As if somebody had put it past the rules.
        odd = {"interest_a": True, **{f"likes_a{n}": True for n in range(50)}}
        old.command({"collMod": "customers", "validationLevel": "off"})
        old.customers.update_one({"_id": PEOPLE[0]["_id"]}, {"$set": {"preferences": odd}})
        list(schema.update(settings, client))

        (done,) = migrate.apply(settings, client, ("customers",), progress=lambda *_: None)

        assert (done.account.migrated, done.account.failed) == (59, 1)
        (failure,) = done.account.failures
        assert failure["id"] == PEOPLE[0]["_id"]
        assert failure["reason"].startswith("The validator refuses what it would become (interests")
        assert migrate.pending(settings, client, ("customers",))[0][1].name == FIRST

    def test_of_another_service_leaves_it(
        self, settings: Settings, client: MongoClient[Document], old: Database[Document]
    ) -> None:
        done = migrate.apply(settings, client, ("orders",), progress=lambda *_: None)

        assert {one.service for one in done} == {"orders"}
        assert list(old.customers.find().sort("_id")) == PEOPLE

    def test_is_only_rehearsed(
        self, settings: Settings, client: MongoClient[Document], old: Database[Document]
    ) -> None:
        done, *_ = migrate.apply(
            settings, client, tuple(registry.SERVICES), progress=lambda *_: None, only_rehearse=True
        )

        assert (done.account.migrated, done.account.problem) == (60, None)
        assert list(old.customers.find().sort("_id")) == PEOPLE
        assert old.migrations.count_documents({}) == 0


@pytest.fixture
def old(settings: Settings, client: MongoClient[Document]) -> Database[Document]:
    """The customers' database, built, with customers of before in it."""
    list(schema.update(settings, client))
    made = service_database(client, settings, "customers")
    made.customers.insert_many(PEOPLE)
    return made
