import os
import signal
import time
from threading import Timer

import pytest

from shared.local.signals import (
    SIGNALS,
    calling_on_signals,
    interrupted_once,
    stopping_on_signals,
)


class TestCallingOnSignals:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_calls_at_each_signal(self, number: signal.Signals) -> None:
        calls: list[None] = []

        with calling_on_signals(lambda: calls.append(None)):
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)

        assert len(calls) == 2


class TestStoppingOnSignals:
    def test_takes_ctrl_c_that_a_script_ignores(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with stopping_on_signals() as flag:
                os.kill(os.getpid(), signal.SIGINT)
        finally:
            signal.signal(signal.SIGINT, before)

        assert flag.raised

    def test_ends_a_wait_within_a_moment(self) -> None:
        began = time.monotonic()
        with stopping_on_signals() as flag:
            Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()

            assert flag.wait(60)

        assert time.monotonic() - began < 30

    def test_says_that_nothing_came_while_one_waited(self) -> None:
        with stopping_on_signals() as flag:
            assert not flag.wait(0.01)


class TestInterruptedOnce:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_turns_a_signal_into_one_exception(self, number: signal.Signals) -> None:
        with pytest.raises(KeyboardInterrupt), interrupted_once():
            os.kill(os.getpid(), number)

    def test_lets_the_clean_up_be(self) -> None:
        cleaned = False

        def work() -> None:
            nonlocal cleaned
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned = True

        with pytest.raises(KeyboardInterrupt), interrupted_once():
            work()

        assert cleaned

    def test_leaves_signals_as_they_were(self) -> None:
        before = [signal.getsignal(number) for number in SIGNALS]

        with interrupted_once():
            assert [signal.getsignal(number) for number in SIGNALS] != before

        assert [signal.getsignal(number) for number in SIGNALS] == before

    def test_keeps_ignoring_what_is_ignored(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with interrupted_once():
                os.kill(os.getpid(), signal.SIGHUP)
        finally:
            signal.signal(signal.SIGHUP, before)
