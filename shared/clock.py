"""What time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, to the millisecond that the database keeps."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
