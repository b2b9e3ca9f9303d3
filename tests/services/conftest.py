"""A shop of all services at work, what carries its events, and the folder of its backups."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient

from services.tools import backup
from services.tools.sample.plan import Plan
from services.tools.settings import BackupSettings
from shared.backup import quietly
from shared.document import Document
from shared.settings import Settings
from tests.support.carrier import Carrier, carrier
from tests.support.shop import Shop
from tests.support.stored_backup import StoredBackup
from tests.support.system import FULL, SMALL, system


@pytest.fixture
def wired(settings: Settings, redis_url: str) -> Settings:
    """Settings that lead to the real Redis too."""
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def other(wired: Settings) -> Settings:
    """Settings of another installation on the same servers, whose databases are removed as well."""
    return replace(wired, database_prefix=f"{wired.database_prefix}_other")


@pytest.fixture
def shop(client: MongoClient[Document], wired: Settings) -> Shop:
    """A shop without customers and orders."""
    return Shop(client, wired)


@pytest.fixture
def busy_shop(shop: Shop) -> Shop:
    """A shop with some customers, one of them gone, and some orders, whose events all wait."""
    for _ in range(10):
        shop.step(shop.place(shop.register()), "pay")
    shop.place(None)
    shop.lose(shop.people[0])
    return shop


@pytest.fixture(name="carrier")
def shops_carrier(shop: Shop) -> Iterator[Carrier]:
    """What carries the shop's events, when it is told to."""
    with carrier(shop.client, shop.settings) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> BackupSettings:
    """The folder of backups, and how many are kept."""
    return BackupSettings(folder=tmp_path / "backups", keep_daily=7, keep_weekly=4, overwrite=False)


@pytest.fixture
def back_up(wired: Settings, store: BackupSettings) -> Callable[[], StoredBackup]:
    """`back_up()`: a backup of the shop as it is now."""
    return lambda: StoredBackup(backup.make(wired, store, now=datetime.now(UTC), progress=quietly))


@pytest.fixture
def handled(busy_shop: Shop, carrier: Carrier, back_up: Callable[[], StoredBackup]) -> StoredBackup:
    """A backup of the busy shop in which every event was handled, so that nothing is excused."""
    assert busy_shop.placed
    carrier.settle()
    return back_up()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(SMALL, id="small"),
        pytest.param(FULL, id="full", marks=pytest.mark.scale),
    ],
)
def market_plan(request: pytest.FixtureRequest) -> Plan:
    """How large the shop is."""
    plan: Plan = request.param
    return plan


@pytest.fixture(scope="session")
def market(mongo_url: str, market_plan: Plan) -> Iterator[Settings]:
    """Settings that lead to a system with a shop. Who adds to it takes that away again."""
    with system(mongo_url, market_plan) as settings:
        yield settings
