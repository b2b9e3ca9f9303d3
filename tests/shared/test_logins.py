from pathlib import Path

import pytest

from shared import logins, secrets

URL = "mongodb://a:1,b:2/?replicaSet=kith"


class TestPassword:
    def test_is_what_the_file_says(self, folder: Path) -> None:
        assert logins.password(URL, user="orders", folder=folder, name="key") == "secret"

    @pytest.mark.parametrize("named", ["mongodb://me:mine@a:1,b:2/", "redis://:mine@a:1/0"])
    def test_is_none_where_the_address_names_somebody(self, folder: Path, named: str) -> None:
        assert logins.password(named, user="orders", folder=folder, name="key") is None

    def test_is_none_for_nobody_and_without_a_file(self, folder: Path) -> None:
        assert logins.password(URL, user="", folder=folder, name="key") is None
        assert logins.password(URL, user="orders", folder=folder, name="other") is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one secret."""
    secrets.put(tmp_path, "key", "secret")
    return tmp_path
