"""Bytes to a web process and bytes back, with no client in between that would put them right."""

import re
import socket
from dataclasses import dataclass

from shared.local.ports import LOOPBACK

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@dataclass(frozen=True)
class Heard:
    """All that came back on one connection."""

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers, one after the other."""
        return [int(one) for one in _STATUS.findall(self.raw)]

    @property
    def head(self) -> bytes:
        """The headers of the first answer, in small letters."""
        return self.raw.partition(b"\r\n\r\n")[0].lower()


def say(port: int, sent: bytes, *, wait: float = 1.0) -> Heard:
    """Send these bytes, and listen until the other side closes or says nothing for a while."""
    with socket.create_connection((LOOPBACK, port), timeout=wait) as connection:
        raw = b""
        try:
            connection.sendall(sent)
            while piece := connection.recv(65_536):
                raw += piece
        except TimeoutError:
            return Heard(raw, closed=False)
        except ConnectionError:
            # Whoever refuses may close before all was sent.
            return Heard(raw, closed=True)
        return Heard(raw, closed=True)
