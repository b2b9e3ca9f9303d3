import os
import signal

import pytest

from shared.local.signals import SIGNALS, interrupted_once


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
