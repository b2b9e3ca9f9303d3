"""The way back in, whatever state the accounts are in, on the real server."""

import re
from datetime import UTC, datetime
from functools import partial

import pytest
from pymongo import MongoClient

from services.accounts.bootstrap import create_context
from services.accounts.model import PasswordOneTime, SessionEnded
from services.accounts.operations import sessions, throttling
from services.accounts.operations.sessions import Accounts
from services.tools import admin_password, setup
from services.tools.admin_password import AdminNotMade
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings

OWN = "a password of my own"


class TestRun:
    @pytest.mark.parametrize(
        "state",
        [{}, {"role": "sales"}, {"active": False}, {"role": "sales", "active": False}],
        ids=str,
    )
    def test_lets_in_whoever_has_the_address(
        self, settings: Settings, accounts: Accounts, state: Document
    ) -> None:
        before = first_admin(settings)
        tokens = sign_in(accounts, settings, before)
        accounts.users.collection.update_one({}, {"$set": {**state, "outbox": []}})

        lines = list(admin_password.run(settings, settings.admin_email.upper()))

        assert lets_in(accounts, settings, lines)
        assert accounts.users.collection.count_documents({}) == 1
        with pytest.raises(SessionEnded):
            sessions.refresh(accounts, refresh_token=tokens["refresh_token"], now=datetime.now(UTC))
        stored = accounts.users.collection.find_one({}) or {}
        assert [entry["name"] for entry in stored["outbox"]] == ["UserChanged"] * 2
        assert password_in(lines) not in str(stored)

    def test_registers_who_is_unknown_and_says_so(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        first_admin(settings)
        accounts.users.collection.update_one({}, {"$set": {"active": False}})

        lines = list(admin_password.run(settings, "new@example.com"))

        assert "nobody had this address" in lines[0]
        assert lets_in(accounts, settings, lines, email="new@example.com")

    def test_lets_in_past_all_waits(self, settings: Settings, accounts: Accounts) -> None:
        first_admin(settings)
        now = datetime.now(UTC)
        begin = partial(throttling.begin, accounts.attempts, email=settings.admin_email, now=now)
        for address in range(4):
            for _ in range(5):
                begin(address=f"192.0.2.{address}")

        lines = list(admin_password.run(settings, settings.admin_email))

        assert lets_in(accounts, settings, lines)

    def test_lets_the_last_of_two_passwords_count(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        first_admin(settings)
        list(admin_password.run(settings, settings.admin_email))

        lines = list(admin_password.run(settings, settings.admin_email))

        assert lets_in(accounts, settings, lines)

    @pytest.mark.parametrize("email", ["", "boss", "boss@", "a b@example.com"])
    def test_refuses_what_is_no_address(
        self, settings: Settings, accounts: Accounts, email: str
    ) -> None:
        first_admin(settings)

        with pytest.raises(AdminNotMade, match="The email cannot be used"):
            list(admin_password.run(settings, email))

        assert accounts.users.collection.count_documents({}) == 1

    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            (" Lee@SHOP.example ", "Lee@shop.example"),
            ("lee@xn--mnchen-3ya.de", "lee@münchen.de"),
            ("-lee@shop.example", "-lee@shop.example"),
        ],
    )
    def test_takes_an_address_however_it_is_typed(
        self, settings: Settings, accounts: Accounts, typed: str, stored: str
    ) -> None:
        first_admin(settings)
        list(admin_password.run(settings, stored))

        lines = list(admin_password.run(settings, typed))

        assert lines[0].startswith(f"{stored}: an active admin now")
        assert lets_in(accounts, settings, lines, email=stored)

    def test_registers_an_address_in_its_one_form(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        first_admin(settings)

        lines = list(admin_password.run(settings, " lee@xn--mnchen-3ya.de "))

        assert lines[0].startswith("lee@münchen.de: nobody had this address")
        assert lets_in(accounts, settings, lines, email="lee@münchen.de")

    def test_needs_the_setup_step(self, settings: Settings) -> None:
        with pytest.raises(AdminNotMade, match="run the setup step"):
            list(admin_password.run(settings, settings.admin_email))

    def test_leaves_a_system_that_starts(self, settings: Settings, accounts: Accounts) -> None:
        first_admin(settings)
        accounts.users.collection.update_one({}, {"$set": {"role": "sales"}})
        assert "make admin-password" in list(setup.run(settings))[-1]

        list(admin_password.run(settings, settings.admin_email))

        assert list(setup.run(settings))[-1].startswith("sign in: with the password you know")


def first_admin(settings: Settings) -> str:
    said = re.search(r"with (\S{20,}) \(said this once", list(setup.run(settings))[-1])
    assert said is not None
    return said[1]


def password_in(lines: list[str]) -> str:
    said = re.search(r"one-time password: (\S{20,}) ", lines[-1])
    assert said is not None
    return said[1]


def lets_in(accounts: Accounts, settings: Settings, lines: list[str], *, email: str = "") -> bool:
    """True if the password that was said works once, and makes an admin's session."""
    ask = partial(sign_in, accounts, settings, password_in(lines), email=email)
    with pytest.raises(PasswordOneTime):
        ask()
    return bool(ask(new_password=OWN)["user"]["role"] == "admin")


def sign_in(
    accounts: Accounts,
    settings: Settings,
    password: str,
    *,
    email: str = "",
    new_password: str | None = None,
) -> Document:
    return sessions.sign_in(
        accounts,
        email=email or settings.admin_email,
        password=password,
        new_password=new_password,
        now=datetime.now(UTC),
    )


@pytest.fixture
def accounts(client: MongoClient[Document], settings: Settings) -> Accounts:
    """The accounts service's own view of its database."""
    return create_context(service_database(client, settings, "accounts"))
