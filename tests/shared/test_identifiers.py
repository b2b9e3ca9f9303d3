import pytest

from shared.identifiers import is_id, new_id


class TestNewId:
    def test_is_an_id_and_no_other(self) -> None:
        ids = [new_id() for _ in range(1_000)]

        assert all(is_id(id) for id in ids)
        assert len(set(ids)) == 1_000

    def test_sorts_by_the_time_it_was_made(self) -> None:
        ids = [new_id() for _ in range(100)]

        assert ids == sorted(ids)


class TestIsId:
    @pytest.mark.parametrize(
        "text", ["", "a", "A" * 24, "g" * 24, "a" * 23, "a" * 25, "a" * 24 + "\n", "\u0661" * 24]
    )
    def test_refuses_what_is_none(self, text: str) -> None:
        assert not is_id(text)
