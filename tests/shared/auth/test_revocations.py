"""What is published of revocations, and which tokens it covers."""

import pytest

from shared.auth.caller import Caller
from shared.auth.revocations import Revocations, mark, published_form

USER, OTHER, SESSION = "a" * 24, "b" * 24, "c" * 24


class TestPublishedForm:
    def test_names_nobody_in_clear(self) -> None:
        published = published_form({USER: (2, 5.0)}, [SESSION])

        assert published == {
            "users": {mark(USER): 5.0},
            "versions": {mark(USER): 2},
            "sessions": [mark(SESSION)],
        }
        assert USER not in str(published)
        assert SESSION not in str(published)

    def test_is_read_again(self) -> None:
        assert Revocations.read(published_form({USER: (2, 5.0)}, [SESSION])) == Revocations(
            versions={mark(USER): 2}, before={mark(USER): 5.0}, sessions=frozenset({mark(SESSION)})
        )

    def test_of_the_release_before_is_read_too(self) -> None:
        found = Revocations.read({"users": {USER: 5.0}})

        assert found.cover(Caller(USER, "sales"), issued_at=4.9)
        assert not found.cover(Caller(USER, "sales"), issued_at=5.0)


class TestCover:
    @pytest.mark.parametrize(
        ("caller", "is_covered"),
        [
            (Caller(USER, "sales", version=1), True),
            (Caller(USER, "sales", version=2), False),
            (Caller(USER, "sales", version=3), False),
            (Caller(OTHER, "sales", version=1), False),
            (Caller(USER, "sales", version=2, session=SESSION), True),
            (Caller(USER, "sales", version=2, session=OTHER), False),
            (Caller(USER, "sales"), True),
            (Caller(OTHER, "sales"), False),
        ],
        ids=str,
    )
    def test_by_version_session_and_for_old_tokens_time(
        self, caller: Caller, is_covered: bool
    ) -> None:
        found = Revocations.read(published_form({USER: (2, 5.0)}, [SESSION]))

        assert found.cover(caller, issued_at=4.0) is is_covered
