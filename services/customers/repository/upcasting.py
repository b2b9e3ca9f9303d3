"""Upcasts stored customers of the form before to today's form. Knows no query."""

from importlib import import_module

from services.customers.documents import SCHEMA_VERSION
from shared.document import Document

# By its path, for a name that begins with a digit cannot be imported. Readers do what the
# migration does, so that a document shows the same before it and after.
_to_today = import_module("services.customers.migrations.0001_split_preferences").migrate


def upcast(document: Document) -> Document:
    """A document as it was read, in today's form. Those of the first form do not name it."""
    if document.get("schema_version", 1) >= SCHEMA_VERSION:
        return document
    today: Document = _to_today(document)
    return today
