"""Systems with a generated shop in them, for the tests that look at a whole one."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.tools import setup
from services.tools.sample import loading
from services.tools.sample.plan import Plan
from shared.settings import Settings
from tests.support import databases

SMALL = Plan(customers=1_500, orders=4_000)
FULL = Plan(customers=100_000, orders=300_000)


@contextmanager
def system(mongo_url: str, plan: Plan | None = None) -> Iterator[Settings]:
    """Settings that lead to databases of all services, with the shop loaded; gone in the end."""
    settings = databases.settings_of_its_own(mongo_url, admin_password="correct horse")
    with databases.client_of_its_own(settings):
        list(setup.run(settings))
        if plan is not None:
            loading.load(settings, plan)
        yield settings
