"""Registry of services: their names and ports, and the parts of one, loaded by its name.

Adding a service is its folder and a line here. Each part is imported when it is asked for, so that
a process loads its own service and no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Names of types alone: whoever asks for collections must not load Flask for it.
    from celery import Celery
    from flask import Flask
    from pymongo import MongoClient
    from pymongo.database import Database

    from shared.auth.tokens import TokenVerifier
    from shared.document import Document
    from shared.events.event import Event
    from shared.messaging.consumer import Subscriptions
    from shared.mongo.collections import Collection
    from shared.mongo.examples import Place
    from shared.mongo.filters import ListFilters
    from shared.mongo.migrations.files import Migration
    from shared.settings import Settings

SERVICES = {
    "accounts": 8001,
    "customers": 8002,
    "orders": 8003,
    "imports": 8004,
}
"""The services, each with the port on which it listens unless a variable names another."""


def collections(service: str) -> tuple[Collection, ...]:
    """The collections that a service declares."""
    found: tuple[Collection, ...] = _part(service, "documents").COLLECTIONS
    return found


def publishes(service: str) -> dict[type[Event], tuple[str, ...]]:
    """The events that a service publishes, and their subscribers."""
    found: dict[type[Event], tuple[str, ...]] = _package(service).PUBLISHES
    return found


def subscribes(service: str) -> tuple[type[Event], ...]:
    """The events that a service subscribes to."""
    found: tuple[type[Event], ...] = _package(service).SUBSCRIBES
    return found


def migrations(service: str) -> tuple[Migration, ...]:
    """The migrations of a service, in their order."""
    from shared.mongo.migrations.files import find

    return find(f"{__package__}.{service}.migrations")


def lists(service: str) -> tuple[ListFilters, ...]:
    """The lists that a service offers, each with its filters."""
    found: tuple[ListFilters, ...] = _part(service, "repository.filters").LISTS
    return found


def places(service: str) -> dict[str, Place]:
    """The names in the addresses of a service's lists, and what to put there as an example."""
    found: dict[str, Place] = getattr(_part(service, "repository.filters"), "PLACES", {})
    return found


def web_path(service: str) -> str:
    """The place of the factory that makes the application of a web process."""
    return f"{__package__}.{service}.app:web"


def create_web(service: str) -> Flask:
    """The application of a web process, with settings of its own."""
    app: Flask = _part(service, "app").web()
    return app


def create_app(
    service: str, settings: Settings, *, client: MongoClient[Document], verifier: TokenVerifier
) -> Flask:
    """The web application of a service, which trusts this verifier."""
    app: Flask = _part(service, "app").create_app(settings, client=client, verifier=verifier)
    return app


def create_worker(service: str, settings: Settings) -> Celery:
    """The Celery application of a service's workers."""
    celery: Celery = _part(service, "worker").create_worker(settings)
    return celery


def create_handlers(
    service: str, settings: Settings, database: Database[Document]
) -> Subscriptions:
    """The handlers of a service's subscriptions, on this database."""
    handlers: Subscriptions = _part(service, "worker").create_handlers(settings, database)
    return handlers


def _package(service: str) -> Any:
    return import_module(f"{__package__}.{service}")


def _part(service: str, module: str) -> Any:
    return import_module(f"{__package__}.{service}.{module}")
