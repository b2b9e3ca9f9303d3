"""A refresh token that two have."""

import time
from functools import partial

import pytest

from tests.journeys.system import Json, Person, System
from tests.security.staff import at_once, hire, refresh, sign_in

ROUNDS = [2, pytest.param(50, marks=pytest.mark.security)]
AFTER_GRACE = 11.0


class TestThief:
    @pytest.mark.parametrize("rounds", ROUNDS)
    def test_gets_no_chain_of_their_own_and_is_noticed(
        self, kith: System, admin: Person, rounds: int
    ) -> None:
        mine: list[Json] = []
        for _ in range(rounds):
            stolen = sign_in(kith, hire(admin))["refresh_token"]
            answers = at_once(*[partial(refresh, kith, stolen)] * 2)
            assert [answer.status_code for answer in answers] == [201, 201]
            successors = {answer.json()["refresh_token"] for answer in answers}
            assert len(successors) == 1
            # The owner goes on; the thief has what the owner has just replaced.
            theirs = successors.pop()
            later = refresh(kith, theirs)
            assert later.status_code == 201
            mine.append({"theirs": theirs, "mine": later.json()["refresh_token"]})

        time.sleep(AFTER_GRACE)
        used = [refresh(kith, each["theirs"]).status_code for each in mine]
        ended = [refresh(kith, each["mine"]).status_code for each in mine]

        assert used == [401] * rounds
        assert ended == [401] * rounds


class TestGuess:
    def test_does_not_end_somebody_elses_session(self, kith: System, admin: Person) -> None:
        mine = sign_in(kith, hire(admin))["refresh_token"]
        session = mine.partition(".")[0]

        guesses = [refresh(kith, f"{session}.{word}").status_code for word in ("", "x", "x" * 43)]
        Person(kith.ports).post(
            "accounts", "/v1/tokens/revoke", {"refresh_token": f"{session}.guess"}
        )

        assert guesses == [401] * 3
        assert refresh(kith, mine).status_code == 201
