"""Filters of a list: what callers may ask for, the field it compares, the index that finds it.

A list declares each of its filters once; its query schema, its search and `make explain` read that.
The keys of an index stand in the declaration of its collection alone. Knows no collection by name.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.document import Document
from shared.mongo import collections
from shared.mongo.examples import Sample
from shared.mongo.paging import Keys, Range

_BOUNDS = ("$gte", "$lt")


def as_it_is(value: Any) -> Any:
    """The key of a value that is stored as callers send it."""
    return value


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of a list. What callers send is in the last five fields."""

    name: str
    """The query parameter."""
    field: str
    """The stored field."""
    index: str
    """The index that finds documents by this filter alone."""
    example: Sample
    """Values to ask for, taken from the data."""
    key: Callable[[Any], Any] = as_it_is
    """Turns what callers send into what is stored."""
    operator: str = "$eq"
    is_unique: bool = False
    """True if each value finds one document at most."""
    finds_twice: bool = False
    """True if a document may have several entries in the index."""
    kind: str = "text"
    """`text`, `time`, or a kind of text that the query schema knows."""
    max_length: int = 100
    choices: Sequence[str] = ()
    """All values that may be asked for; any, unless given."""
    max_values: int = 1
    """Values in one question, each a query parameter of its own."""
    description: str = ""

    @property
    def is_bound(self) -> bool:
        """True if it says where a list begins or ends, and finds nothing by itself."""
        return self.operator in _BOUNDS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The way to the documents that a query asks for."""

    lead: Filter | None
    """The filter whose index is read; None where the whole list is."""
    range: Range
    """The stretch of the index to read."""
    where: Document
    """The condition on documents in that stretch."""


@dataclass(frozen=True, kw_only=True)
class ListFilters:
    """The filters of one list, those that find fewest documents first.

    Of several that are asked for together, the first leads: its index is read, and the others
    narrow what it finds.
    """

    collection: collections.Collection
    order: Keys
    """The keys that the list is ordered by."""
    filters: tuple[Filter, ...]
    within: tuple[str, ...] = ()
    """Fields that the address of the list fixes; its indexes begin with them."""

    def __iter__(self) -> Iterator[Filter]:
        return iter(self.filters)

    def lead(self, names: Collection[str]) -> Filter | None:
        """The first of the filters that are asked for, or None if there is none."""
        return next((one for one in self if one.name in names and not one.is_bound), None)

    def conditions(self, query: Document) -> Document:
        """The condition on a document that all filters of `query` match."""
        found: Document = {}
        for one in self:
            if one.name in query:
                found.setdefault(one.field, {})[one.operator] = one.key(query[one.name])
        return found

    def range(
        self,
        query: Document,
        *,
        at: tuple[Any, ...] = (),
        start: tuple[Any, ...] = (),
        stop: tuple[Any, ...] = (),
    ) -> Range:
        """The stretch of an index, in the order of the list, that serves `query` best.

        The index begins with the leading filter's field; of several such, it is the longest whose
        other fields are asked for as well. `at` has the values of the fields that are fixed.
        """
        name, keys = max(self._indexes(query), key=lambda index: len(index[1]))
        asked = {one.field: one.key(query[one.name]) for one in self._equal(query)}
        fields = [field for field, _ in keys[len(self.within) : -len(self.order)]]
        equal = (*at, *(asked[field] for field in fields))
        return Range(index=name, keys=keys, equal=equal, start=start, stop=stop)

    def narrows(self, names: Collection[str]) -> Filter | None:
        """The filter whose index finds what the others are then compared with, one by one.

        None where one index serves all of these filters.
        """
        lead = self.lead(names)
        fields = {one.field for one in self if one.name in names}
        if lead is None or len(names) < 2:
            return None
        together = [
            name
            for name, keys in self._keys()
            if (name == lead.index or self._is_ordered(keys))
            and keys[len(self.within)][0] == lead.field
            and fields <= dict(keys).keys()
        ]
        return None if together else lead

    def _indexes(self, names: Collection[str]) -> Iterator[tuple[str, Keys]]:
        lead = self.lead(names)
        first = [*self.within, *([lead.field] if lead else [])]
        asked = {*self.within, *(one.field for one in self._equal(names))}
        for name, keys in self._keys():
            leading = [field for field, _ in keys[: -len(self.order)]]
            begins = leading[: len(first)] == first
            if begins and self._is_ordered(keys) and set(leading) <= asked:
                yield name, keys

    def _equal(self, names: Collection[str]) -> list[Filter]:
        return [one for one in self if one.name in names and one.operator == "$eq"]

    def _is_ordered(self, keys: Keys) -> bool:
        return keys[-len(self.order) :] == self.order

    def _keys(self) -> Iterator[tuple[str, Keys]]:
        for index in self.collection.indexes:
            yield index.document["name"], tuple(index.document["key"].items())
