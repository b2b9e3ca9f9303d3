"""Jobs to test imports' repositories with, without a file behind them."""

from collections.abc import Callable
from typing import Any

import pytest

from services.imports.repository.jobs import JobRepository
from shared.document import Document
from shared.events.contracts import ImportAdvanced
from shared.identifiers import new_id
from tests.support.stall import MAPPING, NOW


@pytest.fixture
def add_job(jobs: JobRepository) -> Callable[..., Document]:
    """`add_job(**details)`: a job that was just asked for, as callers see it."""

    def make(**details: Any) -> Document:
        id = new_id()
        usual: dict[str, Any] = {
            "id": id,
            "mapping": MAPPING,
            "preset": None,
            "file": {"name": "shop.csv", "bytes": 7, "sha256": "0" * 64},
            "asked_by": new_id(),
            "delegation": "session.secret",
            "event": ImportAdvanced(import_id=id, step=1, version=1, occurred_at=NOW.isoformat()),
            "now": NOW,
            "request": None,
        }
        return jobs.add(**usual | details)

    return make
