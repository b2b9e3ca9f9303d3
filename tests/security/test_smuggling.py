"""Requests that two readers could understand in two ways, to web processes, byte by byte."""

import pytest

from services.registry import SERVICES
from tests.journeys.system import Person, System
from tests.support.wire import say

of_each_service = pytest.mark.parametrize("service", SERVICES)
INNER = b"GET /health/live HTTP/1.1\r\nHost: kith\r\n\r\n"


def post(headers: bytes, body: bytes) -> bytes:
    """A POST with headers of which one may say something else than the other."""
    return (
        b"POST /v1/tokens/delegations HTTP/1.1\r\nHost: kith\r\nContent-Type: application/json\r\n"
        + headers
        + b"\r\n\r\n"
        + body
    )


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body)


LAST = b"0\r\n\r\n" + INNER
# To one reader each has a second request in it, to another that is body.
AMBIGUOUS: dict[str, bytes] = {
    "length and chunks": post(
        b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(LAST), LAST
    ),
    "chunks and length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4", LAST),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: %d" % len(INNER), INNER),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(INNER), INNER),
    "a length with a sign": post(b"Content-Length: +2", b"{}" + INNER),
    "a length below zero": post(b"Content-Length: -1", b"{}" + INNER),
    "a length in hex": post(b"Content-Length: 0x2", b"{}" + INNER),
    "a length with a blank": post(b"Content-Length : 2", b"{}" + INNER),
    "a length without end": post(b"Content-Length: " + b"9" * 30, b"{}" + INNER),
    "a blank before the colon": post(b"Transfer-Encoding : chunked", LAST),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", LAST),
    "an odd blank": post(b"Transfer-Encoding: \x0bchunked", LAST),
    "chunks that are not last": post(b"Transfer-Encoding: chunked, identity", LAST),
    "two codings": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", LAST),
    "a folded line": post(b"Transfer-Encoding:\r\n chunked", LAST),
    "chunks of HTTP/1.0": (
        b"POST /v1/tokens/delegations HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST
    ),
    "a chunk without end": chunked(b"F" * 17 + b"\r\n{}\r\n" + LAST),
    "a chunk below zero": chunked(b"-1\r\n{}\r\n" + LAST),
    "a chunk in hex twice": chunked(b"0x2\r\n{}\r\n" + LAST),
    "a chunk with half a line end": chunked(b"2;\n{}\r\n" + LAST),
    "half a line end in a header": post(b"X: a\rContent-Length: 2", b"{}" + INNER),
    "a NUL in a header": post(b"X: a\x00b\r\nContent-Length: 0", INNER),
    "a blank in a name": post(b"X Y: a\r\nContent-Length: 0", INNER),
    "a line without a colon": post(b"XY\r\nContent-Length: 0", INNER),
    "a blank before a name": post(b" X: a\r\nContent-Length: 0", INNER),
    "a blank in the address": b"GET /v1/users /x HTTP/1.1\r\nHost: kith\r\n\r\n",
    "no version": b"GET /v1/users\r\n\r\n",
}
# Of what is right, but large or of another protocol.
ODD: dict[str, bytes] = {
    "a header of a megabyte": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "5,000 headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
    "a long address": b"GET /v1/users?q=" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long method": b"A" * 50_000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a1") + b"\r\n\r\n",
    "another host": b"GET http://evil.example/v1/users HTTP/1.1\r\nHost: a\r\n\r\n",
    "two hosts": b"GET /v1/users HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:27017 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a trace": b"TRACE /v1/users HTTP/1.1\r\nHost: a\r\nX-Planted: planted\r\n\r\n",
    "all": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "no letters": "GET /v1/üsers HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "a body of terabytes": post(b"Content-Length: 5000000000000\r\nExpect: 100-continue", b""),
    "an odd expectation": post(b"Content-Length: 0\r\nExpect: 200-perhaps", b""),
    "WebSocket": (
        b"GET /v1/users HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ),
    "HTTP/2 by upgrade": (
        b"GET /v1/users HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
    ),
}


def closing(request: bytes) -> bytes:
    """A request after which nobody has to wait for another."""
    if b"Upgrade" in request:
        return request
    return request.replace(b"\r\nHost: a", b"\r\nConnection: close\r\nHost: a", 1)


class TestAmbiguousRequests:
    @of_each_service
    @pytest.mark.parametrize("shape", AMBIGUOUS)
    def test_are_one_request_at_most(self, kith: System, service: str, shape: str) -> None:
        heard = say(kith.ports[service], AMBIGUOUS[shape])

        assert len(heard.statuses) <= 1
        assert all(400 <= status < 500 for status in heard.statuses)
        assert b"alive" not in heard.raw

    @of_each_service
    @pytest.mark.parametrize("shape", AMBIGUOUS)
    def test_leave_nothing_for_whoever_comes_next(
        self, kith: System, service: str, shape: str
    ) -> None:
        """What is sent after them on their connection is not answered, or on its own merits."""
        probe = b"GET /probe HTTP/1.1\r\nHost: kith\r\nConnection: close\r\n\r\n"

        heard = say(kith.ports[service], AMBIGUOUS[shape] + probe)

        assert b"alive" not in heard.raw
        assert len(heard.statuses) <= 1


class TestOddRequests:
    @of_each_service
    @pytest.mark.parametrize("shape", ODD)
    def test_are_refused_and_no_more(self, kith: System, service: str, shape: str) -> None:
        heard = say(kith.ports[service], closing(ODD[shape]), wait=0.5)

        assert all(400 <= status < 500 for status in heard.statuses)
        assert b"planted" not in heard.raw
        assert b"evil.example" not in heard.raw
        assert Person(kith.ports).call("GET", service, "/health/live").status_code == 200

    @pytest.mark.parametrize(
        "value",
        [
            b"a%0d%0aSet-Cookie: planted=1",
            b"a\\r\\nSet-Cookie: planted=1",
            b"a\xc4\x8d\xc4\x8aplanted",
        ],
    )
    def test_cannot_add_a_header_to_the_answer(self, kith: System, value: bytes) -> None:
        heard = say(
            kith.ports["customers"],
            b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: "
            + value
            + b"\r\n\r\n",
        )

        assert heard.statuses == [200]
        assert b"planted" not in heard.raw

    @pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n "])
    def test_cannot_break_a_header_in_two(self, kith: System, end: bytes) -> None:
        heard = say(
            kith.ports["customers"],
            b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: a"
            + end
            + b"Set-Cookie: planted=1\r\n\r\n",
        )

        assert b"planted" not in heard.raw
