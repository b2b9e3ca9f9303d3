import pytest

from shared.values.text import HIDDEN, TURNING, is_blank


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


class TestHidden:
    @pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
    def test_is_what_turns_round_what_follows(self, code: int) -> None:
        assert TURNING.search(f"a{chr(code)}b")
        assert HIDDEN.search(f"a{chr(code)}b")

    @pytest.mark.parametrize(
        "code", [0x61C, 0x200E, 0x200F, 0xAD, 0x180E, 0x200B, 0x2060, 0x2063, 0xFEFF, 0xE0041]
    )
    def test_is_what_nobody_sees_in_a_name(self, code: int) -> None:
        assert HIDDEN.search(f"a{chr(code)}b")
        assert not TURNING.search(f"a{chr(code)}b")

    @pytest.mark.parametrize(
        "name",
        [
            "O\u2019Neil",
            "\u0645\u06cc\u200c\u062e",
            "\u0915\u094d\u200d\u0937",
            "\u845b\U000e0100\u57ce",
        ],
        ids=["Irish", "Persian", "Hindi", "Japanese"],
    )
    def test_is_nothing_that_names_are_written_with(self, name: str) -> None:
        assert not HIDDEN.search(name)
