"""RSGI application that serves a WSGI one: bodies on the event loop, the rest in threads.

A thread is taken when all of a body is there, so nobody holds one by sending slowly; and given back
when all of the answer is made, so nobody holds one by reading slowly.
"""

import re
import sys
import traceback
from asyncio import AbstractEventLoop
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import IO, BinaryIO
from uuid import uuid4

import structlog

from shared.web.server import memory
from shared.web.server.answers import answer
from shared.web.server.arrivals import MEMORY_BYTES, Arrivals
from shared.web.server.asking import ask
from shared.web.server.environ import environ_of
from shared.web.server.interface import Channel, Environ, Scope, WsgiApp
from shared.web.server.reading import Pieces, Reader, announced_length, linger
from shared.web.server.refusals import FAILED, LATE, Reason, Refused, answer_of
from shared.web.server.threads import Threads

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

_SWITCH_SECONDS = 0.001

# Granian opens the file of an answer at once, but does not say when it has.
_FILE_STAYS_SECONDS = 60.0


class _Answered(Exception):
    """The application was asked whether a body may come, and has refused it."""


class Bridge:
    """The application, as granian calls it."""

    def __init__(self, app: WsgiApp, *, threads: int) -> None:
        self._app = app
        memory.prepare()
        # Under way for longer than this, one thread lets another have the interpreter. Python's own
        # 5 ms, several times in a request, are what the others would wait beside a large body.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._threads = Threads(threads)
        # Large bodies take long to read and to check; those who send little do not queue behind.
        self._large = Threads(max(1, threads // 2))
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="bodies")
        self._reader = Reader(Arrivals(), self._disk)

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Begin, on granian's loop."""
        self._loop = loop
        self._threads.begin(loop)
        self._large.begin(loop)

    def __rsgi_del__(self, loop: AbstractEventLoop) -> None:
        """End, when all requests are answered."""
        self._threads.close()
        self._large.close()
        self._disk.shutdown()

    async def __rsgi__(self, scope: Scope, channel: Channel) -> None:
        """Answer one request."""
        try:
            length = announced_length(scope.headers)
            if length == 0:
                await self._answer(scope, channel, BytesIO(), None)
            else:
                await self._take(scope, channel, Pieces(channel), length)
        except Exception as error:
            # Where, and not what, as `shared.web.problems` has it.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("request_failed", error_type=type(error).__name__, trace=trace)
            _refuse(FAILED, scope, channel)

    async def _take(
        self, scope: Scope, channel: Channel, pieces: Pieces, length: int | None
    ) -> None:
        """Answer a request with a body."""
        try:
            asking = partial(self._ask, scope, channel)
            body, received = await self._reader.read(pieces, length, asking)
        except _Answered:
            await _part(scope, pieces)
        except Refused as refused:
            _refuse(refused.reason, scope, channel)
            if refused.reason is not LATE:
                await _part(scope, pieces)
        else:
            with body:
                await self._answer(scope, channel, body, received)

    async def _answer(
        self, scope: Scope, channel: Channel, body: BinaryIO, length: int | None
    ) -> None:
        environ = environ_of(scope, body, length)
        if (length or 0) > MEMORY_BYTES:
            file = await self._large.run(_answer_large, self._app, environ, channel)
        else:
            file = await self._threads.run(answer, self._app, environ, channel, at_once=False)
        if file is not None:
            self._loop.call_later(_FILE_STAYS_SECONDS, file.close)

    async def _ask(self, scope: Scope, channel: Channel, length: int) -> int:
        limit = await self._threads.run(ask, self._app, scope, length, channel)
        if limit is None:
            raise _Answered
        return limit


def _answer_large(app: WsgiApp, environ: Environ, channel: Channel) -> IO[bytes] | None:
    try:
        return answer(app, environ, channel)
    finally:
        memory.give_back()


def _refuse(reason: Reason, scope: Scope, channel: Channel) -> None:
    given = scope.headers.get("x-request-id") or ""
    request_id = given if _REQUEST_ID.match(given) else uuid4().hex
    channel.response_bytes(*answer_of(reason, request_id))


async def _part(scope: Scope, pieces: Pieces) -> None:
    # Who waits for a word before sending has not sent anything, and must not get that word now.
    if "expect" not in scope.headers:
        await linger(pieces)
