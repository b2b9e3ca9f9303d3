"""marshmallow fields that every service takes in: clean text, ids, exact amounts, aware times.

Knows no schema. Fields whose rules load much are in `code_fields` and `email_field`.
"""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields

from shared import clock
from shared.identifiers import is_id
from shared.values.text import CONTROL, HIDDEN, TURNING, is_blank

MAX_DECIMALS = 6
MAX_AMOUNT = Decimal(10) ** 12


class Text(fields.String):
    """Text of `shortest` to `max_length` characters, trimmed, in NFC, without control characters.

    Nor does it take characters that nobody sees, or that turn round what stands beside them: two
    names would look alike and be two. What shows nothing at all is as good as empty.
    """

    unseen: re.Pattern[str] | None = HIDDEN

    def __init__(self, *, max_length: int = 200, shortest: int = 1, **kwargs: Any) -> None:
        metadata = {"maxLength": max_length, "minLength": shortest, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self._max_length, self._shortest = max_length, shortest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize(
            "NFC", super()._deserialize(value, attr, data, **kwargs)
        ).strip()
        if CONTROL.search(text):
            raise ValidationError("Control characters are not taken.")
        if is_blank(text):
            text = ""
        if self.unseen is not None and not text.isascii() and (found := self.unseen.search(text)):
            raise ValidationError(f"The invisible character U+{ord(found[0]):04X} is not taken.")
        if not self._shortest <= len(text) <= self._max_length:
            raise ValidationError(
                f"It must have {self._shortest} to {self._max_length} characters."
            )
        return text


class Prose(Text):
    """Text of sentences. It may have marks of direction, soft hyphens and the like.

    A note in Hebrew with a number in it needs the first, and shops write the others into titles.
    What turns round all that follows is refused here too.
    """

    unseen = TURNING


class Sought(Text):
    """Text to look for. What is stored may be older than the rule that refuses it today."""

    unseen = None


class IdField(Text):
    """An id, as every service makes them."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"pattern": "^[0-9a-f]{24}$", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_id(text):
            raise ValidationError("It must be an id: 24 hexadecimal digits.")
        return text


class YesNo(fields.Boolean):
    """True or false, and none of what else may be read as such: not 1, not "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("It must be true or false.")
        return value


class Amount(fields.Field[Decimal]):
    """An exact amount, sent as a decimal string such as `"12.30"`.

    At most 12 digits before the point, 6 after.
    """

    def __init__(self, *, least: Decimal | None = None, **kwargs: Any) -> None:
        metadata = {
            "type": "string",
            "format": "decimal",
            "pattern": r"^[+-]?([0-9]{1,12}\.?[0-9]{0,6}|\.[0-9]{1,6})$",
            "example": "12.30",
            **kwargs.pop("metadata", {}),
        }
        super().__init__(metadata=metadata, **kwargs)
        self._least = least

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str):
            raise ValidationError(
                'Send amounts as strings, such as "12.30"; a number would lose digits.'
            )
        try:
            amount = Decimal(value) if value.isascii() and "_" not in value else None
        except InvalidOperation:
            amount = None
        if amount is None or not amount.is_finite() or "e" in value.lower():
            raise ValidationError('It must be a decimal number, such as "12.30".')
        return self._within_bounds(amount)

    def _within_bounds(self, amount: Decimal) -> Decimal:
        if -int(amount.as_tuple().exponent) > MAX_DECIMALS:
            raise ValidationError(f"It may have at most {MAX_DECIMALS} decimals.")
        if abs(amount) >= MAX_AMOUNT:
            raise ValidationError("It is too large.")
        if self._least is not None and amount < self._least:
            raise ValidationError(f"It must be {self._least} or more.")
        return amount + 0  # -0 becomes 0


class Time(fields.AwareDateTime):
    """A time with its offset (RFC 3339), in UTC to the millisecond, as the database keeps it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            at = super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("It is out of range.") from error
        if at.year < 1900:
            raise ValidationError("It is before the year 1900.")
        return clock.as_kept(at)
