"""How customers and their journal lie in MongoDB.

Collections, the rules the database itself holds, indexes.
"""

from services.customers.documents.customers import CUSTOMERS, LEDGER, SCHEMA_VERSION, STAFF
from shared import inbox
from shared.migrations.documents import MIGRATIONS

COLLECTIONS = (CUSTOMERS, LEDGER, STAFF, *inbox.COLLECTIONS, MIGRATIONS)

__all__ = ["COLLECTIONS", "CUSTOMERS", "LEDGER", "SCHEMA_VERSION", "STAFF"]
