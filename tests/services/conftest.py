"""A whole system with a generated shop in it, small and, where scale is asked for, large."""

from collections.abc import Iterator

import pytest

from services.sample.plan import Plan
from shared.settings import Settings
from tests.services.shops import FULL, SMALL, system


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
