"""The present time, as the database keeps it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, to the millisecond that the database keeps."""
    return as_kept(datetime.now(UTC))


def as_kept(at: datetime) -> datetime:
    """A moment to the millisecond that the database keeps of it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
