"""The setup step, on the real server."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pymongo import MongoClient

from services.accounts.bootstrap import create_context
from services.accounts.operations import sessions
from services.accounts.operations.sessions import Accounts
from services.tools import setup
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import PORTS, Settings, SettingsInvalid

ADDRESS = "admin@example.com"


class TestRun:
    def test_builds_every_service_and_a_way_in(
        self, settings: Settings, client: MongoClient[Document], accounts: Accounts
    ) -> None:
        lines = list(setup.run(settings))

        for service in PORTS:
            names = set(service_database(client, settings, service).list_collection_names())
            assert {"inbox", "dead_letters"} < names
        assert f"{settings.database_prefix}_orders.orders: created" in lines
        assert "kith_accounts: signing key made" in lines
        assert signs_in(accounts, settings, password_in(lines))
        assert accounts.users.has_admin()

    def test_changes_nothing_the_second_time(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        first = password_in(list(setup.run(settings)))
        before = contents(client, settings)

        lines = list(setup.run(replace(settings, admin_password="another password")))

        assert lines == ["sign in: with the password you know; ADMIN_PASSWORD does not change it"]
        assert contents(client, settings) == before
        assert first not in str(before)

    def test_takes_the_password_it_is_given_and_does_not_say_it(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        given = replace(settings, admin_password="correct horse", admin_email="Boss@example.com")

        lines = list(setup.run(given))

        assert "correct horse" not in "".join(lines)
        assert lines[-1].startswith("sign in: Boss@example.com with the ADMIN_PASSWORD you gave")
        assert signs_in(accounts, given, "correct horse")

    def test_registers_the_address_in_its_one_form(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        list(setup.run(replace(settings, admin_email=" boss@xn--mnchen-3ya.de ")))

        assert (accounts.users.collection.find_one({}) or {})["email"] == "boss@münchen.de"

    def test_makes_nobody_who_could_not_sign_in(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        refused = [
            (replace(settings, admin_password="short"), "ADMIN_PASSWORD"),
            (replace(settings, admin_password="x" * 129), "ADMIN_PASSWORD"),
            (replace(settings, admin_password="password1234"), "ADMIN_PASSWORD"),
            (replace(settings, admin_password=ADDRESS), "ADMIN_PASSWORD"),
            (replace(settings, admin_email="admin"), "ADMIN_EMAIL"),
        ]

        for given, variable in refused:
            with pytest.raises(SettingsInvalid, match=variable):
                list(setup.run(given))

        assert accounts.users.collection.count_documents({}) == 0

    @pytest.mark.parametrize(
        ("change", "password"),
        [
            ({"role": "sales"}, ""),
            ({"active": False}, ""),
            ({"role": "sales", "active": False}, "short"),
        ],
        ids=str,
    )
    def test_goes_on_where_nobody_can_sign_in_and_says_the_way_back(
        self, settings: Settings, accounts: Accounts, change: Document, password: str
    ) -> None:
        list(setup.run(settings))
        accounts.users.collection.update_one({}, {"$set": change})

        (line,) = setup.run(replace(settings, admin_password=password))

        assert line.startswith(f"sign in: no admin is active, and none is made of {ADDRESS}")
        assert f"make admin-password EMAIL={ADDRESS}" in line
        assert not accounts.users.has_admin()
        assert accounts.users.collection.count_documents({}) == 1

    def test_does_not_pass_over_that_the_address_is_somebodys_in_another_form(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        list(setup.run(replace(settings, admin_email="boss@münchen.de")))
        accounts.users.collection.update_one({}, {"$set": {"role": "sales"}})

        (line,) = setup.run(replace(settings, admin_email="boss@xn--mnchen-3ya.de"))

        assert line.startswith("sign in: no admin is active")

    def test_goes_on_where_others_are_and_the_variables_are_of_no_use(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        list(setup.run(replace(settings, admin_email="old@example.com")))
        accounts.users.collection.update_one({}, {"$set": {"role": "sales"}})

        (line,) = setup.run(replace(settings, admin_password="short"))

        assert "ADMIN_PASSWORD cannot be used: " in line
        assert "make admin-password EMAIL=" in line

    def test_makes_an_admin_of_a_free_address_where_none_is_active(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        list(setup.run(replace(settings, admin_email="old@example.com")))
        accounts.users.collection.update_one({}, {"$set": {"active": False}})

        lines = list(setup.run(settings))

        assert signs_in(accounts, settings, password_in(lines))

    def test_twice_at_once_makes_one_key_and_one_admin(
        self, settings: Settings, accounts: Accounts
    ) -> None:
        given = replace(settings, admin_password="correct horse")

        with ThreadPoolExecutor(2) as pool:
            outputs = list(pool.map(lambda _: list(setup.run(given)), range(2)))

        made = [line for lines in outputs for line in lines if line.endswith("signing key made")]
        assert len(made) == accounts.keys.collection.count_documents({}) == 1
        assert accounts.users.collection.count_documents({}) == 1
        assert signs_in(accounts, given, "correct horse")


def password_in(lines: list[str]) -> str:
    said = re.search(r"with (\S{20,}) \(said this once", lines[-1])
    assert said is not None
    return said[1]


def signs_in(accounts: Accounts, settings: Settings, password: str) -> bool:
    tokens = sessions.sign_in(
        accounts, email=settings.admin_email, password=password, now=datetime.now(UTC)
    )
    return bool(tokens["user"]["role"] == "admin")


def contents(client: MongoClient[Document], settings: Settings) -> Document:
    """Everything there is, with its rules."""
    return {
        f"{service}.{info['name']}": (info["options"], list(found[info["name"]].find({})))
        for service in PORTS
        for found in (service_database(client, settings, service),)
        for info in found.list_collections()
    }


@pytest.fixture
def accounts(client: MongoClient[Document], settings: Settings) -> Accounts:
    """The accounts service's own view of its database."""
    return create_context(service_database(client, settings, "accounts"))
