"""The settings of a command, and what a person is told when they cannot be read."""

import click

from shared import logs
from shared.settings import Settings, SettingsInvalid, load


def read(service: str = "") -> Settings:
    """Settings and logging of a process of `service`.

    :raises click.ClickException: a variable cannot be read.
    """
    try:
        settings = load(service)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from error
    logs.configure(settings.log_level, as_json=settings.log_json)
    return settings
