"""Positions as jobs store them."""

import pytest

from services.imports.reading.decoding import Place
from services.imports.reading.positions import BEGINNING, Position

LATE = Position(
    row=2_000,
    order_after=1_998,
    place=Place(offset=65_536, encoding="utf-8", held=b"\xc3", flags=2**70, skip=17),
)


class TestPosition:
    @pytest.mark.parametrize("position", [BEGINNING, Position(row=7), LATE])
    def test_is_the_same_after_it_was_stored(self, position: Position) -> None:
        assert Position.from_text(position.to_text()) == position

    def test_is_the_beginning_where_none_is_stored(self) -> None:
        assert Position.from_text(None) == BEGINNING

    def test_is_read_where_an_earlier_release_stored_the_row_alone(self) -> None:
        assert Position.from_text("2000") == Position(row=2_000)
