"""Indexes built and rebuilt, on the real server."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from pymongo.monitoring import CommandListener, CommandStartedEvent, CommandSucceededEvent

from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.indexes import build_indexes
from shared.settings import Settings

EMAIL = IndexModel([("email", 1)], name="email", unique=True)
PARTIAL = IndexModel(
    [("email", 1)],
    name="email",
    unique=True,
    partialFilterExpression={"email": {"$gt": ""}},
)


class TestBuildIndexes:
    @pytest.mark.parametrize(
        "declared",
        [
            IndexModel([("email", 1)], name="email"),
            IndexModel([("email", -1)], name="email", unique=True),
            IndexModel([("email", 1), ("_id", 1)], name="email", unique=True),
            IndexModel([("email", 1)], name="email", unique=True, sparse=True),
            PARTIAL,
            IndexModel([("email", 1)], name="email", unique=True, expireAfterSeconds=5),
            IndexModel([("email", 1)], name="email", unique=True, hidden=True),
        ],
        ids=["options", "direction", "keys", "sparse", "partial", "expiry", "hidden"],
    )
    def test_rebuilds_one_whose_declaration_has_changed(
        self, shops: Collection[Document], declared: IndexModel
    ) -> None:
        list(build_indexes(shops, [EMAIL]))

        changes = list(build_indexes(shops, [declared]))

        assert changes == ["index email rebuilt, it has changed"]
        assert set(shops.index_information()) == {"_id_", "email"}
        assert list(build_indexes(shops, [declared])) == []

    @pytest.mark.parametrize("declared", [PARTIAL, EMAIL], ids=["to partial", "to whole"])
    def test_holds_a_rule_of_uniqueness_all_the_while(
        self, shops: Collection[Document], settings: Settings, declared: IndexModel
    ) -> None:
        list(build_indexes(shops, [PARTIAL if declared is EMAIL else EMAIL]))
        shops.insert_one({"email": "a"})
        probe = Probe(shops)

        with connect(settings, listeners=[probe]) as watched:
            list(build_indexes(watched[shops.database.name][shops.name], [declared]))

        # After each of: bridge built, old one dropped, new one built, bridge dropped.
        assert probe.commands == ["createIndexes", "dropIndexes", "createIndexes", "dropIndexes"]
        assert probe.held == [True] * 4

    def test_leaves_the_old_one_where_documents_break_the_new(
        self, shops: Collection[Document]
    ) -> None:
        list(build_indexes(shops, [IndexModel([("email", 1)], name="email")]))
        shops.insert_many([{"email": "a"}, {"email": "a"}])

        with pytest.raises(DuplicateKeyError):
            list(build_indexes(shops, [EMAIL]))

        assert "unique" not in shops.index_information()["email"]

    def test_goes_on_where_a_rebuild_was_cut_short(self, shops: Collection[Document]) -> None:
        shops.create_indexes([IndexModel([("email", 1)], name="email__next", unique=True)])
        shops.create_indexes([IndexModel([("email", 1)], name="email")])

        changes = list(build_indexes(shops, [PARTIAL]))

        assert changes == [
            "index email__next dropped, a rebuild had left it",
            "index email rebuilt, it has changed",
        ]
        assert set(shops.index_information()) == {"_id_", "email"}

    def test_takes_away_what_a_rebuild_had_left(self, shops: Collection[Document]) -> None:
        list(build_indexes(shops, [EMAIL]))
        shops.create_indexes([IndexModel([("email", -1)], name="email__next")])

        changes = list(build_indexes(shops, [EMAIL]))

        assert changes == ["index email__next dropped, a rebuild had left it"]
        assert list(build_indexes(shops, [EMAIL])) == []


class Probe(CommandListener):
    """Notes, after each change of an index, whether an address can be given twice."""

    def __init__(self, shops: Collection[Document]) -> None:
        self.commands: list[str] = []
        self.held: list[bool] = []
        self._shops = shops

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing has happened yet."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Try what the index forbids."""
        if event.command_name in {"createIndexes", "dropIndexes"}:
            self.commands.append(event.command_name)
            try:
                self._shops.insert_one({"email": "a"})
                self.held.append(False)
            except DuplicateKeyError:
                self.held.append(True)

    def failed(self, event: Any) -> None:
        """The command's own caller notices."""


@pytest.fixture
def shops(client: MongoClient[Document], settings: Settings) -> Iterator[Collection[Document]]:
    """A collection without indexes of its own."""
    made = service_database(client, settings, "shop")
    made.create_collection("shops")
    yield made.shops
    client.drop_database(made)
