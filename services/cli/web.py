"""Command that runs a web process: serves the HTTP of one service with granian."""

import resource
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from services.cli import terminal
from services.registry import create_web, web_path
from shared.local.ports import PortTaken, check_ports

CONNECTIONS = 4096
"""How many each process holds open at once; those after them wait to be accepted."""

HEADERS = HTTP1Settings(
    # Also how long a connection may be idle; the gateway gives its own up before that.
    header_read_timeout=15_000,
    # All headers of a request; granian's own, 400 KiB, would be held by each slow connection.
    max_buffer_size=64 * 1024,
)


@click.command(name="web")
@click.argument("service", type=terminal.SERVICE)
def web(service: str) -> None:
    """Answer HTTP for SERVICE."""
    settings = terminal.read(service)
    with terminal.sentence(PortTaken):
        # Granian would end with a trace instead of a sentence.
        check_ports(
            {f"{service.upper()}_PORT": settings.port}, host=settings.host, beside_others=True
        )
    serve(
        partial(_load, service, settings.web_threads),
        name=web_path(service),
        host=settings.host,
        port=settings.port,
        workers=settings.web_workers,
    )


def serve(load: Callable[[], Any], *, name: str, host: str, port: int, workers: int) -> None:
    """Answer HTTP with the bridge that `load` makes in each worker process, until a signal."""
    _allow_files()
    Granian(
        name,
        interface=Interfaces.RSGI,
        # To find out whether it is HTTP/2, granian would wait for a first byte for ever.
        http=HTTPModes.http1,
        http1_settings=HEADERS,
        address=host,
        port=port,
        workers=workers,
        backpressure=CONNECTIONS,
        websockets=False,
        log_access=False,
        # They read the files of long answers, and nothing else.
        runtime_blocking_threads=4,
        # A worker that crashes is started again, instead of the whole process ending.
        respawn_failed_workers=True,
        # Requests under way get this long to end after SIGTERM.
        workers_kill_timeout=5,
    ).serve(target_loader=load, wrap_loader=False)


def _allow_files() -> None:
    """Have room for the connections: each is an open file, and so is a long body."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    if soft < wanted and soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _load(service: str, threads: int) -> Any:
    """The bridge to the application of a service, with so many requests at once."""
    # In the worker only: the process that starts it needs neither Flask nor a loop.
    from shared.web.server.bridge import Bridge

    return Bridge(create_web(service), threads=threads)


COMMANDS = (web,)
