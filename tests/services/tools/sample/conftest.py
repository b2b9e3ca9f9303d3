"""Generated shops on the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from services.registry import collections
from services.tools.sample import loading
from services.tools.sample.plan import Plan
from shared.settings import Settings
from tests.support import databases

PLAN = Plan(customers=60, orders=240)


@pytest.fixture(scope="session")
def plan() -> Plan:
    """A small shop."""
    return PLAN


@pytest.fixture(scope="module")
def shop(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to a shop with the sample in it. Its tests only look."""
    with _built(mongo_url) as settings:
        loading.load(settings, PLAN)
        yield settings


@pytest.fixture
def build_empty(mongo_url: str) -> Iterator[Callable[[], Settings]]:
    """`build_empty()`: settings that lead to databases with rules and indexes and no documents."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(_built(mongo_url))


@contextmanager
def _built(mongo_url: str) -> Iterator[Settings]:
    settings = databases.settings_of_its_own(mongo_url)
    with databases.client_of_its_own(settings) as client:
        for service in ("customers", "orders"):
            databases.built(client, settings, service, collections(service))
        yield settings
