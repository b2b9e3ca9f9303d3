"""Queries on users. Knows neither sessions nor signing keys."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.accounts import documents
from services.accounts.model import EmailTaken, NoSuchUser, User
from services.accounts.repository.filters import plan
from shared.auth.tokens import REVOKED_SECONDS
from shared.document import Document
from shared.errors import FieldError, NotFound
from shared.events.event import Event
from shared.idempotency import CreationRequest
from shared.mongo.paging import Page
from shared.mongo.repository import Repository
from shared.values.email import email_key


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
        try:
            return self.insert({**to_document(user), "failures": 0}, *events, request=request)
        except DuplicateKeyError as error:
            raise self._taken(user) from error

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
        document = self.collection.find_one({"_id": id}, {**_USER_FIELDS})
        if document is None:
            raise NoSuchUser("There is no user with this id.")
        return to_user(document)

    def credentials(self, email: str) -> User | None:
        """The user with this address, whole; None if unknown."""
        document = self.collection.find_one({"email_key": email_key(email)}, {**_USER_FIELDS})
        return None if document is None else to_user(document)

    def rehash(self, id: str, *, old_hash: str, new_hash: str) -> None:
        """Keep the same password in another form, unless it was changed meanwhile.

        To everybody else nothing has changed, hence no new version and no event.
        """
        self.collection.update_one(
            {"_id": id, "password_hash": old_hash}, {"$set": {"password_hash": new_hash}}
        )

    def search(self, query: Document, *, after: list[Any] | None, limit: int) -> Page:
        """A page of the users that match all filters of `query`, newest first."""
        way = plan(query)
        return self.page(way.range, after=after, limit=limit, where=way.where)

    def has_admin(self) -> bool:
        """True if there is an active admin."""
        return self.collection.find_one({"role": "admin", "active": True}, {"_id": 1}) is not None

    def session_versions(self, ids: set[str]) -> dict[str, int]:
        """The version that a session of each of these users must have; left out who has left."""
        found = self.collection.find(
            {"_id": {"$in": sorted(ids)}, "active": True}, {"session_version": 1}
        )
        return {user["_id"]: user.get("session_version", 1) for user in found}

    def revocations(self, *, now: datetime) -> dict[str, tuple[int, float]]:
        """The users some of whose unexpired tokens are void.

        For each, the version that tokens have to have, and the time before which they are void.
        """
        oldest = now - timedelta(seconds=REVOKED_SECONDS)
        found = self.collection.find(
            {"tokens_void_before": {"$gt": oldest}}, {"tokens_void_before": 1, "token_version": 1}
        )
        return {
            user["_id"]: (user.get("token_version", 1), user["tokens_void_before"].timestamp())
            for user in found
        }

    def _taken(self, user: User) -> EmailTaken:
        holder = self.collection.find_one({"email_key": user.email_key}, {"_id": 1})
        error = FieldError(
            "email", f"{user.email} is taken.", None if holder is None else str(holder["_id"])
        )
        return EmailTaken("Another user has this e-mail address.", errors=(error,))


_USER_FIELDS = dict.fromkeys(
    (
        "email",
        "name",
        "role",
        "active",
        "password_hash",
        "password_is_one_time",
        "tokens_void_before",
        "sessions_void_before",
        "created_at",
        "updated_at",
        "version",
        "token_version",
        "session_version",
    ),
    1,
)


def to_document(user: User) -> Document:
    """A user as it is stored, without outbox and failures."""
    fields = asdict(user)
    fields["_id"] = fields.pop("id")
    return {**fields, "email_key": user.email_key, "schema_version": documents.SCHEMA_VERSION}


def to_user(document: Document) -> User:
    """A user as read with all its fields."""
    fields = {name: document[name] for name in _USER_FIELDS if name in document}
    return User(id=document["_id"], **fields)
