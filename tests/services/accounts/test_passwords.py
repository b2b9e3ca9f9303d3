"""Which passwords are refused, without any server."""

import unicodedata

import pytest

from services.accounts import passwords
from services.accounts.passwords import PasswordRefused


class TestCanonical:
    @pytest.mark.parametrize("word", ["Müller und Söhne", "ĐẶNG THỊ HƯƠNG", "한국어 비밀번호"])
    def test_is_one_form_of_all_that_look_the_same(self, word: str) -> None:
        composed = unicodedata.normalize("NFC", word)
        decomposed = unicodedata.normalize("NFD", word)

        assert composed != decomposed
        assert passwords.canonical(composed) == passwords.canonical(decomposed) == composed

    def test_keeps_signs_apart_that_look_different(self) -> None:
        assert passwords.canonical("ﬁne x²") != passwords.canonical("fine x2")


class TestCheck:
    @pytest.mark.parametrize(
        "password",
        [
            "correct horse",
            "a password to test with",
            "Müller und Söhne",
            "пароль и ещё слово",
            "sjd8fh2lq0zw",
            "anna-and-17-kittens",
            "12 shop windows",
            "x1" + "y2" * 63,
        ],
    )
    def test_lets_a_good_one_pass(self, password: str) -> None:
        assert reason(password) is None

    @pytest.mark.parametrize("password", ["", "x", "elevenchars", "é" * 11, "xy" * 64 + "z"])
    def test_refuses_one_of_no_fit_length(self, password: str) -> None:
        assert reason(password) == "It has to have 12 to 128 characters."

    def test_measures_what_is_seen(self) -> None:
        eleven = unicodedata.normalize("NFD", "schöne Tür!")

        assert len(eleven) > 12
        assert reason(eleven) == "It has to have 12 to 128 characters."
        assert reason(unicodedata.normalize("NFD", "ähnlich öde Türen " * 7)[:140]) is None

    @pytest.mark.parametrize(
        "password",
        [
            "aaaaaaaaaaaa",
            " " * 12,
            "AAAAAAaaaaaa",
            "\x00" * 12,
            "é" * 64,
            "x" * 128,
            "abababababab",
            "abcabcabcabcabc",
            "123456789012",
            "9876543210987",
            "abcdefghijkl",
        ],
    )
    def test_refuses_a_run(self, password: str) -> None:
        assert (reason(password) or "").startswith("It repeats a few signs")

    @pytest.mark.parametrize(
        "password",
        [
            "1qaz2wsx3edc",
            "QWERTY123456",
            "leavemealone",
            "password1234",
            "Password123!",
            "!!Football-1",
            "passwordpassword",
            "Dragon2024!!",
        ],
    )
    def test_refuses_a_common_one(self, password: str) -> None:
        assert "most common passwords" in (reason(password) or "")

    @pytest.mark.parametrize(
        "password",
        [
            "anna.leeson@shop.example",
            "ANNA.LEESON@SHOP.EXAMPLE",
            "anna.leeson@shop.example!",
            "anna.leeson1234",
            "annaleeson-annaleeson",
        ],
    )
    def test_refuses_the_address(self, password: str) -> None:
        assert "e-mail address" in (reason(password, name="Sam") or "")

    @pytest.mark.parametrize("password", ["Zoë Grønland", "zoë grønland 1", "Grønland2024"])
    def test_refuses_the_name(self, password: str) -> None:
        assert "name of its owner" in (reason(password, name="Zoe\u0308 Grønland") or "")

    def test_does_not_mind_short_names(self) -> None:
        assert reason("ann and the lion", email="ann@shop.example", name="Ann Lee") is None

    def test_names_the_field_that_was_sent(self) -> None:
        with pytest.raises(PasswordRefused) as refusal:
            passwords.check("x", email="a@b.example", name="Ann", field="new_password")

        assert [error.field for error in refusal.value.errors] == ["new_password"]

    def test_knows_the_ten_thousand_commonest_and_more(self) -> None:
        assert len(passwords._common()) == 30_000
        assert {"123456", "qwerty", "letmein", "iloveyou"} <= passwords._common()


def reason(
    password: str, email: str = "anna.leeson@shop.example", name: str = "Anna Leeson"
) -> str | None:
    """Why a password is refused, or None."""
    try:
        passwords.check(password, email=email, name=name)
    except PasswordRefused as refusal:
        (error,) = refusal.errors
        return error.message
    return None
