"""Command that runs a relay: publishes the events that wait in one service's documents."""

import click

from services import registry
from services.cli import terminal
from shared.local.signals import stopping_on_signals
from shared.messaging.broker import BrokerUnfit, broker_client, wait_for_fit_broker
from shared.messaging.relay_factory import create_relay


@click.command(name="relay")
@click.argument("service", type=terminal.SERVICE)
def relay(service: str) -> None:
    """Publish the events of SERVICE to their subscribers."""
    settings = terminal.read_with_keys(service)
    with terminal.sentence(BrokerUnfit):
        wait_for_fit_broker(broker_client(settings))
    with (
        stopping_on_signals() as stop,
        create_relay(
            service,
            settings,
            collections=registry.collections(service),
            publishes=registry.publishes(service),
            subscribes=registry.subscribes(service),
        ) as made,
    ):
        made.run(stop)


COMMANDS = (relay,)
