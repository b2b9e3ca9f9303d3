"""How tries are counted, and the waits they lead to, by the tests' own clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from services.accounts.attempts import (
    FREE_IN_WINDOW,
    KNOWN_FOR,
    MOST_KNOWN_FAILURES,
    WINDOW,
    Attempts,
    Crowd,
    Pair,
    account_mark,
    address_mark,
)

Counter = TypeVar("Counter", bound=Attempts)

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TestUnknownPair:
    def test_has_five_tries_and_then_waits_longer_and_longer(self) -> None:
        waits, tries, now = [], Pair(id="", expires_at=NOW), NOW
        for _ in range(16):
            tries = tries.tried(now)
            waits.append(tries.wait(now).total_seconds())
            now += tries.wait(now)

        assert waits == [0] * 4 + [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]

    def test_is_remembered_for_a_day(self) -> None:
        assert Pair(id="", expires_at=NOW).tried(NOW).expires_at == NOW + timedelta(days=1)


class TestKnownPair:
    def test_begins_anew_with_a_success(self) -> None:
        tries = many(Pair(id="", expires_at=NOW), 9).succeeded(NOW)

        assert tries.is_known(NOW)
        assert (tries.failures, tries.wait(NOW)) == (0, timedelta(0))
        assert tries.expires_at == NOW + KNOWN_FOR

    def test_leaves_room_for_the_owner_beside_a_stranger(self) -> None:
        tries, waits = known(), []
        for turn in range(4 * 60):
            # The stranger, twice a second; the owner, who fails as well, once.
            now = NOW + turn * SECOND / 4
            if turn % 2 == 0 or turn % 4 == 1:
                waits.append(tries.wait(now) > timedelta(0))
                tries = tries.tried(now)

        assert waits == [False] * 180

    def test_has_no_more_at_once_than_in_a_row(self) -> None:
        tries = many(known(), 5)

        assert tries.wait(NOW) == SECOND
        assert tries.wait(NOW + SECOND) <= timedelta(0)
        assert tries.tried(NOW + SECOND).wait(NOW + SECOND) <= timedelta(0)

    def test_counts_as_unknown_after_too_many_failures(self) -> None:
        tries = replace(known(), failures=MOST_KNOWN_FAILURES - 1)
        last = tries.tried(NOW)

        assert (tries.is_known(NOW), last.is_known(NOW)) == (True, False)
        assert last.tried(NOW).wait(NOW) == timedelta(minutes=5)
        assert last.succeeded(NOW).is_known(NOW)

    def test_is_known_for_thirty_days(self) -> None:
        assert known().is_known(NOW + KNOWN_FOR - SECOND)
        assert not known().is_known(NOW + KNOWN_FOR)
        assert known().tried(NOW + SECOND).expires_at == NOW + KNOWN_FOR

    def test_remembers_failures_past_that_time(self) -> None:
        late = NOW + KNOWN_FOR + SECOND

        assert known().tried(late).expires_at == late + timedelta(days=1)


class TestCrowd:
    def test_waits_after_twenty_failures_in_a_window(self) -> None:
        tries = many(crowd(), FREE_IN_WINDOW - 1)

        assert tries.wait(NOW) == timedelta(0)
        waits = [tries.wait(NOW) for _ in range(4) if (tries := tries.tried(NOW))]
        assert waits == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]

    def test_begins_anew_with_each_window(self) -> None:
        tries = many(crowd(), 30).tried(NOW + WINDOW)

        assert (tries.failures, tries.began_at) == (1, NOW + WINDOW)
        assert tries.wait(NOW + WINDOW) == timedelta(0)

    def test_takes_back_what_was_no_failure(self) -> None:
        tries = many(crowd(), FREE_IN_WINDOW).made_up_for()

        assert (tries.failures, tries.wait(NOW)) == (FREE_IN_WINDOW - 1, timedelta(0))
        assert crowd().made_up_for().failures == 0

    def test_cannot_be_filled_by_one_unknown_pair(self) -> None:
        pair, now, let_through = Pair(id="", expires_at=NOW), NOW, 0
        while now < NOW + WINDOW:
            pair = pair.tried(now)
            let_through += 1
            now += pair.wait(now)

        assert let_through < FREE_IN_WINDOW


class TestMarks:
    @pytest.mark.parametrize(
        "same", ["LEE@example.com", " lee@example.com ", "\uff4cee@example.com"]
    )
    def test_of_an_account_are_one_however_it_is_typed(self, same: str) -> None:
        assert account_mark(same) == account_mark("lee@example.com")
        assert account_mark("lee@example.org") != account_mark("lee@example.com")

    def test_of_a_network_of_ipv6_are_one(self) -> None:
        own = address_mark("2001:db8:0:1::1")

        assert own == address_mark("2001:db8:0:1:ffff:ffff:ffff:ffff")
        assert own != address_mark("2001:db8:0:2::1")

    def test_of_ipv4_are_one_in_both_ways_to_write_it(self) -> None:
        assert address_mark("::ffff:192.0.2.1") == address_mark("192.0.2.1")
        assert address_mark("192.0.2.2") != address_mark("192.0.2.1")

    @pytest.mark.parametrize("odd", ["", "no address", "fe80::1%eth0", "1.2.3.4:80"])
    def test_are_made_of_anything(self, odd: str) -> None:
        assert len(account_mark(odd)) == len(address_mark(odd)) == 64


def known() -> Pair:
    return Pair(id="", expires_at=NOW).succeeded(NOW)


def crowd() -> Crowd:
    return Crowd(id="", expires_at=NOW)


def many(tries: Counter, times: int) -> Counter:
    for _ in range(times):
        tries = tries.tried(NOW)
    return tries
