"""A toy application behind the bridge, on a real granian in a process of its own."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any, cast

from flask import Flask, Response, request
from marshmallow import Schema, fields
from pymongo import MongoClient

from services.cli.web import serve
from shared.auth.caller import Caller
from shared.auth.middleware import allow, public
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.errors import Unauthenticated
from shared.local.ports import LOOPBACK, free_port
from shared.web import responses
from shared.web.app import create_app
from shared.web.bodies import BodyLimit, body_limit
from shared.web.parsing import ApiBlueprint
from shared.web.server.bridge import Bridge
from tests.support.command_line import ROOT

PATIENCE = 60.0
PIECE = b"0123456789" * 10_000
LARGE = 300 * 1024 * 1024
TOKEN = "good"

blueprint: Any = ApiBlueprint("toy", __name__)


class ThingSchema(Schema):
    """A thing with a name."""

    name = fields.String(required=True)


@blueprint.post("/things")
@public
@blueprint.arguments(ThingSchema)
def add_thing(thing: Document) -> Response:
    """Answer with the thing."""
    return responses.data(thing, status=201)


@blueprint.post("/files")
@allow("sales")
@body_limit(lambda: BodyLimit(LARGE, advice="Send less."))
def count() -> Response:
    """Answer with how much came, and its checksum."""
    digest, size = hashlib.blake2b(digest_size=8), 0
    while piece := request.stream.read(1024 * 1024):
        digest.update(piece)
        size += len(piece)
    return responses.data({"size": size, "digest": digest.hexdigest()})


@blueprint.route("/echo/<path:rest>", methods=["GET", "POST", "DELETE"])
@public
def echo(rest: str) -> Response:
    """Answer with what the application sees of the request."""
    seen = {
        name: value
        for name, value in request.environ.items()
        if name.isupper() and isinstance(value, str)
    }
    return responses.data(
        {"rest": rest, "environ": seen, "id": request.headers.get("X-Request-Id")}
    )


@blueprint.get("/pieces/<int:count>")
@public
def pieces(count: int) -> Response:
    """Answer piece by piece."""
    return Response((PIECE for _ in range(count)), content_type="text/csv")


@blueprint.delete("/things")
@public
def clear() -> Response:
    """Answer with nothing."""
    return Response(status=204)


@blueprint.get("/nap/<float:seconds>")
@public
def nap(seconds: float) -> Response:
    """Answer after a while."""
    time.sleep(seconds)
    return responses.data("rested")


@blueprint.get("/breaks")
@public
def breaks() -> Response:
    """Answer with pieces of which one fails."""

    def halves() -> Iterator[bytes]:
        yield PIECE
        raise RuntimeError("a secret")

    return Response(halves(), content_type="text/csv")


class _Anybody:
    """A verifier that knows one token."""

    def caller(self, token: str) -> Caller:
        if token != TOKEN:
            raise Unauthenticated("Sign in first.")
        return Caller("0" * 24, "sales", None)

    def check_current(self) -> None:
        """It is known what was revoked."""


def make_app() -> Flask:
    """The toy."""
    app, api = create_app(
        "toy",
        title="A toy",
        description="Plays.",
        verifier=cast(TokenVerifier, _Anybody()),
        client=MongoClient[Document](connect=False),
    )
    api.register_blueprint(blueprint)
    return app


@contextmanager
def bridged(log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The toy, answering on `port` of the process until the end."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program.
            (sys.executable, "-m", __name__, str(port)),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    cast(Any, process).port = port
    try:
        _await(port, log)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            create_connection((LOOPBACK, port)).close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.05)
        else:
            return


def _load() -> Bridge:
    return Bridge(make_app(), threads=4)


if __name__ == "__main__":
    serve(_load, name="toy", host=LOOPBACK, port=int(sys.argv[1]), workers=1)
