"""Filters of a list of things: which index they lead to, and what the others narrow."""

from typing import Any

import pytest
from pymongo import IndexModel

from shared.mongo.collections import Collection
from shared.mongo.examples import always
from shared.mongo.filters import Filter, ListFilters
from shared.mongo.paging import Keys

BY_SIZE: Keys = (("size", -1), ("_id", -1))


class TestLead:
    @pytest.mark.parametrize(
        ("names", "lead"),
        [
            ((), None),
            (("owner",), "owner"),
            (("kind", "owner"), "owner"),
            (("largest",), None),
            (("largest", "kind"), "kind"),
        ],
    )
    def test_is_the_first_that_is_asked_for(self, names: tuple[str, ...], lead: str | None) -> None:
        found = THINGS.lead(names)

        assert (found and found.name) == lead


class TestConditions:
    def test_compare_keys_with_stored_fields(self) -> None:
        assert THINGS.conditions({"owner": "ANN", "kind": "box"}) == {
            "owner.key": {"$eq": "ann"},
            "kind": {"$eq": "box"},
        }

    def test_on_one_field_are_one(self) -> None:
        query = {"smallest": 1, "largest": 9}

        assert THINGS.conditions(query) == {"size": {"$gte": 1, "$lt": 9}}

    def test_leave_out_what_is_no_filter(self) -> None:
        assert THINGS.conditions({"limit": 5}) == {}


class TestRange:
    @pytest.mark.parametrize(
        ("query", "index", "equal"),
        [
            ({}, "newest", ()),
            ({"kind": "box"}, "kind", ("box",)),
            ({"owner": "ANN"}, "owner", ("ann",)),
            ({"owner": "ANN", "kind": "box"}, "owner_kind", ("ann", "box")),
            ({"kind": "box", "colour": "red"}, "kind", ("box",)),
            ({"owner": "ANN", "kind": "box", "colour": "red"}, "owner_kind", ("ann", "box")),
            ({"largest": 5}, "newest", ()),
        ],
        ids=str,
    )
    def test_is_of_the_longest_index_that_fits(
        self, query: dict[str, Any], index: str, equal: tuple[str, ...]
    ) -> None:
        found = THINGS.range(query)

        assert (found.index, found.equal, found.keys[-2:]) == (index, equal, BY_SIZE)

    def test_begins_where_the_address_says(self) -> None:
        found = SHELF.range({"kind": "box"}, at=("top",), stop=(3,))

        assert (found.index, found.equal, found.stop) == ("shelf_kind", ("top", "box"), (3,))
        assert SHELF.range({}, at=("top",)).index == "shelf"


class TestNarrows:
    @pytest.mark.parametrize(
        ("names", "lead"),
        [
            (["kind"], None),
            (["owner", "kind"], None),
            (["owner", "largest"], None),
            (["smallest", "largest"], None),
            (["owner", "colour"], "owner"),
            (["kind", "colour"], "kind"),
        ],
        ids=str,
    )
    def test_is_the_lead_where_no_index_serves_all(
        self, names: list[str], lead: str | None
    ) -> None:
        found = THINGS.narrows(set(names))

        assert (found and found.name) == lead


def index(name: str, *leading: str) -> IndexModel:
    return IndexModel([*((field, 1) for field in leading), *BY_SIZE], name=name)


def one(name: str, **more: Any) -> Filter:
    given: dict[str, Any] = {"field": name, "index": name, "example": always("a"), **more}
    return Filter(name=name, **given)


THINGS = ListFilters(
    collection=Collection(
        name="things",
        validator={},
        indexes=(
            index("newest"),
            index("owner", "owner.key"),
            index("owner_kind", "owner.key", "kind"),
            index("kind", "kind"),
            index("colour", "colour"),
            # In no order of the list.
            IndexModel([("kind", 1), ("colour", 1), ("name", 1)], name="other"),
        ),
    ),
    order=BY_SIZE,
    filters=(
        one("owner", field="owner.key", key=str.lower),
        one("kind"),
        one("colour"),
        one("smallest", field="size", operator="$gte"),
        one("largest", field="size", operator="$lt"),
    ),
)
SHELF = ListFilters(
    collection=Collection(
        name="shelved",
        validator={},
        indexes=(index("shelf", "shelf"), index("shelf_kind", "shelf", "kind")),
    ),
    order=BY_SIZE,
    within=("shelf",),
    filters=(one("kind"),),
)
