"""Examples of customers to ask for, taken from the data that are there. `make explain` asks."""

from pymongo.database import Database

from shared.document import Document
from shared.mongo.examples import Values, commonest

MANY_IDS = 60


def ids(database: Database[Document]) -> Values:
    """One customer, and many with one who does not exist."""
    there = database.customers.find({"deleted_at": None}, {"_id": 1})
    found = [one["_id"] for one in there.limit(MANY_IDS)]
    return (tuple(found[:1]) or ("0" * 24,), (*found, "0" * 24))


def beginnings(database: Database[Document]) -> Values:
    """Beginnings of names, short and long."""
    names = commonest("customers", "keys.last_name", otherwise="müller")(database)
    parts = [part for (name,) in names for part in (name[:1], name[:3].upper(), name)]
    return tuple((part,) for part in dict.fromkeys([*parts, "MÜL", "zzz"]))


def busiest(database: Database[Document]) -> str | None:
    """The customer with the longest journal; any customer, where there are no entries yet."""
    stages: list[Document] = [
        {"$group": {"_id": "$customer_id", "n": {"$sum": 1}}},
        {"$sort": {"n": -1, "_id": 1}},
        {"$limit": 1},
    ]
    found = next(iter(database.journal.aggregate(stages)), None) or database.customers.find_one({})
    return None if found is None else str(found["_id"])
