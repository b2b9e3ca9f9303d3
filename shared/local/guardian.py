"""Guardian process: ends our process groups if we are killed before we can. Knows nothing else.

The kernel's means for this (PR_SET_PDEATHSIG) reaches children alone, never what they started in
turn, such as the workers of a web server or of a task pool. A process group reaches them all.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

STEP = 0.1


class Guardian:
    """A process that ends the groups it watches once this process is gone, killed or not."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process = self._start()

    @property
    def pid(self) -> int:
        """The process id of the guardian."""
        return self._process.pid

    def watch(self, group: int) -> None:
        """End `group` if this process dies."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Stop watching a group that has ended; its number may come to belong to somebody else."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the guardian, and with it the groups it still watches."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own interpreter runs this very file.
            # Neither site-packages nor our environment: it starts in hundredths of a second.
            (sys.executable, "-I", "-S", __file__),
            # Unbuffered, so that an order is not still here when we are killed.
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Outside our session, so that no signal meant for us and our like reaches it.
            start_new_session=True,
        )

    def _tell(self, order: str) -> None:
        try:
            self._write(order)
        except BrokenPipeError:
            # Somebody killed the guardian; its successor has to be given every group.
            self.close()
            self._process = self._start()
            self._write("".join(f"+{group}\n" for group in self._groups))

    def _write(self, orders: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(orders.encode())


def end_group(group: int) -> None:
    """Kill whatever is left of a process group."""
    # Gone already, or (on macOS) nothing but a zombie: there is nothing left to kill.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def guard(orders: Iterable[str], *, grace: float) -> None:
    """Keep the list of groups as `orders` say; when there are no more, stop the groups still on it.

    :param grace: seconds from SIGTERM to SIGKILL.
    """
    groups: set[int] = set()
    for order in orders:
        change = groups.add if order.startswith("+") else groups.discard
        change(int(order[1:]))
    for group in groups:
        # The leader alone: it ends its workers in good order, while a worker would drop its task.
        with suppress(ProcessLookupError):
            os.kill(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(map(_runs, groups)) and time.monotonic() < deadline:
        time.sleep(STEP)
    for group in groups:
        end_group(group)


def _runs(leader: int) -> bool:
    try:
        os.kill(leader, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    guard(sys.stdin, grace=5)
