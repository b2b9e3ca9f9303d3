from shared.values.iso import countries, currencies, money_currencies


class TestCurrencies:
    def test_are_the_codes_of_iso_4217(self) -> None:
        assert {"GBP", "EUR", "JPY", "KWD", "XXX"} <= currencies()

    def test_of_money_leave_out_the_codes_for_none_and_for_tests(self) -> None:
        assert {"GBP", "EUR", "JPY", "KWD"} <= money_currencies()
        assert money_currencies().isdisjoint({"XXX", "XTS", "gbp"})


class TestCountries:
    def test_are_the_two_letter_codes_of_iso_3166(self) -> None:
        assert {"DE", "GB", "US"} <= countries()
        assert countries().isdisjoint({"UK", "de", "EU"})
