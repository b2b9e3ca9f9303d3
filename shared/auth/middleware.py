"""Middleware that checks the caller's token and role before a view runs.

Refused by default: a view that names nobody, with `@allow` or `@public`, answers 403 to everybody.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from shared.auth.caller import Caller
from shared.auth.keyring import KeysUnavailable
from shared.auth.roles import ROLES
from shared.auth.tokens import TokenVerifier
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.events.event import Provenance

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = frozenset({"*"})
CHANGING = frozenset({"POST", "PATCH", "PUT", "DELETE"})
"""Methods that need to know what was revoked lately; reads go on without, for a while."""


def allow(*roles: str) -> Callable[[View], View]:
    """Say which roles may call a view.

    :raises ValueError: a role is named that does not exist.
    """
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"allow() names no known role: {sorted(unknown)}")
    return lambda view: _mark(view, frozenset(roles))


def public(view: View) -> View:
    """Say aloud that a view is for everybody, without a token."""
    return _mark(view, PUBLIC)


def allowed_roles(view: Callable[..., Any]) -> frozenset[str]:
    """The roles a view names; empty if it names nobody."""
    return cast(frozenset[str], getattr(view, "_allowed_roles", frozenset()))


def caller() -> Caller:
    """The caller of the present request. Only for views that are not public."""
    return cast(Caller, g.caller)


def origin() -> Provenance:
    """The caller of the present request, as the events that it leads to carry it."""
    asking = caller()
    return {"actor": {"id": asking.id, "role": asking.role}, "via": asking.via}


def install(app: Flask, verifier: TokenVerifier) -> None:
    """Check every request of `app` before its view runs."""

    @app.before_request
    def authorize() -> None:
        if request.endpoint is None:
            return
        roles = allowed_roles(current_app.view_functions[request.endpoint])
        if roles is PUBLIC:
            return
        g.caller = authenticated(verifier)
        if g.caller.role not in roles:
            raise Forbidden(
                f"The role {g.caller.role} may not do this."
                if roles
                else "This address is open to nobody."
            )
        if request.method in CHANGING:
            _check_current(verifier)


def bearer_token() -> str:
    """The token that the present request carries.

    :raises Unauthenticated: it carries none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "Sign in first: send the access token as Authorization: Bearer <token>."
        )
    return token.strip()


def authenticated(verifier: TokenVerifier) -> Caller:
    """Who asks, by the access token of the present request.

    :raises Unauthenticated: it carries none, or one that is good for nothing.
    :raises Unavailable: it cannot be checked just now.
    """
    try:
        return verifier.caller(bearer_token())
    except KeysUnavailable as error:
        raise Unavailable("Tokens cannot be checked just now; try again in a moment.") from error


def _check_current(verifier: TokenVerifier) -> None:
    try:
        verifier.check_current()
    except KeysUnavailable as error:
        raise Unavailable(
            "Whether your token was revoked cannot be checked just now, so nothing is changed; "
            "try again in a moment."
        ) from error


def _mark(view: View, roles: frozenset[str]) -> View:
    view._allowed_roles = roles  # type: ignore[attr-defined]
    return view
