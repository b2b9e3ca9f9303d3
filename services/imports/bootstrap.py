"""Repositories and collaborators of imports, made once for app, worker, tools and tests."""

from functools import partial

from pymongo.database import Database

from services.imports import PUBLISHES, shop_client
from services.imports.context import ImportContext
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository
from services.imports.sealing import KEY, Seal
from shared import secrets
from shared.document import Document
from shared.settings import Settings


def create_context(settings: Settings, database: Database[Document]) -> ImportContext:
    """The collaborators that the work of imports needs, on this database."""
    seal = Seal(partial(secrets.require, settings.secrets_dir, KEY))
    return ImportContext(
        jobs=JobRepository(database, PUBLISHES),
        files=FileStore(database),
        rows=RowRepository(database),
        outcomes=OutcomeRepository(database),
        seal=seal,
        enter=lambda sealed: shop_client.connect(settings, seal.open(sealed)),
        leave=lambda sealed: shop_client.end_delegation(settings, seal.open(sealed)),
        max_bytes=settings.import_max_unpacked_bytes,
    )
