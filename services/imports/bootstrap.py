"""Repositories and collaborators of imports, made once for app, worker, tools and tests."""

from functools import partial

from pymongo.database import Database

from services.imports import SENDS, shop_client
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository
from services.imports.steps import Desk
from shared.document import Document
from shared.settings import Settings


def create_desk(settings: Settings, database: Database[Document]) -> Desk:
    """What the work of imports needs, on this database."""
    return Desk(
        jobs=JobRepository(database, SENDS),
        files=FileStore(database),
        rows=RowRepository(database),
        outcomes=OutcomeRepository(database),
        enter=partial(shop_client.connect, settings),
        leave=partial(shop_client.end_delegation, settings),
        most_bytes=settings.import_max_unpacked_bytes,
    )
