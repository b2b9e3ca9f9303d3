"""RSGI and WSGI as far as the bridge uses them, as types."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
WsgiApp = Callable[[Environ, Any], Iterable[bytes]]


class RequestHeaders(Protocol):
    """The headers of a request; names are lower case."""

    def __contains__(self, name: str) -> bool: ...

    def __len__(self) -> int: ...

    def keys(self) -> list[str]:
        """All names, each once."""
        ...

    def items(self) -> list[tuple[str, str]]:
        """Names and values, those left out whose value is not ASCII."""
        ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a name."""
        ...


class Scope(Protocol):
    """A request without its body."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: RequestHeaders


class Channel(Protocol):
    """The body of a request, piece by piece, and the way to answer it."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_empty(self, status: int, headers: Headers) -> None:
        """Answer without a body."""
        ...

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer with these bytes."""
        ...

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        """Answer with what a file holds."""
        ...
