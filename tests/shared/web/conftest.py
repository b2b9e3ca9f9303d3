"""An application with whatever routes a test wants, on the base of every service."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_smorest import Blueprint
from pymongo import MongoClient

from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.web.app import create_app


@pytest.fixture
def build_app(verifier: TokenVerifier) -> Iterator[Callable[..., Flask]]:
    """`build_app(*blueprints, client=…)`: an application with these routes."""
    with MongoClient[Document](connect=False) as nowhere:

        def make(
            *blueprints: Blueprint,
            client: MongoClient[Document] = nowhere,
            metrics_token: str | None = None,
        ) -> Flask:
            app, api = create_app(
                "shop",
                title="A shop",
                description="Sells.",
                verifier=verifier,
                client=client,
                metrics_token=metrics_token,
            )
            for blueprint in blueprints:
                api.register_blueprint(blueprint)
            return app

        yield make


@pytest.fixture
def serve(build_app: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    """`serve(*blueprints, client=…)`: a client of such an application."""
    return lambda *blueprints, **options: build_app(*blueprints, **options).test_client()
