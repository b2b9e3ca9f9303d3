"""Makes and checks ids.

An id is an opaque string that sorts roughly by the time it was made, which keeps index inserts
together.
"""

import re

from bson import ObjectId

PATTERN = re.compile(r"[0-9a-f]{24}")


def new_id() -> str:
    """A fresh id: 24 hexadecimal digits, a MongoDB ObjectId written as text."""
    return str(ObjectId())


def is_id(text: str) -> bool:
    """True if `text` has the form of an id, of an existing document or not."""
    return PATTERN.fullmatch(text) is not None
