"""Clients of an application in the same process, signed in or not."""

from collections.abc import Callable, Mapping

from flask import Flask
from flask.testing import FlaskClient


def browser(app: Flask, headers: Mapping[str, str] | None) -> FlaskClient:
    """A client that sends the token of these headers, or none."""
    made = app.test_client()
    if headers is not None:
        made.environ_base["HTTP_AUTHORIZATION"] = headers["Authorization"]
    return made


def browsers(
    app: Flask, headers: Callable[[str], Mapping[str, str]]
) -> Callable[[str | None], FlaskClient]:
    """`make(role)`: a client signed in with that role, or not if it is None."""
    return lambda role: browser(app, None if role is None else headers(role))
