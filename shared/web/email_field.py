"""marshmallow field for e-mail addresses. Knows no schema."""

from typing import Any

from marshmallow import ValidationError

from shared.values.email import email_address
from shared.web.fields import Text


class EmailField(Text):
    """A well-formed e-mail address."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return email_address(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error
