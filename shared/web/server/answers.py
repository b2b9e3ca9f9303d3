"""Answers of a WSGI application, handed to granian whole or as a file.

What is passed on piece by piece would pile up in memory, or hold a thread, for as long as somebody
reads slowly; a file does neither.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any

from shared.web.server.interface import Channel, Environ, Headers, WsgiApp

MEMORY_BYTES = 1024 * 1024
"""What an answer made piece by piece may take of the memory; a longer one goes to a file."""

# Granian names itself unless the header is there.
_NAMELESS = ("server", "")

_Excuse = tuple[type[BaseException], BaseException, TracebackType]


class Answer:
    """What the application has answered, once it was called."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self._written: list[bytes] = []

    def start(
        self, status: str, headers: Headers, _: _Excuse | None = None
    ) -> Callable[[bytes], None]:
        """Take status and headers, as WSGI's `start_response`."""
        self.status = int(status[:3])
        self.headers = [(name.lower(), value) for name, value in headers]
        return self._written.append

    def send(self, parts: Iterable[bytes], channel: Channel) -> IO[bytes] | None:
        """Send what was answered; gives the file that has to stay open for a while, if any."""
        pieces = chain(self._written, parts)
        body, is_whole = _gather(pieces)
        headers = [*self.headers, _NAMELESS]
        if is_whole:
            if body or "content-length" not in dict(headers):
                channel.response_bytes(self.status, headers, body)
            else:
                # Of a HEAD: the length is that of the body which a GET would get.
                channel.response_empty(self.status, headers)
            return None
        file = _spool(body, pieces)
        headers = [each for each in headers if each[0] != "content-length"]
        headers.append(("content-length", str(file.tell())))
        file.seek(0)
        channel.response_file(self.status, headers, f"/dev/fd/{file.fileno()}")
        return file


def answer(app: WsgiApp, environ: Environ, channel: Channel) -> IO[bytes] | None:
    """Have the application answer, and send it."""
    begun = Answer()
    parts = app(environ, begun.start)
    try:
        return begun.send(parts, channel)
    finally:
        close: Any = getattr(parts, "close", None)
        if close is not None:
            close()


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The answer, or its beginning if it is long, and whether that is all."""
    first = next(pieces, b"")
    gathered, size = [first], len(first)
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > MEMORY_BYTES:
            return b"".join(gathered), False
    return (first if len(gathered) == 1 else b"".join(gathered)), True


def _spool(beginning: bytes, pieces: Iterator[bytes]) -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - it stays open until granian has it
    try:
        file.write(beginning)
        file.writelines(pieces)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file
