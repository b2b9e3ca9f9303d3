"""One run of the whole of Kith for all attacks."""

from collections.abc import Iterator

import pytest

from tests.journeys.system import Person, System, running


@pytest.fixture(scope="session")
def kith(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kith, running."""
    with running(tmp_path_factory.mktemp("attacked")) as system:
        yield system


@pytest.fixture
def admin(kith: System) -> Person:
    """The first admin."""
    return kith.admin()
