"""Attack: bodies past the limit, announced or in chunks, by nobody and by somebody signed in.

One in chunks was once cut at the limit, and taken.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.settings import PORTS
from tests.journeys.system import Person, System
from tests.support.lines import Line
from tests.support.memory import memory

MIB = 1024 * 1024
GATHERED = 190 * MIB
"""What pymongo needs to send 48 MB of a file at once, which it gathers; however large the file."""
WRITES = {
    "accounts": ("/v1/users", b'{"email":"a@example.com"}'),
    "customers": ("/v1/customers", b'{"last_name":"Lee"}'),
    "orders": ("/v1/orders/bulk", b'{"batch":"a","entries":[]}'),
    "imports": ("/v1/imports", b"--a\r\n"),
}
LIMITS = {"accounts": MIB, "customers": MIB, "orders": 8 * MIB, "imports": 256 * MIB + 64 * 1024}


class TestChunks:
    @pytest.mark.parametrize("service", PORTS)
    def test_past_the_limit_are_refused(self, kith: System, admin: Person, service: str) -> None:
        path, body = WRITES[service]
        size = LIMITS[service] + 1 if service != "imports" else 2 * MIB
        token = admin.authorization if service != "imports" else "Bearer nonsense"

        with closing(Line(kith.ports[service])) as line:
            line.send(head(path, token, "Transfer-Encoding: chunked"))
            for piece in pieces(body.ljust(size)):
                line.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            heard = line.hear()

        assert heard.status == (413 if service != "imports" else 401)
        assert heard.headers["content-type"] == "application/problem+json"


class TestAnnounced:
    @pytest.mark.parametrize("service", PORTS)
    @pytest.mark.parametrize("is_signed_in", [True, False])
    def test_is_refused_before_it_is_sent(
        self, kith: System, admin: Person, service: str, is_signed_in: bool
    ) -> None:
        path, _ = WRITES[service]
        token = admin.authorization if is_signed_in else "Bearer nonsense"

        with closing(Line(kith.ports[service])) as line:
            line.send(head(path, token, "Content-Length: 2000000000", "Expect: 100-continue"))
            heard = line.hear()

        assert (heard.status, heard.is_closed) == (413 if is_signed_in else 401, True)


class TestUpload:
    @pytest.mark.security
    def test_of_256_mib_needs_no_more_than_the_driver_gathers(
        self, kith: System, admin: Person
    ) -> None:
        upload(kith, admin, 256 * MIB)


def upload(kith: System, admin: Person, size: int) -> None:
    """Have a file of this size imported, and see what the web process needs for it."""
    pid = max(kith.pids("web", "imports"))
    before = memory(pid, "VmHWM")
    row = b"536365,85123A,WHITE HANGING HEART,6,12/1/2010 8:26,2.55,,United Kingdom\r\n"
    title = b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"
    begin = (
        b'--cut\r\nContent-Disposition: form-data; name="preset"\r\n\r\nonline-retail\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    ) + title
    end = b"\r\n--cut--\r\n"
    rows = (size - len(begin) - len(end)) // len(row)
    length = len(begin) + rows * len(row) + len(end)

    with closing(Line(kith.ports["imports"])) as line:
        kind = "Content-Type: multipart/form-data; boundary=cut"
        line.send(head("/v1/imports", admin.authorization, f"Content-Length: {length}", kind))
        line.send(begin)
        for piece in pieces(row * rows):
            line.send(piece)
        line.send(end)
        heard = line.hear()

    assert heard.status == 202, heard.body
    assert memory(pid, "VmHWM") < before + GATHERED


def head(path: str, token: str, *headers: str) -> bytes:
    """The beginning of a POST."""
    kinds = (
        [] if any("multipart" in each for each in headers) else ["Content-Type: application/json"]
    )
    lines = [f"POST {path} HTTP/1.1", "Host: kith", f"Authorization: {token}", *kinds, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def pieces(body: bytes) -> Iterator[bytes]:
    """A body, cut."""
    for begin in range(0, len(body), MIB):
        yield body[begin : begin + MIB]
