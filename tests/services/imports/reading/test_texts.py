import pytest

from services.imports.model.lines import Unfit
from services.imports.reading import texts


class TestClean:
    @pytest.mark.parametrize(
        ("cell", "text"),
        [
            ("  Lantern ", "Lantern"),
            ("Two\r\nlines\tand a tab", "Two lines and a tab"),
            ("Cafe\u0301", "Café"),
            ("Größe\u00a0M", "Größe\u00a0M"),
            ("", ""),
            ("\u200b\ufeff", ""),
        ],
    )
    def test_trims_and_puts_on_one_line(self, cell: str, text: str) -> None:
        assert texts.clean(cell, "description") == text

    @pytest.mark.parametrize("cell", ["a\0b", "a\x1bb", "a\x80b", "a\ud800b"])
    def test_refuses_control_characters(self, cell: str) -> None:
        with pytest.raises(Unfit, match="holds a control character"):
            texts.clean(cell, "description")

    def test_refuses_what_is_too_long(self) -> None:
        with pytest.raises(Unfit, match="is longer than 500 characters"):
            texts.clean("x" * 501, "description")

        assert texts.clean("x" * 500, "description") == "x" * 500

    @pytest.mark.parametrize("cell", ["\u202aAnn\u202c", "\u200eAnn", "A\u00adnn\ufeff"])
    def test_leaves_out_what_nobody_sees_in_a_name(self, cell: str) -> None:
        assert texts.clean(cell, "first_name") == "Ann"

    def test_leaves_in_a_description_what_turns_nothing_round(self) -> None:
        assert texts.clean("\u200eLan\u00adtern \u202e1", "description") == (
            "\u200eLan\u00adtern 1"
        )

    @pytest.mark.parametrize("field", ["number", "sku", "customer"])
    def test_refuses_a_number_of_which_not_all_is_seen(self, field: str) -> None:
        with pytest.raises(Unfit, match="holds a character that nobody sees"):
            texts.clean("17\u200e85", field)


class TestQuoted:
    def test_is_short_and_safe_to_print(self) -> None:
        assert texts.quoted("a\0\x1b[31m") == '"a\ufffd\ufffd[31m"'
        assert texts.quoted("x" * 100) == f'"{"x" * 40}…"'


class TestIsNothing:
    @pytest.mark.parametrize("cell", ["", "  ", "nan", "NULL", "None", "n/a", "-"])
    def test_sees_what_programs_write_for_nothing(self, cell: str) -> None:
        assert texts.is_nothing(cell)

    def test_leaves_the_rest(self) -> None:
        assert not texts.is_nothing("0")
