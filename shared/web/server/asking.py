"""What the bridge asks of an application before it takes a large body, and how that is answered."""

from io import BytesIO

from shared.web.server.answers import Answer
from shared.web.server.environ import environ_of
from shared.web.server.interface import Channel, Scope, WsgiApp

ASKS = "kith.asks"
"""In the WSGI environment: the body has not come yet; say whether it may, and do nothing else."""

ADMITS = "kith.admits"
"""Put there by an application that lets it come: the most bytes that it takes."""

USUAL_BYTES = 1024 * 1024
"""What anybody may send; before more is taken, the application is asked."""


def ask(app: WsgiApp, scope: Scope, length: int, channel: Channel) -> int | None:
    """The most bytes that may come; None if the application refuses, and has told the caller."""
    environ = environ_of(scope, BytesIO(), length)
    environ[ASKS] = True
    asked = Answer()
    parts = list(app(environ, asked.start))
    limit: int | None = environ.get(ADMITS)
    if limit is None:
        asked.headers.append(("connection", "close"))
        asked.send(parts, channel)
    return limit
