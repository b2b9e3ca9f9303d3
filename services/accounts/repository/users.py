"""Every query on users, sessions and signing keys."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.accounts import documents
from services.accounts.crypto import SigningKey
from services.accounts.model import EmailTaken, NoSuchUser, Session, User, email_key
from shared.auth.caller import ACCESS_SECONDS
from shared.auth.keyring import Published, read_published
from shared.auth.tokens import LEEWAY_SECONDS
from shared.errors import FieldError, NotFound
from shared.events.event import Event
from shared.idempotency import CreationRequest, first_answer
from shared.mongo.repository import Document, Keys, Page, Range, Repository

NEWEST: Keys = (("created_at", DESCENDING), ("_id", DESCENDING))
MOST_TOKENS = 20
"""Refresh tokens of one session that are remembered; older ones count as stolen.

Fewer would end the session of a browser whose many tabs refresh at once.
"""


class UserRepository(Repository):
    """Users. Password hashes are read by `credentials` and `get_user` alone and never shown."""

    collection_name = documents.USERS.name
    public = ("email", "name", "role", "active", "created_at", "updated_at", "version")

    def add(self, user: User, *events: Event, request: CreationRequest | None = None) -> Document:
        """Add a user.

        Answers with it as callers see it, or with the first answer to the same request.

        :raises EmailTaken: another user has the address.
        :raises IdempotencyKeyReused: the request's key came with another body.
        """
        document = {**to_document(user), "failures": 0}
        seen = {name: document[name] for name in ("_id", *self.public)}
        stamp = request.stamp({name: seen[name] for name in self.public}) if request else {}
        try:
            self.insert({**document, **stamp}, *events)
        except DuplicateKeyError as error:
            repeated = first_answer(request, self._find_request)
            if repeated is None:
                raise self._taken(user) from error
            return repeated
        return seen

    def save(self, user: User, *events: Event) -> Document:
        """Write a changed user over the version it was made from.

        :raises Stale: it has another version by now.
        :raises EmailTaken: another user has the address.
        """
        fields = {
            name: value
            for name, value in to_document(user).items()
            if name not in {"_id", "version"}
        }
        try:
            return self.change(user.id, fields, *events, version=user.version)
        except DuplicateKeyError as error:
            raise self._taken(user) from error

    def get(self, id: str) -> Document:
        """One user as callers see it.

        :raises NoSuchUser: there is none.
        """
        try:
            return super().get(id)
        except NotFound as error:
            raise NoSuchUser("There is no user with this id.") from error

    def get_user(self, id: str) -> User:
        """One user, whole.

        :raises NoSuchUser: there is none.
        """
        document = self.collection.find_one({"_id": id}, _USER_FIELDS)
        if document is None:
            raise NoSuchUser("There is no user with this id.")
        return to_user(document)

    def credentials(self, email: str) -> tuple[User, int, datetime | None] | None:
        """A user, how often in a row signing in failed, and from when it may be tried again.

        None if unknown.
        """
        document = self.collection.find_one(
            {"email_key": email_key(email)}, {**_USER_FIELDS, "failures": 1, "next_try_at": 1}
        )
        if document is None:
            return None
        return to_user(document), document["failures"], document.get("next_try_at")

    def note_failure(self, id: str, *, next_try_at: datetime) -> None:
        """Count a wrong password."""
        self.collection.update_one(
            {"_id": id}, {"$inc": {"failures": 1}, "$set": {"next_try_at": next_try_at}}
        )

    def forget_failures(self, id: str) -> None:
        """Start counting from zero, after a right password."""
        self.collection.update_one(
            {"_id": id}, {"$set": {"failures": 0}, "$unset": {"next_try_at": ""}}
        )

    def search(self, *, after: list[Any] | None, limit: int) -> Page:
        """A page of users, newest first."""
        return self.page(Range(index="newest", keys=NEWEST), after=after, limit=limit)

    def has_admin(self) -> bool:
        """Whether there is an active admin."""
        return self.collection.find_one({"role": "admin", "active": True}, {"_id": 1}) is not None

    def revocations(self, *, now: datetime) -> dict[str, float]:
        """The users some of whose unexpired tokens are void; for each, the time before which."""
        oldest = now - timedelta(seconds=ACCESS_SECONDS + LEEWAY_SECONDS)
        found = self.collection.find(
            {"tokens_void_before": {"$gt": oldest}}, {"tokens_void_before": 1}
        )
        return {user["_id"]: user["tokens_void_before"].timestamp() for user in found}

    def _find_request(self, key: str) -> Document | None:
        return self.collection.find_one({"request.key": key}, {**self._projection, "request": 1})

    def _taken(self, user: User) -> EmailTaken:
        holder = self.collection.find_one({"email_key": user.email_key}, {"_id": 1})
        error = FieldError(
            "email", f"{user.email} is taken.", None if holder is None else str(holder["_id"])
        )
        return EmailTaken("Another user has this e-mail address.", errors=(error,))


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
                        "$slice": -MOST_TOKENS,
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
    """What accounts publishes, read from its own database."""
    return read_published({"keys": keys.public_keys()}, users.revocations(now=now))


_USER_FIELDS = dict.fromkeys(
    (
        "email",
        "name",
        "role",
        "active",
        "password_hash",
        "tokens_void_before",
        "sessions_void_before",
        "created_at",
        "updated_at",
        "version",
    ),
    1,
)


def to_document(user: User) -> Document:
    """A user as it lies in the database, without outbox and failures."""
    fields = asdict(user)
    fields["_id"] = fields.pop("id")
    return {**fields, "email_key": user.email_key, "schema_version": documents.SCHEMA_VERSION}


def to_user(document: Document) -> User:
    """A user as read with all its fields."""
    return User(id=document["_id"], **{name: document[name] for name in _USER_FIELDS})
