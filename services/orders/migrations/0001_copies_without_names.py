"""Takes the names of customers out of orders' copies of them: nothing here shows them.

Knows raw documents only, and no code that may change: what a document of this time became must
not depend on what Kith is today.
"""

from typing import Any

COLLECTION = "customer_cards"
SCHEMA_VERSION = 2


def migrate(document: dict[str, Any]) -> dict[str, Any]:
    """A copy without the name."""
    kept = {name: value for name, value in document.items() if name != "name"}
    return kept | {"schema_version": SCHEMA_VERSION}
