"""Limits of bodies: how large the one of a view may be, and who may send more than usual.

Whoever serves the application may ask it before the body comes (`ASKS`): the token, the role and
the announced size are checked, and the view does not run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from shared.errors import TooLarge
from shared.web.server.asking import ADMITS, ASKS, USUAL_BYTES

View = TypeVar("View", bound=Callable[..., Any])

MAX_BODY_BYTES = USUAL_BYTES

MAX_VALUES = 500_000
"""How many values the JSON of one body may have.

A value of two bytes takes a hundred in memory, and as long to look at as a long one. Real ones have
16 bytes a value and more, so that the largest has room for its own.
"""


@dataclass(frozen=True)
class BodyLimit:
    """The largest body of a view, and what to say to who sends more."""

    max_bytes: int
    advice: str = ""


def body_limit(limit: int | Callable[[], BodyLimit]) -> Callable[[View], View]:
    """Let a view take bodies of another size than the usual limit.

    A function is called for each request, where the size is a setting.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        found = (lambda: BodyLimit(limit)) if isinstance(limit, int) else limit
        limited._body_limit = found  # type: ignore[attr-defined]
        return limited  # type: ignore[return-value]

    return mark


def countable(body: bytes) -> bytes:
    """The body, if it has no more values than are read. Commas in text count as well.

    :raises TooLarge: it has more.
    """
    if body.count(b",") >= MAX_VALUES:
        raise TooLarge(f"A body may have at most {MAX_VALUES:,} values; send it in parts.")
    return body


def install(app: Flask) -> None:
    """Hold every body to the limit of its view, and answer whether it may come.

    After everything that may refuse a request by its headers.
    """

    @app.before_request
    def admit() -> Response | None:
        if request.endpoint is None:
            return None
        limit = _limit_of(app.view_functions[request.endpoint])
        request.max_content_length = limit.max_bytes
        if (request.content_length or 0) > limit.max_bytes:
            raise TooLarge(limit.advice) if limit.advice else RequestEntityTooLarge()
        if ASKS not in request.environ:
            return None
        request.environ[ADMITS] = limit.max_bytes
        return Response(status=100)


def _limit_of(view: Callable[..., Any]) -> BodyLimit:
    named: Callable[[], BodyLimit] | None = getattr(view, "_body_limit", None)
    return BodyLimit(MAX_BODY_BYTES) if named is None else named()
