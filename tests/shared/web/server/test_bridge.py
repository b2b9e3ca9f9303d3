"""The bridge between a real granian and a toy, over plain sockets."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridged import LARGE, PIECE
from tests.support.lines import Line
from tests.support.memory import memory as memory_of

THING = b'{"name":"a"}'
MIB = 1024 * 1024
# What a process may need more after it has moved hundreds of times that.
FLAT = 24 * MIB


def head(method: str, path: str, **headers: str | int) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: toy", *lines, "", ""]).encode("latin-1")


def thing(size: int = len(THING)) -> bytes:
    return head("POST", "/things", Content_Type="application/json", Content_Length=size)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


SIGNED_IN = {"Authorization": "Bearer good"}


class TestRequest:
    def test_with_a_body_is_answered_again_and_again(self, line: Line) -> None:
        for _ in range(3):
            line.send(thing() + THING)

            heard = line.hear()

            assert (heard.status, heard.body, heard.is_closed) == (201, THING, False)

    def test_is_read_however_it_comes_in_pieces(self, line: Line) -> None:
        for byte in thing() + THING:
            line.send(bytes([byte]))

        assert line.hear().status == 201

    def test_in_chunks_has_a_length(self, line: Line) -> None:
        line.send(head("POST", "/echo/a", Transfer_Encoding="chunked"))
        line.send(chunk(b"hi ") + chunk(b"there") + b"0\r\n\r\n")

        seen = line.hear().json["environ"]

        assert seen["CONTENT_LENGTH"] == "8"
        assert "HTTP_TRANSFER_ENCODING" not in seen

    def test_of_a_head_has_the_length_of_a_get(self, line: Line) -> None:
        line.send(head("HEAD", "/echo/a"))
        asked = line.hear(is_head=True)
        line.send(head("GET", "/echo/a"))
        told = line.hear()

        assert asked.status == told.status == 200
        assert int(asked.headers["content-length"]) > 0

    def test_may_be_answered_with_nothing(self, line: Line) -> None:
        line.send(head("DELETE", "/things"))
        assert line.hear().status == 204

        line.send(thing() + THING)
        assert line.hear().status == 201

    def test_tells_no_name_of_a_server(self, line: Line) -> None:
        line.send(head("GET", "/echo/a"))

        assert line.hear().headers["server"] == ""


class TestEnviron:
    def test_has_what_was_asked(self, line: Line) -> None:
        line.send(head("POST", "/echo/a%2Fb%C3%A4?x=%FF&y=a+b", Content_Length=0))

        answer = line.hear().json

        assert answer["rest"] == "a/bä"
        assert answer["environ"]["QUERY_STRING"] == "x=%FF&y=a+b"
        assert answer["environ"]["PATH_INFO"] == "/echo/a/bä".encode().decode("latin-1")
        assert answer["environ"]["REMOTE_ADDR"] == "127.0.0.1"
        assert "CONTENT_LENGTH" not in answer["environ"]

    def test_joins_headers_that_come_twice(self, line: Line) -> None:
        line.send(b"GET /echo/a HTTP/1.1\r\nHost: toy\r\nX-A: 1\r\nX-A: 2\r\n\r\n")

        assert line.hear().json["environ"]["HTTP_X_A"] == "1, 2"

    def test_takes_no_underline_for_a_dash(self, line: Line) -> None:
        line.send(b"GET /echo/a HTTP/1.1\r\nHost: toy\r\nX_Real_IP: 9.9.9.9\r\n\r\n")

        assert "HTTP_X_REAL_IP" not in line.hear().json["environ"]

    def test_shows_a_header_that_cannot_be_read_as_empty(self, line: Line) -> None:
        line.send("GET /echo/a HTTP/1.1\r\nHost: toy\r\nIf-Match: \xe9\r\n\r\n".encode())

        assert line.hear().json["environ"]["HTTP_IF_MATCH"] == ""

    def test_has_none_of_the_process(self, line: Line) -> None:
        line.send(head("GET", "/echo/a"))

        assert "PATH" not in line.hear().json["environ"]


class TestLateBody:
    def test_is_refused(self, line: Line) -> None:
        line.send(head("POST", "/things", X_Request_Id="slow-1", Content_Length=100) + b"a")

        heard = line.hear()

        assert (heard.status, heard.is_closed) == (408, True)
        assert heard.headers["content-type"] == "application/problem+json"
        assert heard.json["type"] == "urn:kith:problem:request-timeout"
        assert heard.json["request_id"] == heard.headers["x-request-id"] == "slow-1"
        assert line.is_closed()

    def test_holds_up_nobody(self, line: Line, call: Callable[[], Line]) -> None:
        slow = [call() for _ in range(100)]
        for one in slow:
            one.send(thing() + THING[:1])

        began = time.monotonic()
        for _ in range(20):
            line.send(thing() + THING)
            assert line.hear().status == 201

        assert time.monotonic() - began < 5
        for one in slow:
            one.send(THING[1:])
        assert {one.hear().status for one in slow} == {201}

    def test_that_breaks_off_does_not_reach_the_application(self, line: Line) -> None:
        line.send(head("POST", "/echo/a", Transfer_Encoding="chunked") + chunk(b"hi") + b"zz\r\n")

        heard = line.hear()

        assert (heard.status, heard.json["title"]) == (400, "Bad Request")


class TestLargeBody:
    def test_in_chunks_is_refused_past_the_limit(self, line: Line) -> None:
        line.send(
            head("POST", "/things", Content_Type="application/json", Transfer_Encoding="chunked")
        )
        line.send(chunk(THING.ljust(MIB)))
        line.send(chunk(b" ") + b"0\r\n\r\n")

        heard = line.hear()

        assert (heard.status, heard.is_closed) == (413, True)
        assert heard.json["type"] == "urn:kith:problem:request-entity-too-large"

    def test_in_chunks_is_taken_up_to_the_limit(self, line: Line) -> None:
        line.send(
            head("POST", "/things", Content_Type="application/json", Transfer_Encoding="chunked")
        )
        line.send(chunk(THING.ljust(MIB)) + b"0\r\n\r\n")

        assert line.hear().status == 201

    @pytest.mark.parametrize(
        ("headers", "length", "status"),
        [({}, 2 * MIB, 401), (SIGNED_IN, LARGE + 1, 413), (SIGNED_IN, 2_000_000_000, 413)],
    )
    def test_is_refused_before_it_is_sent(
        self, line: Line, headers: dict[str, str], length: int, status: int
    ) -> None:
        line.send(head("POST", "/files", Content_Length=length, Expect="100-continue", **headers))

        heard = line.hear()

        assert (heard.status, heard.is_closed) == (status, True)
        assert line.is_closed()

    def test_is_asked_for_if_it_may_come(self, line: Line) -> None:
        body = os.urandom(2 * MIB)
        line.send(
            head("POST", "/files", Content_Length=len(body), Expect="100-continue", **SIGNED_IN)
        )
        assert line.hear().status == 100

        line.send(body)

        assert line.hear().json == {
            "size": len(body),
            "digest": blake2b(body, digest_size=8).hexdigest(),
        }

    def test_tells_why_it_is_refused_to_who_sends_regardless(self, line: Line) -> None:
        line.send(head("POST", "/files", Content_Length=3 * MIB))
        line.send(b"a" * 3 * MIB)

        assert line.hear().status == 401

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_needs_little_memory(self, line: Line, toy: Any, is_chunked: bool) -> None:
        before = memory(toy)
        size = 256 * MIB
        length: dict[str, Any] = (
            {"Transfer_Encoding": "chunked"} if is_chunked else {"Content_Length": size}
        )
        line.send(head("POST", "/files", **length, **SIGNED_IN))
        for _ in range(256):
            line.send(chunk(b"a" * MIB) if is_chunked else b"a" * MIB)
        line.send(b"0\r\n\r\n" if is_chunked else b"")

        assert line.hear().json["size"] == size
        assert memory(toy) < before + FLAT


class TestAnswer:
    @pytest.mark.parametrize("count", [0, 1, 10, 11, 100])
    def test_in_pieces_is_whole(self, line: Line, count: int) -> None:
        line.send(head("GET", f"/pieces/{count}"))

        assert line.hear().body == PIECE * count

    def test_that_is_long_needs_little_memory(
        self, line: Line, toy: Any, call: Callable[[], Line]
    ) -> None:
        before = memory(toy)
        # They do not read, and hold no thread for it.
        for _ in range(5):
            call().send(head("GET", "/pieces/300"))
        line.send(head("GET", "/pieces/1000"))

        assert len(line.hear().body) == 1000 * len(PIECE)
        assert memory(toy) < before + FLAT

    def test_that_fails_half_way_is_a_failure(self, line: Line) -> None:
        line.send(head("GET", "/breaks"))

        heard = line.hear()

        assert (heard.status, heard.json["status"]) == (500, 500)
        assert b"secret" not in heard.body


class TestStopping:
    def test_answers_what_is_under_way(self, spare: Any) -> None:
        with closing(Line(spare.port)) as napping, closing(Line(spare.port)) as sending:
            self.stop(spare, napping, sending)

    def stop(self, spare: Any, napping: Line, sending: Line) -> None:
        napping.send(head("GET", "/nap/1.0"))
        sending.send(thing() + THING[:5])
        time.sleep(0.3)

        spare.terminate()
        time.sleep(0.3)
        sending.send(THING[5:])

        assert (sending.hear().status, napping.hear().status) == (201, 200)
        assert spare.wait(30) == 0


def memory(toy: Any) -> int:
    """The most memory that the worker process has had."""
    children = Path(f"/proc/{toy.pid}/task/{toy.pid}/children").read_text()
    return memory_of(int(children.split()[-1]), "VmHWM")
