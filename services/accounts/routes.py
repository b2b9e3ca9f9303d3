"""HTTP routes of accounts: parse, call one operation, render."""

from flask import Blueprint, Response, current_app

from services.accounts import crypto
from services.accounts.operations import delegations, sessions
from services.accounts.operations import users as operations
from services.accounts.operations.sessions import Accounts
from services.accounts.repository.sessions import revocations as published_revocations
from services.accounts.schemas import (
    DelegationQuerySchema,
    DelegationSchema,
    DelegationsSchema,
    NewUserSchema,
    OwnPasswordSchema,
    RefreshSchema,
    SignInSchema,
    TokensSchema,
    UserChangesSchema,
    UserPageSchema,
    UserQuerySchema,
    UserSchema,
)
from shared import clock
from shared.auth.middleware import allow, caller, public
from shared.document import Document
from shared.idempotency import CreationRequest, creation_request
from shared.web import responses
from shared.web.client_address import client_address
from shared.web.parsing import ApiBlueprint, idempotency_key
from shared.web.preconditions import on_named_version

users = ApiBlueprint("users", __name__, url_prefix="/v1/users", description="The shop's staff.")
tokens = ApiBlueprint(
    "tokens", __name__, url_prefix="/v1/tokens", description="Signing in and staying so."
)
well_known = Blueprint("well_known", __name__, url_prefix="/.well-known")


def _accounts() -> Accounts:
    accounts: Accounts = current_app.extensions["accounts"]
    return accounts


@users.post("")
@allow("admin")
@users.arguments(NewUserSchema)
@users.answers(201, UserSchema)
@users.documents_creation()
@users.refuses(409)
def register_user(payload: Document) -> Response:
    """Give a member of staff a log-in."""
    request = _creation_request(payload)
    users = _accounts().users_as(caller())
    user = operations.register(users, **payload, now=clock.now(), request=request)
    return responses.entity(user, status=201, location=f"users/{user['_id']}")


@users.get("")
@allow("admin")
@users.arguments(UserQuerySchema, location="query")
@users.answers(200, UserPageSchema)
def list_users(query: Document) -> Response:
    """List the staff, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = _accounts().users.search(query, after=responses.position(query, cursor), limit=limit)
    return responses.page(found, filters=query)


@users.get("/me")
@allow("sales", "admin")
@users.answers(200, UserSchema)
@users.refuses(404)
def get_me() -> Response:
    """Show who is asking."""
    return responses.entity(_accounts().users.get(caller().id))


@users.post("/me/password")
@allow("sales", "admin")
@users.arguments(OwnPasswordSchema)
@users.answers(201, TokensSchema)
@users.refuses(429)
def change_own_password(payload: Document) -> Response:
    """Change one's own password, knowing the old one.

    All sessions end; the answer begins a new one. Wrong passwords lead to waits (429).
    """
    tokens = sessions.change_password(
        _accounts(), caller(), **payload, address=client_address(), now=clock.now()
    )
    return responses.data(tokens, status=201)


@users.get("/<id>")
@allow("admin")
@users.answers(200, UserSchema)
def get_user(id: str) -> Response:
    """Show one member of staff."""
    return responses.entity(_accounts().users.get(id))


@users.patch("/<id>")
@allow("admin")
@users.arguments(UserChangesSchema)
@users.answers(200, UserSchema)
@users.documents_precondition()
@users.refuses(409)
def change_user(payload: Document, id: str) -> Response:
    """Change a user. A password that somebody else sets works once, to choose another with.

    A new role, a new password or `active: false` voids their tokens within five seconds; a new
    password or `active: false` ends their sessions and delegations as well.
    """
    users = _accounts().users_as(caller())
    user = on_named_version(
        lambda: users.get(id),
        lambda version: operations.change(
            users, id, payload, version=version, caller=caller(), now=clock.now()
        ),
    )
    return responses.entity(user)


@tokens.post("")
@public
@tokens.doc(security=[])
@tokens.arguments(SignInSchema)
@tokens.answers(201, TokensSchema)
@tokens.refuses(401, 403, 409, 429)
def sign_in(payload: Document) -> Response:
    """Sign in with e-mail address and password.

    After five wrong ones in a row those at the same network address wait (429), but hardly where
    the user signed in lately. A one-time password needs `new_password` with it (403 without).
    """
    tokens = sessions.sign_in(_accounts(), **payload, address=client_address(), now=clock.now())
    return responses.data(tokens, status=201)


@tokens.post("/refresh")
@public
@tokens.doc(security=[])
@tokens.arguments(RefreshSchema)
@tokens.answers(201, TokensSchema)
@tokens.refuses(401)
def refresh(payload: Document) -> Response:
    """Get a new pair of tokens.

    The old refresh token works ten seconds more and gets the same successor; used later, it ends
    the session.
    """
    return responses.data(sessions.refresh(_accounts(), **payload, now=clock.now()), status=201)


@tokens.post("/delegations")
@allow("sales", "admin")
@tokens.arguments(DelegationSchema)
@tokens.answers(201, TokensSchema)
@tokens.refuses(429)
def delegate(payload: Document) -> Response:
    """Let a service act for the caller for up to a day, or until the caller signs out.

    Its tokens name it as the actor, and cannot be used here.
    """
    return responses.data(
        delegations.delegate(_accounts(), caller(), **payload, now=clock.now()), status=201
    )


@tokens.get("/delegations")
@allow("sales", "admin")
@tokens.arguments(DelegationQuerySchema, location="query")
@tokens.answers(200, DelegationsSchema)
def list_delegations(query: Document) -> Response:
    """List the delegations that still work, the 200 newest.

    Your own; an admin sees everybody's, or those of one user.
    """
    found = delegations.list_for(
        _accounts(), caller(), user_id=query.get("user_id"), now=clock.now()
    )
    return responses.data({"items": [responses.representation(one) for one in found]})


@tokens.delete("/delegations/<id>")
@allow("sales", "admin")
@tokens.answers(204)
def end_delegation(id: str) -> Response:
    """End a delegation of yours; an admin may end anybody's."""
    delegations.end(_accounts(), caller(), id, now=clock.now())
    return Response(status=204)


@tokens.post("/revoke")
@public
@tokens.doc(security=[])
@tokens.arguments(RefreshSchema)
@tokens.answers(204)
def sign_out(payload: Document) -> Response:
    """Sign out: end the session of a refresh token, and the delegations it made.

    Its access tokens are dead within five seconds everywhere.
    """
    sessions.sign_out(_accounts(), **payload, now=clock.now())
    return Response(status=204)


@well_known.get("/jwks.json")
@public
def jwks() -> Response:
    """The public keys (RFC 7517) with which any service verifies a token."""
    return responses.data({"keys": _accounts().keys.public_keys()})


@well_known.get("/revocations.json")
@public
def revocations() -> Response:
    """What was revoked in the last minutes, ids as hashes (SHA-256).

    For each user the version that a token must have, and the time before which those without one
    are void; and the sessions that have ended.
    """
    users, ended = _accounts().users, _accounts().sessions
    return responses.data(published_revocations(users, ended, now=clock.now()))


def _creation_request(payload: Document) -> CreationRequest | None:
    key, asker = idempotency_key(), caller().id
    if key is None:
        return None
    mark = crypto.password_mark(payload["password"], context=f"{asker}:{key}")
    return creation_request(key, caller_id=asker, payload={**payload, "password": mark})
