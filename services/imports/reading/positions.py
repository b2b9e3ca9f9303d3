"""Positions in a file at which a later step of an import goes on reading, as jobs store them."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from services.imports.reading.decoding import Place


@dataclass(frozen=True, kw_only=True)
class Position:
    """A position behind a row, and the place from which the rows behind it can be read.

    That place is where the order of the row begins, behind row `order_after`: what the rows of an
    order leave blank is stated in its first. With no place, reading begins with the file.
    """

    row: int = 0
    order_after: int = 0
    place: Place | None = None

    @classmethod
    def from_text(cls, text: str | None) -> Self:
        """The position that `to_text` wrote, or a row's number alone, or None: the beginning."""
        data = json.loads(text or "0")
        # Earlier releases wrote nothing but the number of the row.
        if isinstance(data, int):
            return cls(row=data)
        place = data["place"]
        held = bytes.fromhex(place.pop("held"))
        return cls(
            row=data["row"], order_after=data["order_after"], place=Place(**place, held=held)
        )

    def to_text(self) -> str:
        """The position as a job keeps it."""
        if self.place is None:
            return str(self.row)
        place = {**asdict(self.place), "held": self.place.held.hex()}
        return json.dumps({"row": self.row, "order_after": self.order_after, "place": place})


BEGINNING = Position()
"""The beginning of a file."""
