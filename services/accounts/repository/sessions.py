"""Queries on sessions and signing keys. Knows no user, only their ids."""

from datetime import datetime

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.accounts import documents
from services.accounts.crypto import SigningKey
from services.accounts.model import Session
from services.accounts.repository.users import UserRepository
from shared.auth.keyring import Published, read_published
from shared.document import Document
from shared.mongo.repository import Repository

MAX_TOKENS = 20
"""Refresh tokens of one session that are remembered; older ones count as stolen.

Fewer would end the session of a browser whose many tabs refresh at once.
"""


class SessionRepository(Repository):
    """Sessions, with hashes of the refresh tokens that belong to them."""

    collection_name = documents.SESSIONS.name
    public = ("user_id", "via", "created_at", "expires_at")

    def add(self, session: Session, *, secret_hash: str) -> None:
        """Begin a session with its first refresh token."""
        self.collection.insert_one(
            {
                "_id": session.id,
                "user_id": session.user_id,
                "via": session.via,
                "tokens": [{"hash": secret_hash, "replaced_at": None}],
                "created_at": session.created_at,
                "expires_at": session.expires_at,
            }
        )

    def find_session(self, id: str) -> tuple[Session, dict[str, datetime | None]] | None:
        """A session, and when each of its refresh tokens (by hash) was replaced.

        None if there is none.
        """
        document = self.collection.find_one({"_id": id})
        if document is None:
            return None
        tokens = {token["hash"]: token["replaced_at"] for token in document.pop("tokens")}
        return Session(id=document.pop("_id"), **document), tokens

    def rotate(self, id: str, *, old_hash: str, new_hash: str, now: datetime) -> None:
        """Put a new refresh token beside the old one, whose time begins to run out now."""
        self.collection.update_one(
            {"_id": id, "tokens": {"$elemMatch": {"hash": old_hash, "replaced_at": None}}},
            {"$set": {"tokens.$.replaced_at": now}},
        )
        self.collection.find_one_and_update(
            {"_id": id},
            {
                "$push": {
                    "tokens": {
                        "$each": [{"hash": new_hash, "replaced_at": None}],
                        "$slice": -MAX_TOKENS,
                    }
                }
            },
            return_document=ReturnDocument.AFTER,
        )

    def end(self, id: str) -> None:
        """End a session; none of its refresh tokens works any more."""
        self.collection.delete_one({"_id": id})


class KeyRepository(Repository):
    """Signing keys. Private keys are read by `signing_key` alone."""

    collection_name = documents.SIGNING_KEYS.name
    public = ("public_key",)

    def add_first(self, key: Document) -> bool:
        """Keep a key to sign with, unless there is one already."""
        try:
            self.collection.insert_one(key)
        except DuplicateKeyError:
            return False
        return True

    def signing_key(self) -> SigningKey | None:
        """The key that signs now, or None before the first was made."""
        document = self.collection.find_one({"state": "signing"}, {"private_key": 1})
        return None if document is None else SigningKey(document["_id"], document["private_key"])

    def public_keys(self) -> list[Document]:
        """The public halves of all keys, as JWKs."""
        return [
            document["public_key"]
            for document in self.collection.find({}, self._projection).sort("_id")
        ]


def published(keys: KeyRepository, users: UserRepository, *, now: datetime) -> Published:
    """The public keys and revocations of accounts, read from its own database."""
    return read_published({"keys": keys.public_keys()}, users.revocations(now=now))
