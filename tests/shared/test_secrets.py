"""Files of secrets: made once, for their owner alone."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from shared import secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_stays(tmp_path: Path) -> None:
    made = map(str, count())

    assert secrets.ensure(tmp_path, "key", lambda: next(made)) == "0"
    assert secrets.ensure(tmp_path, "key", lambda: next(made)) == "0"
    assert secrets.read(tmp_path, "key") == "0"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "secrets" / "orders"
    secrets.ensure(folder, "key", lambda: "a secret")

    assert mode(folder) == 0o700
    assert mode(folder / "key") == 0o600
    assert [path.name for path in folder.iterdir()] == ["key"]


def test_of_many_that_make_it_at_once_all_get_the_same(tmp_path: Path) -> None:
    made = map(str, count())
    with ThreadPoolExecutor(16) as pool:
        found = set(
            pool.map(lambda _: secrets.ensure(tmp_path, "key", lambda: next(made)), range(64))
        )

    assert len(found) == 1


def test_an_empty_file_is_no_secret_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    assert secrets.read(tmp_path, "key") is None
    with pytest.raises(secrets.SecretMissing, match=r"key is missing or empty.*SECRETS_DIR"):
        secrets.require(tmp_path, "key")


def test_an_emptied_one_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    with pytest.raises(secrets.SecretMissing, match=r"key is empty; put back .* or remove it"):
        secrets.ensure(tmp_path, "key", lambda: "another")

    assert (tmp_path / "key").read_text() == ""


@pytest.mark.parametrize("use", [secrets.read, secrets.require, partial(secrets.put, text="new")])
def test_one_that_cannot_be_read_is_named(tmp_path: Path, use: Callable[[Path, str], str]) -> None:
    # What another user's file does as well, but not to root, who runs tests in containers.
    (tmp_path / "key").mkdir()

    with pytest.raises(secrets.SecretUnreadable, match=r"key cannot be read \(Is a directory\)"):
        use(tmp_path, "key")


def test_one_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")

    with pytest.raises(secrets.SecretUnreadable, match="key cannot be used: It is no text"):
        secrets.read(tmp_path, "key")


@pytest.mark.parametrize(
    "use", [partial(secrets.ensure, make=lambda: "a secret"), partial(secrets.put, text="a secret")]
)
def test_one_that_others_could_read_is_closed(
    tmp_path: Path, use: Callable[[Path, str], None]
) -> None:
    (tmp_path / "key").write_text("a secret\n")
    (tmp_path / "key").chmod(0o644)
    tmp_path.chmod(0o755)

    use(tmp_path, "key")

    assert (mode(tmp_path), mode(tmp_path / "key")) == (0o700, 0o600)


def test_what_is_put_there_replaces_what_was(tmp_path: Path) -> None:
    secrets.ensure(tmp_path / "orders", "key", lambda: "first")

    secrets.put(tmp_path / "orders", "key", "second\n")

    assert secrets.read(tmp_path / "orders", "key") == "second"
    assert mode(tmp_path / "orders" / "key") == 0o600
    assert [path.name for path in (tmp_path / "orders").iterdir()] == ["key"]
