"""What a person is told, in place of a trace, when MongoDB does not do what a command asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from pymongo.errors import OperationFailure, PyMongoError


@contextmanager
def explained() -> Iterator[None]:
    """End the command with one sentence if MongoDB is away, or refuses something.

    :raises click.ClickException: it does.
    """
    try:
        yield
    except OperationFailure as error:
        raise click.ClickException(f"MongoDB refused something ({str(error)[:200]}).") from error
    except PyMongoError as error:
        raise click.ClickException(
            f"MongoDB failed ({str(error)[:200]}); MONGO_URL names another server."
        ) from error
