"""Generated shops on the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from services.registry import collections
from services.tools.sample import loading
from services.tools.sample.plan import Plan
from shared.mongo.client import connect, service_database
from shared.mongo.collections import build
from shared.settings import Settings, load

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
    settings = replace(load(), mongo_url=mongo_url, database_prefix=f"test_{uuid4().hex[:12]}")
    with connect(settings) as client:
        owned = {
            service: service_database(client, settings, service)
            for service in ("customers", "orders")
        }
        for service, one in owned.items():
            list(build(one, collections(service)))
        yield settings
        for one in owned.values():
            client.drop_database(one.name)
