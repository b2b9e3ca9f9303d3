"""One run of the whole of Kith for all journeys."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.journeys.system import Person, System, running


@pytest.fixture(scope="session")
def kith(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Kith, running. In the end Ctrl-C stops it, and nothing of it may be left."""
    with running(tmp_path_factory.mktemp("kith")) as system:
        yield system
        family = system.pids()
        asked = time.monotonic()
        system.process.send_signal(signal.SIGINT)
        code = system.process.wait(timeout=60)
        took = time.monotonic() - asked
        assert system.process.pid in family
        assert code == 0, system.log.read_text(errors="replace")[-5_000:]
        assert system.pids() == set()
        assert took < 10


@pytest.fixture
def admin(kith: System) -> Person:
    """The first admin."""
    return kith.admin()
