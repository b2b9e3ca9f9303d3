"""Signals that end a process, turned into an exception, a flag or a call, so that it cleans up.

Knows nothing of what runs.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Seconds between two looks at a flag.
STEP = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def calling_on_signals(
    act: Callable[[], None], *, even_ignored: Collection[signal.Signals] = ()
) -> Iterator[None]:
    """Call `act` in the main thread at each signal to end, instead of ending this process.

    `act` must take no lock: it could wait for the very code that it interrupted. A signal that is
    ignored so far stays ignored, unless it is among `even_ignored`.
    """
    before = {
        number: signal.signal(number, lambda _number, _frame: act())
        for number in SIGNALS
        # Under nohup a closed terminal is to be ignored, and stays so.
        if number in even_ignored or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal to end, and let the clean-up that follows be.

    Without it SIGTERM ends Python on the spot, and a second Ctrl-C ends the clean-up.
    """

    def interrupt() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    with calling_on_signals(interrupt):
        yield


@dataclass
class StopFlag:
    """A flag that is raised to make a supervisor's `wait` end."""

    raised: bool = False

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the flag is raised; True if it is.

        Not a `threading.Event`: the handler of a signal that comes while one is being waited for
        would wait for the lock of the code that it interrupted.
        """
        until = time.monotonic() + seconds
        while not self.raised and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, STEP))
        return self.raised


@contextmanager
def stopping_on_signals() -> Iterator[StopFlag]:
    """Give a flag that Ctrl-C, SIGTERM and a closed terminal raise, instead of ending this process.

    Enter it outside the supervisor's own context: a second Ctrl-C must not cut short the stopping.
    """
    flag = StopFlag()

    def ask() -> None:
        flag.raised = True

    # The shell of a script ignores Ctrl-C for what it starts with `&`.
    with calling_on_signals(ask, even_ignored=(signal.SIGINT, signal.SIGTERM)):
        yield flag
