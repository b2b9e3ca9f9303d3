"""Repositories of accounts, made once for app, tools and tests."""

from functools import partial

from pymongo.database import Database

from services.accounts import PUBLISHES
from services.accounts.operations.sessions import Accounts
from services.accounts.repository.attempts import AttemptRepository
from services.accounts.repository.rights import GuardedUserRepository
from services.accounts.repository.sessions import KeyRepository, SessionRepository
from services.accounts.repository.users import UserRepository
from shared.document import Document


def create_context(database: Database[Document]) -> Accounts:
    """The repositories of accounts on this database."""
    return Accounts(
        users=UserRepository(database, PUBLISHES),
        sessions=SessionRepository(database),
        keys=KeyRepository(database),
        users_as=partial(GuardedUserRepository, database, PUBLISHES),
        attempts=AttemptRepository(database),
    )
