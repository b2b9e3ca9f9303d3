"""The rules of what the website tells, without a database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.customers.model import activity
from services.customers.model.activity import NothingViewed, ViewerMissing
from shared.errors import Invalid, Refusal

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
PAGE: dict[str, Any] = {"kind": "page", "url": "/", "visitor_id": "v"}


class TestView:
    def test_happened_now_unless_told(self) -> None:
        made = view(PAGE)

        assert made == PAGE | {"_id": made["_id"], "at": NOW, "batch": "one"}

    def test_has_an_id_by_where_it_stands_and_what_it_says(self) -> None:
        ids = [
            view(PAGE)["_id"],
            view(PAGE, index=1)["_id"],
            view(PAGE, batch="two")["_id"],
            view(PAGE | {"url": "/mugs"})["_id"],
        ]

        assert len(set(ids)) == 4
        assert view(dict(reversed(PAGE.items())))["_id"] == ids[0]

    def test_with_an_id_of_its_own_has_the_same_wherever_it_stands(self) -> None:
        database = PAGE | {"id": "7"}

        assert (
            view(database)["_id"] == view(database | {"url": "/mugs"}, batch="two", index=9)["_id"]
        )
        assert "id" not in view(database)

    @pytest.mark.parametrize(
        ("entry", "refusal", "fields"),
        [
            ({"kind": "page", "url": "/"}, ViewerMissing, ["customer_id", "visitor_id"]),
            ({"kind": "page", "visitor_id": "v", "sku": "1"}, NothingViewed, ["url"]),
            ({"kind": "product", "visitor_id": "v", "url": "/"}, NothingViewed, ["sku"]),
        ],
    )
    def test_has_to_say_whose_and_of_what_it_is(
        self, entry: dict[str, Any], refusal: type[Refusal], fields: list[str]
    ) -> None:
        with pytest.raises(refusal) as refused:
            view(entry)

        assert [error.field for error in refused.value.errors] == fields


class TestRefuseOddVisitor:
    @pytest.mark.parametrize("id", ["v", "A-1_b.c~d", "x" * 100])
    def test_lets_pass_what_can_stand_in_an_address(self, id: str) -> None:
        activity.refuse_odd_visitor(id)

    @pytest.mark.parametrize("id", ["", "a b", "a/b", "é", "a\n", "x" * 101, "$ne"])
    def test_refuses_the_rest(self, id: str) -> None:
        with pytest.raises(Invalid):
            activity.refuse_odd_visitor(id)


def view(entry: dict[str, Any], *, batch: str = "one", index: int = 0) -> dict[str, Any]:
    return activity.view(entry, batch=batch, index=index, now=NOW)
