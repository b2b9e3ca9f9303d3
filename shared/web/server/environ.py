"""WSGI environment of a request (PEP 3333)."""

import sys
from typing import BinaryIO

from shared.web.server.interface import Environ, RequestHeaders, Scope

# A body is handed over whole, so it has a length, and was never chunked. `Expect` is answered.
_OURS = frozenset({"content-length", "transfer-encoding", "expect"})
_PROTOCOLS = {"1": "HTTP/1.0", "1.1": "HTTP/1.1"}


def environ_of(scope: Scope, body: BinaryIO, length: int | None) -> Environ:
    """The environment of a request with this body; `length` is None if there is none."""
    name, _, port = scope.server.rpartition(":")
    peer, _, peer_port = scope.client.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # Bytes in the dress of latin-1, as PEP 3333 has it.
        "PATH_INFO": scope.path.encode("utf-8").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": _PROTOCOLS.get(scope.http_version, "HTTP/1.1"),
        "REMOTE_ADDR": peer.strip("[]"),
        "REMOTE_PORT": peer_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    _add_headers(environ, scope.headers)
    return environ


def _add_headers(environ: Environ, headers: RequestHeaders) -> None:
    seen = set()
    for name, value in headers.items():
        seen.add(name)
        # `X_Real_IP` would pass for `X-Real-IP`, which a gateway sets.
        if name in _OURS or "_" in name:
            continue
        key = _key(name)
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    if len(seen) < len(headers):
        # Present and unreadable is not the same as absent: an If-Match may not simply vanish.
        for name in set(headers.keys()) - seen - _OURS:
            environ[_key(name)] = ""


def _key(name: str) -> str:
    if name == "content-type":
        return "CONTENT_TYPE"
    return "HTTP_" + name.upper().replace("-", "_")
