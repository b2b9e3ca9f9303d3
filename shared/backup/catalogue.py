"""Catalogue of the collections on a server, with their options and indexes."""

from typing import Any

from pymongo import MongoClient

from shared.backup.manifest import Record, from_json, to_json


def catalogue(client: MongoClient[Any], prefix: str, databases: list[str]) -> list[Record]:
    """Every collection of the databases `<prefix>_<database>`, with nothing counted yet.

    Views, for Kith has none, and what the server keeps for itself are left out.
    """
    return [
        Record(
            database=database,
            collection=info["name"],
            documents=0,
            bytes=0,
            sha256="",
            stored_bytes=0,
            uuid=bytes(info["info"]["uuid"]).hex(),
            # There and back, for plain dictionaries that can be compared with those of a manifest.
            options=from_json(to_json(info["options"])),
            indexes=from_json(to_json(list(client[name][info["name"]].list_indexes()))),
        )
        for database in sorted(databases)
        for name in [f"{prefix}_{database}"]
        for info in sorted(client[name].list_collections(), key=lambda info: str(info["name"]))
        if info["type"] == "collection" and not info["name"].startswith("system.")
    ]
