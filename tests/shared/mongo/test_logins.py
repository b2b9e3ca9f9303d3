from dataclasses import replace
from pathlib import Path

from shared import secrets
from shared.mongo import logins
from shared.settings import load

URL = "mongodb://127.0.0.1:1/?replicaSet=kith"


def test_a_user_signs_in_with_the_password_of_the_file(tmp_path: Path) -> None:
    settings = replace(load(), mongo_url=URL, mongo_user="orders", secrets_dir=tmp_path)
    assert logins.as_user(settings) == {}

    secrets.put(tmp_path, "mongo_password", "secret")

    assert logins.as_user(settings) == {
        "username": "orders",
        "password": "secret",
        "authSource": "admin",
    }
    assert logins.as_user(replace(settings, mongo_url="mongodb://me:mine@127.0.0.1/")) == {}


def test_the_servers_key_is_for_those_who_have_its_file(tmp_path: Path) -> None:
    settings = replace(load(), mongo_url=URL, mongo_user="operator", secrets_dir=tmp_path)
    assert logins.server_key(settings) is None

    secrets.put(tmp_path, "mongo_key", "key")

    assert logins.server_key(settings) == "key"
    assert logins.server_key(replace(settings, mongo_user="")) is None
