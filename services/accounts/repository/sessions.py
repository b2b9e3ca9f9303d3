"""Queries on sessions and signing keys. Knows no user, only their ids."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.accounts import documents
from services.accounts.crypto import SigningKey
from services.accounts.model import Session
from services.accounts.repository.users import UserRepository
from shared.auth.keyring import Published, read_published
from shared.auth.revocations import published_form
from shared.auth.tokens import REVOKED_SECONDS
from shared.document import Document
from shared.mongo.repository import Repository

MAX_TOKENS = 20
"""Refresh tokens of one session that are remembered; older ones are known by their mark."""
MAX_LISTED = 200
MAX_DELEGATIONS = 1_000
"""Delegations of one session, or of one user those that ended in the last minutes."""
_REVOKED = timedelta(seconds=REVOKED_SECONDS)
_DELEGATIONS: Document = {"via": {"$ne": None}, "ended_at": None}


class SessionRepository(Repository):
    """Sessions, with hashes of the refresh tokens that belong to them.

    One that has ended stays until no access token of it can live any more, and is found no more.
    """

    collection_name = documents.SESSIONS.name
    public = ("user_id", "via", "created_at", "expires_at")

    def add(self, session: Session, *, secret_hash: str) -> None:
        """Begin a session with its first refresh token."""
        values = {field.name: getattr(session, field.name) for field in fields(session)}
        optional = ("version", "parent", "seed")
        document = {
            name: value
            for name, value in values.items()
            if name not in optional or value is not None
        }
        document["_id"] = document.pop("id")
        document["tokens"] = [{"hash": secret_hash, "replaced_at": None}]
        self.collection.insert_one(document)

    def find_session(self, id: str) -> tuple[Session, dict[str, datetime | None]] | None:
        """A session, and when each of its refresh tokens (by hash) was replaced.

        None if there is none, or it has ended.
        """
        document = self.collection.find_one({"_id": id, "ended_at": None}, {"ended_at": 0})
        if document is None:
            return None
        tokens = {token["hash"]: token["replaced_at"] for token in document.pop("tokens")}
        return Session(id=document.pop("_id"), **document), tokens

    def is_live(self, id: str, *, now: datetime) -> bool:
        """True if a session has neither ended nor expired."""
        live = {"_id": id, "ended_at": None, "expires_at": {"$gt": now}}
        return self.collection.find_one(live, {"_id": 1}) is not None

    def give_seed(self, id: str, seed: str) -> str | None:
        """The seed of a session, which is this one if it had none; None if there is no session."""
        self.collection.update_one({"_id": id, "seed": None}, {"$set": {"seed": seed}})
        found = self.collection.find_one({"_id": id}, {"seed": 1})
        return None if found is None else found["seed"]

    def rotate(self, id: str, *, old_hash: str, new_hash: str, now: datetime) -> None:
        """Put a new refresh token in the place of the old one, whose time begins to run out now.

        Nothing happens if that was done before. One write, so that there never is a second chain.
        """
        replaced: Document = {
            "$map": {
                "input": "$tokens",
                "in": {
                    "$cond": [
                        # Not the old one alone: the release before may have begun two chains.
                        {"$eq": ["$$this.replaced_at", None]},
                        {"hash": "$$this.hash", "replaced_at": now},
                        "$$this",
                    ]
                },
            }
        }
        fresh = [{"hash": new_hash, "replaced_at": None}]
        self.collection.update_one(
            {"_id": id, "tokens": {"$elemMatch": {"hash": old_hash, "replaced_at": None}}},
            [{"$set": {"tokens": {"$slice": [{"$concatArrays": [replaced, fresh]}, -MAX_TOKENS]}}}],
        )

    def end(self, id: str, *, now: datetime) -> None:
        """End a session and the delegations it made; none of their tokens works any more."""
        gone = {"$set": {"ended_at": now, "expires_at": now + _REVOKED}}
        self.collection.update_one({"_id": id, "ended_at": None}, gone)
        # Afterwards: a delegation that is made meanwhile finds its session ended.
        self.collection.update_many({"parent": id, "ended_at": None}, gone)

    def ended(self, *, now: datetime) -> list[str]:
        """The sessions that ended so lately that an access token of theirs may be about."""
        recent = {"ended_at": {"$gt": now - _REVOKED}}
        return [session["_id"] for session in self.collection.find(recent, {"_id": 1})]

    def delegations(self, user_id: str | None, *, now: datetime) -> list[Document]:
        """The newest delegations of a user, or of everybody, that still work."""
        whose = {} if user_id is None else {"user_id": user_id}
        query = {**_DELEGATIONS, **whose, "expires_at": {"$gt": now}}
        found = self.collection.find(query, {**self._projection, "version": 1})
        return list(found.sort([("created_at", -1), ("_id", -1)]).limit(MAX_LISTED))

    def has_many(self, parent: Session, *, now: datetime) -> bool:
        """True if a session has as many delegations as it may, or its user ended so many lately.

        What ended lately is published, and read every few seconds by every process.
        """
        alive = {"parent": parent.id, "expires_at": {"$gt": now}}
        ended = {"user_id": parent.user_id, "ended_at": {"$gt": now - _REVOKED}}
        return any(
            self.collection.count_documents(query, limit=MAX_DELEGATIONS, hint=index)
            == MAX_DELEGATIONS
            for query, index in ((alive, "parent"), (ended, "ended"))
        )

    def delegation_owner(self, id: str) -> str | None:
        """The user whose delegation this is; None if there is no such delegation."""
        found = self.collection.find_one({**_DELEGATIONS, "_id": id}, {"user_id": 1})
        return None if found is None else found["user_id"]


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


def revocations(
    users: UserRepository, sessions: SessionRepository, *, now: datetime
) -> dict[str, Any]:
    """What is revoked, in the form in which it is published."""
    return published_form(users.revocations(now=now), sessions.ended(now=now))


def published(
    keys: KeyRepository, users: UserRepository, sessions: SessionRepository, *, now: datetime
) -> Published:
    """The public keys and revocations of accounts, read from its own database."""
    return read_published({"keys": keys.public_keys()}, revocations(users, sessions, now=now))
