"""Collections of customers: their validators, which the database itself holds, and indexes."""

from services.customers.documents.copies import COPY_SCHEMA_VERSION, LEDGER, STAFF
from services.customers.documents.customers import CUSTOMERS, NEWEST, SCHEMA_VERSION
from services.customers.documents.journal import JOURNAL, VIEWS, VISITORS
from shared.messaging import inbox
from shared.mongo.migrations.documents import MIGRATIONS

COLLECTIONS = (CUSTOMERS, LEDGER, STAFF, JOURNAL, VIEWS, VISITORS, *inbox.COLLECTIONS, MIGRATIONS)

__all__ = [
    "COLLECTIONS",
    "COPY_SCHEMA_VERSION",
    "CUSTOMERS",
    "JOURNAL",
    "LEDGER",
    "NEWEST",
    "SCHEMA_VERSION",
    "STAFF",
    "VIEWS",
    "VISITORS",
]
