"""Applications that answer real HTTP on loopback, from a thread of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server, socket
from threading import Thread

from flask import Flask
from werkzeug.serving import make_server

from shared.local.ports import LOOPBACK


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a free port; gives its address."""
    with create_server((LOOPBACK, 0)) as listener, serving(app, listener):
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"


@contextmanager
def serving(app: Flask, listener: socket) -> Iterator[None]:
    """The application, answering whoever comes to the socket."""
    host, port = listener.getsockname()
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
