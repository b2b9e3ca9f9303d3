"""Keyset pages: stretches of an index, and the position to go on from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import MaxKey, MinKey

from shared.document import Document

Keys = tuple[tuple[str, int], ...]

# Years 1 and 9999: every date is between them, and a missing date (null) is not.
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A stretch of one index: its name, its keys, and where to start and stop.

    `equal` fixes the leading keys. `start` is the position of the first entry, `stop` the first
    position past the last one, both in the order of the index; keys they leave out are open.
    """

    index: str
    keys: Keys
    equal: tuple[Any, ...] = ()
    start: tuple[Any, ...] = ()
    stop: tuple[Any, ...] = ()

    def minimum(self, after: tuple[Any, ...] | None) -> list[tuple[str, Any]]:
        """The bound to begin reading at, or to go on from `after`, a page's last position."""
        return self._bound((*self.equal, *(self.start if after is None else after)), at_end=False)

    def maximum(self) -> list[tuple[str, Any]]:
        """The bound to stop reading at."""
        return self._bound((*self.equal, *self.stop), at_end=not self.stop)

    def _bound(self, values: tuple[Any, ...], *, at_end: bool) -> list[tuple[str, Any]]:
        bound = list(zip([name for name, _ in self.keys], values, strict=False))
        for name, direction in self.keys[len(values) :]:
            bound.append((name, MaxKey() if (direction > 0) == at_end else MinKey()))
        return bound


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some documents in order, and the position to go on from, or None at the end."""

    items: list[Document]
    next: list[Any] | None


MAX_PAGE_SIZE = 200


DEFAULT_PAGE_SIZE = 50
