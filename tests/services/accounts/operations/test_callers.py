"""Who may call accounts: whoever may now, by its own database."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.accounts import crypto
from services.accounts.model import User
from services.accounts.operations import sessions
from services.accounts.operations.callers import OwnVerifier
from services.accounts.operations.sessions import Accounts
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Unauthenticated
from shared.identifiers import new_id

Add = Callable[..., User]
SignIn = Callable[..., Document]
Change = Callable[..., Document]


class TestOwnVerifier:
    def test_knows_who_signed_in(self, accounts: Accounts, add_user: Add, sign_in: SignIn) -> None:
        user = add_user(role="admin")
        token = sign_in(email=user.email)["access_token"]

        caller = OwnVerifier(accounts).caller(token)

        assert caller == Caller(user.id, "admin")
        assert (caller.version, caller.session is None) == (1, False)

    @pytest.mark.parametrize(
        "changes", [{"role": "sales"}, {"active": False}, {"password": "another password"}]
    )
    def test_knows_at_once_what_was_taken_away(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        now: datetime,
        change: Change,
        changes: Document,
    ) -> None:
        user = add_user(role="admin")
        token = sign_in(email=user.email)["access_token"]
        verifier = OwnVerifier(accounts)
        assert verifier.caller(token)

        change(user, changes, at=now)

        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(token)

    def test_knows_at_once_who_signed_out(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        tokens = sign_in(email=add_user().email)
        verifier = OwnVerifier(accounts)
        assert verifier.caller(tokens["access_token"])

        sessions.sign_out(accounts, refresh_token=tokens["refresh_token"], now=now)

        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(tokens["access_token"])

    def test_takes_tokens_of_the_release_before(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user()

        assert OwnVerifier(accounts).caller(old_token(accounts, user.id)) == Caller(
            user.id, "sales"
        )
        with pytest.raises(Unauthenticated):
            OwnVerifier(accounts).caller(old_token(accounts, new_id()))


def old_token(accounts: Accounts, user_id: str) -> str:
    """A token without session and version."""
    key = accounts.keys.signing_key()
    assert key is not None
    return crypto.sign_access_token(
        key, user_id=user_id, role="sales", via=None, token_id=new_id(), now=datetime.now(UTC)
    )
