"""Plain sockets to talk HTTP over, byte by byte if need be."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from shared.local.ports import LOOPBACK


@dataclass(frozen=True)
class Heard:
    """What a server sent, until it closed the connection or fell silent."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_closed: bool

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Line:
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=30)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def hear(self, *, is_head: bool = False) -> Heard:
        """The next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if is_head or status in (100, 204) else int(headers["content-length"])
        body = self._file.read(length)
        return Heard(status, headers, body, headers.get("connection") == "close")

    def is_closed(self) -> bool:
        """Whether the server has closed it, or does within some time."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.socket.close()
