"""What a token has to look like before anybody asks whose signature it bears."""

import pytest

from shared.auth import shape
from shared.auth.keyring import ALGORITHM
from shared.auth.shape import OddToken
from shared.auth.tokens import ACCESS_SECONDS, TOKEN_TYPE
from tests.support.forgery import ago, mint


class TestKeyId:
    def test_is_the_one_that_the_header_names(self) -> None:
        made = mint()

        assert key_id(made.token()) == made.key["_id"]

    def test_is_that_of_an_unknown_key_too(self) -> None:
        assert key_id(mint().token({"kid": "unknown"})) == "unknown"

    @pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "a" * 100_000, "\x00", "a.b.c.d.e"])
    def test_is_not_looked_for_in_what_is_no_token(self, token: str) -> None:
        with pytest.raises(OddToken):
            key_id(token)

    def test_is_not_said_of_a_token_with_another_name_in_its_header(self) -> None:
        with pytest.raises(OddToken, match="header"):
            key_id(mint().token({"jku": "http://127.0.0.1:1/"}))

    def test_is_not_said_of_a_token_that_outlives_ours(self) -> None:
        with pytest.raises(OddToken, match="longer"):
            key_id(mint().token(exp=ago(-ACCESS_SECONDS - 5)))

    @pytest.mark.parametrize("act", ["imports", ["imports"], {"nobody": 1}, {"sub": 1}, None])
    def test_is_not_said_where_nobody_knows_who_acts(self, act: object) -> None:
        with pytest.raises(OddToken, match="type"):
            key_id(mint().token(act=act))


def key_id(token: str) -> str:
    return shape.key_id(token, algorithm=ALGORITHM, type=TOKEN_TYPE, longest=ACCESS_SECONDS)
