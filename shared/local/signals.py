"""Signals that end a command, turned into one exception, so that it cleans up behind itself."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal to end, and let the clean-up that follows be.

    Without it SIGTERM ends Python on the spot, and a second Ctrl-C ends the clean-up.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in SIGNALS
        # Under nohup a closed terminal is to be ignored, and stays so.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class StopFlag:
    """Raised by anybody to make a supervisor's `wait` end."""

    raised: bool = False


@contextmanager
def stopping_on_signals() -> Iterator[StopFlag]:
    """A flag that Ctrl-C, SIGTERM and a closed terminal raise, instead of ending this process.

    Enter it outside the supervisor's own context: a second Ctrl-C must not cut short the stopping.
    """
    flag = StopFlag()

    def ask(_number: int, _frame: FrameType | None) -> None:
        # Nothing more: a handler that took a lock could wait for the very code it interrupted.
        flag.raised = True

    wanted = [signal.SIGINT, signal.SIGTERM]
    # Under nohup a closed terminal is to be ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in wanted}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
