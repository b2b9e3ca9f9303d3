"""A database in memory, by mongomock, for the loop of editing. Knows no service.

It holds no validator and compares no text by collation, and it knows neither transactions nor bulk
updates: what belongs to one is written one by one. A test that needs one of these needs the real
server.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import mongomock
from pymongo import MongoClient
from pymongo.database import Database

from shared.document import Document
from shared.mongo.collections import Collection


class NoTransaction:
    """Stands where a session does; what is written in its transaction is written at once."""

    def with_transaction(self, callback: Callable[[None], Any]) -> Any:
        """What the callback gives, called once."""
        return callback(None)


def in_memory(name: str, collections: tuple[Collection, ...]) -> Database[Document]:
    """An empty database with the indexes of its collections."""
    client: MongoClient[Document] = mongomock.MongoClient(tz_aware=True)
    # The library has none, and takes a session of None only.
    session: Any = nullcontext(NoTransaction())
    client.start_session = lambda: session  # type: ignore[method-assign,assignment,misc]
    made: Database[Document] = client[name]
    for collection in collections:
        for index in collection.all_indexes():
            options = dict(index.document)
            # One by one: its `create_indexes` forgets to which documents an index is limited.
            made[collection.name].create_index(list(options.pop("key").items()), **options)
    return made
