"""All services in this process, on real databases, each as its web process would serve it.

Accounts and customers answer over HTTP too, for orders and imports ask them.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any
from uuid import uuid4

import jwt
import structlog
from flask import Flask
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import CommandListener
from werkzeug.serving import WSGIRequestHandler, make_server

from services import registry
from services.accounts.bootstrap import create_context
from services.tools import setup
from shared.auth.middleware import PUBLIC, allowed_roles
from shared.auth.tokens import ACCESS_SECONDS, remote_verifier
from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
from tests.support.forgery import Mint

ADMIN = {"email": "owner@shop.example", "password": "a password to test with"}
# What stands in an address where a rule has a name, if not an id. Nobody has that.
PLACES = {"visitor_id": "v-1", "name": "swagger-ui.css"}


@dataclass(frozen=True)
class Route:
    """One method at one address of one service."""

    service: str
    method: str
    rule: str
    address: str
    is_public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.service} {self.rule}"


@dataclass
class House:
    """The services, and somebody who makes tokens as accounts does."""

    settings: Settings
    client: MongoClient[Document]
    apps: dict[str, Flask]
    mint: Mint
    tokens: Document
    signed_in_at: float = field(default_factory=time.monotonic)

    def routes(self) -> list[Route]:
        """Every method at every address, as the applications route them."""
        return [route for service, app in self.apps.items() for route in _routes(service, app)]

    def call(
        self, service: str, method: str, address: str, *, token: str | None = None, **options: Any
    ) -> Any:
        """What a service answers; loosely typed, since each test looks into it."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        browser = self.apps[service].test_client(use_cookies=False)
        return browser.open(address, method=method, headers=headers, **options)

    def database(self, service: str) -> Database[Document]:
        """The database of a service."""
        return service_database(self.client, self.settings, service)

    @property
    def token(self) -> str:
        """The first admin's access token, as accounts signed it not long ago."""
        if time.monotonic() - self.signed_in_at > ACCESS_SECONDS / 2:
            refreshed = {"refresh_token": self.tokens["refresh_token"]}
            self.tokens = _tokens(self.apps["accounts"], "/v1/tokens/refresh", refreshed)
            self.signed_in_at = time.monotonic()
        return str(self.tokens["access_token"])


@contextmanager
def house(mongo_url: str, listeners: Sequence[CommandListener] = ()) -> Iterator[House]:
    """All services, set up, with one admin; gone in the end."""
    ports = {service: free_port() for service in registry.SERVICES}
    urls: dict[str, Any] = {
        f"{service}_url": f"http://{LOOPBACK}:{port}" for service, port in ports.items()
    }
    settings = replace(
        load(),
        mongo_url=mongo_url,
        database_prefix=f"test_{uuid4().hex[:12]}",
        admin_email=ADMIN["email"],
        admin_password=ADMIN["password"],
        **urls,
    )
    with ExitStack() as stack:
        stack.enter_context(_quiet_logs())
        client = stack.enter_context(connect(settings, listeners=listeners))
        stack.callback(_drop, client, settings)
        list(setup.run(settings))
        verifier = remote_verifier(settings)
        apps = {
            service: registry.create_app(service, settings, client=client, verifier=verifier)
            for service in registry.SERVICES
        }
        for service in ("accounts", "customers"):
            stack.enter_context(_answering(apps[service], ports[service]))
        tokens = _tokens(apps["accounts"], "/v1/tokens", ADMIN)
        yield House(settings, client, apps, _mint(client, settings, tokens), tokens)


def _tokens(accounts: Flask, address: str, body: Document) -> Document:
    answer = accounts.test_client().post(address, json=body)
    assert answer.status_code == 201, answer.text
    tokens: Document = answer.get_json()
    return tokens


def _mint(client: MongoClient[Document], settings: Settings, tokens: Document) -> Mint:
    """Whoever has the key of accounts, and has seen one of its tokens."""
    keys = create_context(service_database(client, settings, "accounts")).keys
    key = keys.signing_key()
    assert key is not None
    (public,) = keys.public_keys()
    seen = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return Mint({"_id": key.kid, "private_key": key.private_key, "public_key": public}, seen)


def _routes(service: str, app: Flask) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        public = allowed_roles(app.view_functions[rule.endpoint]) is PUBLIC
        with app.test_request_context():
            address = app.url_map.bind("").build(
                rule.endpoint, {name: PLACES.get(name, "a" * 24) for name in rule.arguments}
            )
        for method in sorted(rule.methods or ()):
            yield Route(service, method, rule.rule, address, public)


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Of thousands of refusals no line each; what broke is still said."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing of each request."""


@contextmanager
def _answering(app: Flask, port: int) -> Iterator[None]:
    server = make_server(LOOPBACK, port, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _drop(client: MongoClient[Document], settings: Settings) -> None:
    for name in client.list_database_names():
        if name.startswith(settings.database_prefix):
            client.drop_database(name)
