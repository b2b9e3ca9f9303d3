"""ISO codes that come in: blanks around them and their case do not matter, anything else does."""

import pytest
from marshmallow import ValidationError

from shared.web.code_fields import CountryField, CurrencyField


class TestCountryField:
    @pytest.mark.parametrize("sent", ["GB", "gb", " gB "])
    def test_is_turned_into_capitals(self, sent: str) -> None:
        assert CountryField().deserialize(sent) == "GB"

    @pytest.mark.parametrize("sent", ["", "G", "GBR", "UK", "XX", "u\u017f", 5, None])
    def test_is_one_of_the_codes(self, sent: object) -> None:
        with pytest.raises(ValidationError):
            CountryField().deserialize(sent)


class TestCurrencyField:
    def test_is_turned_into_capitals(self) -> None:
        assert CurrencyField().deserialize("gbp") == "GBP"

    @pytest.mark.parametrize("sent", ["", "GB", "XXQ", "ﬀ", 5, None])
    def test_is_one_of_the_codes(self, sent: object) -> None:
        with pytest.raises(ValidationError):
            CurrencyField().deserialize(sent)
