"""Collaborators that the steps of an import need: repositories, files, the other services."""

from collections.abc import Callable
from dataclasses import dataclass

from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository
from services.imports.sealing import Seal
from services.imports.shop_client import Shop


@dataclass(frozen=True)
class ImportContext:
    """The collaborators of an import's steps."""

    jobs: JobRepository
    files: FileStore
    rows: RowRepository
    outcomes: OutcomeRepository
    seal: Seal
    """Closes delegations before they are stored."""
    enter: Callable[[str], Shop]
    """The shop, for a delegation as it is stored."""
    leave: Callable[[str], None]
    """Gives a delegation back, as it is stored."""
    max_bytes: int
