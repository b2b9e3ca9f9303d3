"""The rig of a test of real processes: servers, a folder, a report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.settings import Settings
from tests.faults.report import Report
from tests.faults.system import Servers, System, running_system, settings_for


@dataclass(frozen=True)
class Rig:
    """Servers, a folder for logs, and where figures go."""

    servers: Servers
    folder: Path
    reporter: Report

    @property
    def seed(self) -> int:
        """What the dice start from."""
        return self.reporter.seed

    @property
    def settings(self) -> Settings:
        """Settings that lead to the servers."""
        return settings_for(self.servers)

    @contextmanager
    def system(self, **switch: Any) -> Iterator[System]:
        """A system of its own, with these faults in its processes."""
        with running_system(self.servers, self.folder, **switch) as made:
            yield made

    def report(self, name: str, figures: dict[str, Any]) -> None:
        """Note the figures of the test."""
        self.reporter.add(name, figures)
