"""Servers that may be broken, for all tests of faults, and the seed of their dice."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.report import Report
from tests.faults.rig import Rig
from tests.faults.system import Servers, running_servers


@pytest.fixture
def rig(servers: Servers, tmp_path: Path, report: Report) -> Rig:
    """What a test of real processes works with."""
    # Shown when the test fails.
    sys.stdout.write(f"SEED={report.seed}\n")
    return Rig(servers, tmp_path, report)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A replica set of three and a Redis of their own."""
    with running_servers(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(scope="session")
def seed() -> int:
    """What the dice start from: another one each time, or the one that SEED names."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="session")
def report(seed: int) -> Report:
    """Where figures go."""
    return Report(seed)
