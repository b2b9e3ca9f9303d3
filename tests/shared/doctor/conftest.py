"""What the tests of the doctor ask for."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest

from shared.doctor.findings import Finding, Level

Told = list[tuple[Level, str, str]]


@pytest.fixture
def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@pytest.fixture
def told() -> Callable[[Iterable[Finding]], Told]:
    """`told(findings)`: level, subject and state of each."""
    return lambda findings: [(one.level, one.subject, one.state) for one in findings]
