"""marshmallow fields for ISO codes of countries and currencies. Knows no schema."""

from collections.abc import Callable, Collection
from typing import Any

from marshmallow import ValidationError

from shared.values.iso import countries, currencies
from shared.web.fields import Text


class CodeField(Text):
    """One of the codes that `known` lists, turned into capitals."""

    def __init__(self, *, known: Callable[[], Collection[str]], kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._known = known
        self._kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # Some letters beyond ASCII have capitals within it.
        code = text.upper() if text.isascii() else ""
        if code not in self._known():
            raise ValidationError(f"It must be {self._kind}.")
        return code


class CountryField(CodeField):
    """An ISO 3166-1 alpha-2 code."""

    def __init__(self, **kwargs: Any) -> None:
        kind = "a two-letter country code of ISO 3166, such as GB"
        metadata = {"pattern": "^[A-Za-z]{2}$", "example": "GB", **kwargs.pop("metadata", {})}
        super().__init__(known=countries, kind=kind, metadata=metadata, **kwargs)


class CurrencyField(CodeField):
    """An ISO 4217 code."""

    def __init__(self, **kwargs: Any) -> None:
        kind = "a three-letter currency code of ISO 4217, such as GBP"
        metadata = {"pattern": "^[A-Za-z]{3}$", "example": "GBP", **kwargs.pop("metadata", {})}
        super().__init__(known=currencies, kind=kind, metadata=metadata, **kwargs)
