from shared.errors import FieldError, Invalid, TooMany, invalid


class TestInvalid:
    def test_names_its_one_field(self) -> None:
        refusal = invalid("lines.0.quantity", "It must not be 0.")

        assert isinstance(refusal, Invalid)
        assert refusal.errors == (FieldError("lines.0.quantity", "It must not be 0."),)


class TestTooMany:
    def test_says_when_to_come_again(self) -> None:
        refusal = TooMany("Slow down.", retry_after=17)

        assert (str(refusal), refusal.message, refusal.retry_after) == (
            "Slow down.",
            "Slow down.",
            17,
        )
