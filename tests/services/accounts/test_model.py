"""The rules of log-ins, without any server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.accounts.model import User, wait_after
from shared.values.email import email_key

Make = Callable[..., User]


class TestChanged:
    @pytest.mark.parametrize(
        ("changes", "tokens_void", "sessions_void"),
        [
            ({"name": "Ann Ng"}, False, False),
            ({"email": "ng@example.com"}, False, False),
            ({"role": "sales"}, False, False),
            ({"role": "admin"}, True, False),
            ({"active": True}, False, False),
            ({"active": False}, True, True),
            ({"password_hash": "$argon2id$other"}, True, True),
        ],
        ids=str,
    )
    def test_voids_what_was_given_out(
        self, make_user: Make, changes: dict[str, Any], tokens_void: bool, sessions_void: bool
    ) -> None:
        user = make_user()
        later = user.created_at + timedelta(days=1)

        changed = user.changed(now=later, **changes)

        assert (changed.tokens_void_before == later) is tokens_void
        assert (changed.sessions_void_before == later) is sessions_void
        assert (changed.updated_at, changed.created_at) == (later, user.created_at)

    def test_a_user_who_is_back_signs_in_anew(self, make_user: Make) -> None:
        user = make_user(active=False)
        later = user.created_at + timedelta(days=1)

        assert user.changed(now=later, active=True).sessions_void_before == later


class TestEmailKey:
    def test_is_one_for_all_ways_of_typing(self) -> None:
        variants = ("José@Example.com", " JOSE\u0301@example.com", "\uff4aosé@example.com")

        assert {email_key(address) for address in variants} == {"josé@example.com"}


class TestWaitAfter:
    @pytest.mark.parametrize(
        ("failures", "seconds"),
        [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (13, 256), (14, 300), (10**9, 300)],
    )
    def test_doubles_and_ends(self, failures: int, seconds: int) -> None:
        assert wait_after(failures) == timedelta(seconds=seconds)
