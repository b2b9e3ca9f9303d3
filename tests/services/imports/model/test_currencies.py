from services.imports.model import currencies


class TestCodes:
    def test_are_those_of_money(self) -> None:
        assert {"GBP", "EUR", "JPY", "KWD"} <= currencies.codes()
        assert currencies.codes().isdisjoint({"XXX", "XTS", "gbp"})
