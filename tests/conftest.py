"""What every test may ask for: real servers, a database of its own, and somebody to be."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex, token_urlsafe
from types import ModuleType
from typing import Any

import pytest
from pymongo import MongoClient
from xdist.scheduler import LoadFileScheduling

from services.accounts import crypto
from services.accounts.crypto import SigningKey
from shared.auth.keyring import Keyring, Published, read_published
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.events.signature import KEY_BYTES
from shared.identifiers import new_id
from shared.local.mongod import running_mongod
from shared.local.redis_server import running_redis
from shared.mongo.client import connect, wait_for_primary
from shared.settings import EVENT_KEYS, Settings, load
from tests.support import databases

# A test that asks for one of these, directly or not, needs servers or takes long.
SLOW_FIXTURES = frozenset({"mongo_url", "redis_url", "kith", "data_file", "online_retail"})
SLOW_MARKERS = ("scale", "faults", "security", "slow")
# A test whose module uses one of these starts programs.
STARTERS = frozenset(
    {
        "subprocess",
        *(f"shared.local.{name}" for name in ("guardian", "mongod", "redis_server", "supervisor")),
    }
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as quick what needs no server; leave out what a database in memory cannot do."""
    items[:] = [item for item in items if not _is_beyond_memory(item)]
    for item in items:
        if _is_quick(item):
            item.add_marker("quick")


def _is_beyond_memory(item: pytest.Item) -> bool:
    names = getattr(getattr(item, "module", None), "NEEDS_SERVER", ())
    return getattr(item, "originalname", None) in names


def _is_quick(item: pytest.Item) -> bool:
    return not (
        SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        or any(item.get_closest_marker(name) for name in SLOW_MARKERS)
        or STARTERS.intersection(map(_origin, vars(getattr(item, "module", object)).values()))
    )


def _origin(value: object) -> str:
    """The module that a name of a test's module stands for, or comes from."""
    return value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")


@pytest.fixture
def settings(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to the real servers and to databases of this test alone."""
    made = databases.settings_of_its_own(mongo_url)
    yield made
    with connect(made) as client:
        databases.drop(client, made)


@pytest.fixture
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod."""
    with connect(settings) as made:
        yield made


@pytest.fixture
def verifier(published: Published) -> TokenVerifier:
    """A verifier that accepts the tokens of `headers`."""
    return TokenVerifier(Keyring(lambda: published))


@pytest.fixture
def headers(signing_key: Document) -> Callable[[str], dict[str, str]]:
    """`headers(role)`: the request headers of somebody with that role."""

    def make(role: str) -> dict[str, str]:
        key = SigningKey(signing_key["_id"], signing_key["private_key"])
        token = crypto.sign_access_token(
            key, user_id=new_id(), role=role, via=None, token_id=new_id(), now=datetime.now(UTC)
        )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture(scope="session")
def signing_key() -> Document:
    """The key pair that signs this session's tokens."""
    return crypto.new_signing_key(now=datetime.now(UTC))


@pytest.fixture(scope="session")
def published(signing_key: Document) -> Published:
    """What accounts would publish."""
    return read_published({"keys": [signing_key["public_key"]]}, {})


@pytest.fixture(scope="session", autouse=True)
def secrets_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Secrets of this session alone, never those of a Kith that runs from this folder."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / EVENT_KEYS).write_text(token_hex(KEY_BYTES))
    (folder / "delegation_key").write_text(token_urlsafe())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRETS_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def restored_signals() -> Iterator[None]:
    """Ctrl-C and a closed terminal mean what they always mean.

    Under nohup, or behind an `&` of a script, they are ignored, here and in all that tests start.
    """
    usual: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {
        number: signal.signal(number, handler)
        for number, handler in usual.items()
        if signal.getsignal(number) is signal.SIG_IGN
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real mongod for the whole session, or the one that TEST_MONGO_URL names."""
    given = os.environ.get("TEST_MONGO_URL")
    if given:
        yield given
        return
    with running_mongod(tmp_path_factory.mktemp("mongod")) as url:
        wait_for_primary(replace(load(), mongo_url=url), seconds=60)
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server for the whole session, or the one that TEST_REDIS_URL names."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def data_file() -> Path:
    """A real shop's order lines, which lie beside the project where it is developed."""
    path = Path(__file__).parents[2] / "shared" / "data" / "online-retail-2010-12-to-2011-08.csv.gz"
    if not path.exists():
        pytest.skip("the real shop's file is not here; it lies beside the project, in shared/data")
    return path


# The plugin ships no types.
class ByStory(LoadFileScheduling):  # type: ignore[misc]
    """Keeps in one process what shares something dear, where several run the tests.

    A file has fixtures of its own; the journeys share one running Kith, and so do the attacks.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder = path.rpartition("/")[0]
        return folder if folder in {"tests/journeys", "tests/security"} else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByStory:
    """How tests are shared out among processes."""
    return ByStory(config, log)
