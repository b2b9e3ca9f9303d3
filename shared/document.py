"""The type of a document: data by field name, as it is stored and sent."""

from typing import Any

Document = dict[str, Any]
