"""The rules of the journal, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.customers.model import journal
from services.customers.model.journal import HappenedInFuture, NotCorrectable

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


class TestLogged:
    def test_happened_now_unless_told(self) -> None:
        entry = journal.logged(id="1", customer_id="2", now=NOW, kind="note", summary="Hello.")

        assert (entry.at, entry.data, entry.corrects) == (NOW, {}, None)

    def test_may_have_happened_this_very_moment(self) -> None:
        assert logged(NOW).at == NOW

    def test_cannot_have_happened_later(self) -> None:
        with pytest.raises(HappenedInFuture) as refused:
            logged(NOW + timedelta(milliseconds=1))

        assert [error.field for error in refused.value.errors] == ["at"]


class TestRefuseCorrection:
    @pytest.mark.parametrize("kind", journal.STAFF_KINDS)
    def test_lets_staff_correct_what_they_logged(self, kind: str) -> None:
        journal.refuse_correction({"kind": kind})

    @pytest.mark.parametrize("kind", sorted(set(journal.KINDS) - set(journal.STAFF_KINDS)))
    def test_lets_nobody_correct_what_was_heard(self, kind: str) -> None:
        with pytest.raises(NotCorrectable):
            journal.refuse_correction({"kind": kind})


class TestDifferences:
    def test_are_of_the_fields_that_changed(self) -> None:
        before = {"last_name": "Lee", "tags": ["vip"], "company": None}

        found = journal.differences(before, before | {"last_name": "Ng", "tags": []})

        assert found == [
            {"field": "last_name", "before": "Lee", "after": "Ng"},
            {"field": "tags", "before": ["vip"], "after": []},
        ]

    def test_are_none_where_nothing_changed(self) -> None:
        assert journal.differences({"tags": ["vip"]}, {"tags": ["vip"]}) == []

    @pytest.mark.parametrize(
        ("before", "after", "kept_before", "kept_after"),
        [
            ([], ["x" * 998, "y" * 998, "z"], [], ["x" * 998, "y" * 998]),
            (["x" * 3_000], ["y"], [], ["y"]),
            ({}, {"b": "x" * 1_500, "a": "y" * 1_500}, {}, {"a": "y" * 1_500}),
        ],
        ids=["list", "one value", "names"],
    )
    def test_keep_so_much_of_a_long_value(
        self, before: Any, after: Any, kept_before: Any, kept_after: Any
    ) -> None:
        (found,) = journal.differences({"field": before}, {"field": after})

        assert found == {
            "field": "field",
            "before": kept_before,
            "after": kept_after,
            "shortened": True,
        }


class TestConsents:
    @pytest.mark.parametrize(
        ("before", "after", "changed"),
        [
            (None, True, True),
            (None, False, True),
            (True, False, True),
            (False, True, True),
            (True, None, True),
            # A no that is taken back is no consent, and no withdrawal either.
            (False, None, False),
            (True, True, False),
            (False, False, False),
        ],
    )
    def test_are_what_was_agreed_or_refused(
        self, before: bool | None, after: bool | None, changed: bool
    ) -> None:
        old, new = ({} if value is None else {"sms": value} for value in (before, after))

        expected = [{"channel": "sms", "before": before, "after": after}] if changed else []
        assert journal.consents(old, new) == expected

    def test_of_several_channels_are_several(self) -> None:
        found = journal.consents({"email": True}, {"email": False, "post": True})

        assert [(one["channel"], one["after"]) for one in found] == [
            ("email", False),
            ("post", True),
        ]


class TestDigest:
    def test_is_equal_for_equal_parts_alone(self) -> None:
        assert journal.digest("a", 1) == journal.digest("a", 1)
        assert len({journal.digest(*parts) for parts in ((), ("a",), ("a", 1), ("a1",))}) == 4


def logged(at: datetime) -> journal.Entry:
    return journal.logged(id="1", customer_id="2", now=NOW, at=at, kind="call", summary="Rang.")
