"""Systems with a generated shop in them, for the tests that look at a whole one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from services.tools import setup
from services.tools.sample import loading
from services.tools.sample.plan import Plan
from shared.mongo.client import connect
from shared.settings import Settings, load

SMALL = Plan(customers=1_500, orders=4_000)
FULL = Plan(customers=100_000, orders=300_000)


@contextmanager
def system(mongo_url: str, plan: Plan | None = None) -> Iterator[Settings]:
    """Settings that lead to databases of all services, with the shop loaded; gone in the end."""
    settings = replace(
        load(),
        mongo_url=mongo_url,
        database_prefix=f"test_{uuid4().hex[:12]}",
        admin_password="correct horse",
    )
    with connect(settings) as client:
        try:
            list(setup.run(settings))
            if plan is not None:
                loading.load(settings, plan)
            yield settings
        finally:
            for name in client.list_database_names():
                if name.startswith(settings.database_prefix):
                    client.drop_database(name)
