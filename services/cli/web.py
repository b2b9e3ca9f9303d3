"""Command that runs a web process: serves the HTTP of one service with granian."""

import click
from granian import Granian
from granian.constants import Interfaces

from services.cli import terminal
from services.registry import web_path
from shared.local.ports import PortTaken, check_ports


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
    Granian(
        web_path(service),
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        # One thread a request; the default, hundreds, would only fight for the interpreter.
        blocking_threads=settings.web_threads,
        websockets=False,
        log_access=False,
        # A worker that crashes is started again, instead of the whole process ending.
        respawn_failed_workers=True,
        # Requests under way get this long to end after SIGTERM.
        workers_kill_timeout=5,
    ).serve()


COMMANDS = (web,)
