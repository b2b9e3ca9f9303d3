"""A database in memory, by mongomock, for the loop of editing. Knows no service.

It holds no validator and compares no text by collation, and it knows neither transactions nor bulk
updates. A test that needs one of these needs the real server.
"""

import mongomock
from pymongo import MongoClient
from pymongo.database import Database

from shared.document import Document
from shared.mongo.collections import Collection


def in_memory(name: str, collections: tuple[Collection, ...]) -> Database[Document]:
    """An empty database with the indexes of its collections."""
    client: MongoClient[Document] = mongomock.MongoClient(tz_aware=True)
    made: Database[Document] = client[name]
    for collection in collections:
        for index in collection.all_indexes():
            options = dict(index.document)
            # One by one: its `create_indexes` forgets to which documents an index is limited.
            made[collection.name].create_index(list(options.pop("key").items()), **options)
    return made
