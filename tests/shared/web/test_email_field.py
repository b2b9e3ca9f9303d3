"""E-mail addresses that come in."""

import pytest
from marshmallow import ValidationError

from shared.web.email_field import EmailField


class TestEmailField:
    def test_is_normalised(self) -> None:
        assert EmailField().deserialize(" Ann@Example.COM ") == "Ann@example.com"

    @pytest.mark.parametrize("sent", ["", "ann", "@example.com", "ann@", "a b@example.com", None])
    def test_is_refused_where_it_is_none(self, sent: object) -> None:
        with pytest.raises(ValidationError):
            EmailField().deserialize(sent)
