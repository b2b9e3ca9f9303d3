import pytest

from shared.values.text import is_blank


class TestIsBlank:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            " \t\n\u00a0\u3000\u2028",
            "\u200b",
            "\u2060\ufeff\u00ad",
            "\u200c\u200d\u200e",
            "\u3164\uffa0",
            "\u2800",
            "\ufe0f\U000e0100",
        ],
    )
    def test_is_true_of_what_nobody_sees(self, text: str) -> None:
        assert is_blank(text)

    @pytest.mark.parametrize(
        "text",
        ["a", "\u200ba", "\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f4bb", "-", "\u0301"],
    )
    def test_is_false_of_what_somebody_sees(self, text: str) -> None:
        assert not is_blank(text)
