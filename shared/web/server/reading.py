"""Reading of a body on the event loop: under a deadline, up to a limit, whole or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import BinaryIO, cast

from shared.web.server.arrivals import MEMORY_BYTES, Arrival, Arrivals
from shared.web.server.asking import USUAL_BYTES
from shared.web.server.interface import Channel, RequestHeaders
from shared.web.server.refusals import BROKEN, LATE, TOO_LARGE, Refused

Ask = Callable[[int], Awaitable[int]]
"""Asks whether a body of so many bytes may come; gives the most that it may have."""

# Each piece costs a turn of the loop. After so many small ones the reader lets them gather a while.
_FREE_PIECES, _SMALL_BYTES, _PAUSE_SECONDS = 64, 1024, 0.002

_LINGER_SECONDS, _LINGER_BYTES = 2.0, 8 * 1024 * 1024


def announced_length(headers: RequestHeaders) -> int | None:
    """How long a request says that its body is: 0 if there is none, None if it is chunked."""
    if "transfer-encoding" in headers:
        return None
    return int(headers.get("content-length") or 0)


class Pieces:
    """The pieces of a body as they come; granian lets nobody begin twice, this goes on."""

    def __init__(self, channel: Channel) -> None:
        self._next = aiter(channel).__anext__

    def __aiter__(self) -> "Pieces":
        return self

    def __anext__(self) -> Awaitable[bytes]:
        return self._next()


class Reader:
    """Reads the bodies of one process."""

    def __init__(self, arrivals: Arrivals, disk: Executor) -> None:
        self._arrivals, self._disk = arrivals, disk

    async def read(self, pieces: Pieces, length: int | None, ask: Ask) -> tuple[BinaryIO, int]:
        """The body as a file, and how long it is.

        :raises Refused: it is late, too large, or broke off.
        """
        limit = USUAL_BYTES if (length or 0) <= USUAL_BYTES else await ask(length or 0)
        with self._arrivals.one() as arrival:
            try:
                await self._take(pieces, arrival, length, limit, ask)
            except BaseException as error:
                arrival.body.close()
                if not arrival.is_late or not isinstance(error, asyncio.CancelledError):
                    raise
                arrival.task.uncancel()
                raise Refused(LATE) from None
        arrival.body.seek(0)
        return cast(BinaryIO, arrival.body), arrival.received

    async def _take(
        self,
        pieces: Pieces,
        arrival: Arrival,
        length: int | None,
        limit: int,
        ask: Ask,
    ) -> None:
        count = empty = 0
        async for piece in pieces:
            if not piece:
                # Once at the end of a chunked body; more often if it broke off before.
                empty += 1
                continue
            if arrival.received + len(piece) > limit:
                limit = await self._higher_limit(arrival, limit, len(piece), ask)
            await self._store(arrival, piece)
            if arrival.received == length:
                return
            count += 1
            await _pause(count, arrival.received)
        if length is not None or empty != 1:
            raise Refused(BROKEN)

    async def _higher_limit(self, arrival: Arrival, limit: int, more: int, ask: Ask) -> int:
        """The limit of a body that has not said how long it is, and is longer than usual."""
        if limit > USUAL_BYTES:
            raise Refused(TOO_LARGE)
        with self._arrivals.excused(arrival):
            return await ask(arrival.received + more)

    async def _store(self, arrival: Arrival, piece: bytes) -> None:
        loop = asyncio.get_running_loop()
        if arrival.received + len(piece) > MEMORY_BYTES:
            # A disk may be slow, and the loop has others to serve.
            await loop.run_in_executor(self._disk, arrival.body.write, piece)
        else:
            arrival.body.write(piece)
        arrival.count(len(piece), loop.time())


async def _pause(count: int, received: int) -> None:
    if count > _FREE_PIECES and received < count * _SMALL_BYTES:
        await asyncio.sleep(_PAUSE_SECONDS)


async def linger(pieces: Pieces) -> None:
    """Read on for a moment what nobody wants.

    A connection that is closed while its sender still sends would take the answer with it.
    """
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            async for piece in pieces:
                read += len(piece)
                if read > _LINGER_BYTES:
                    return
