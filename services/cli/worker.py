"""Command that runs a worker: handles the events that one service subscribes to."""

import click

from services import registry
from services.cli import terminal
from shared.messaging.broker import BrokerUnfit, broker_client, wait_for_fit_broker
from shared.messaging.worker import run_worker


@click.command(name="worker")
@click.argument("service", type=terminal.SERVICE)
def worker(service: str) -> None:
    """Handle events for SERVICE."""
    settings = terminal.read_with_keys(service)
    with terminal.sentence(BrokerUnfit):
        wait_for_fit_broker(broker_client(settings))
    run_worker(registry.create_worker(service, settings), settings)


COMMANDS = (worker,)
