"""What each service says of itself, held against what it does by Schemathesis, with all checks.

The services answer from this process, over real HTTP, on a real mongod.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from socket import create_server
from uuid import uuid4

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from services import registry
from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.operations import users
from services.tools import setup
from shared.auth.tokens import remote_verifier
from shared.document import Document
from shared.identifiers import new_id
from shared.local.ports import LOOPBACK
from shared.mongo.client import connect, service_database
from shared.settings import load
from tests.support.serving import serving

CALLERS = ("admin", "sales", None)
FEW, MANY = 2, 1_000
REFUSED = ["400", "401", "403", "404", "405", "409", "412", "415", "422", "428", "429"]
CHECKS: Document = {
    # A cursor that was not given out, a version that is not there, a rule between fields: a schema
    # says nothing of these.
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "412", "422", "429"]
    },
    "negative_data_rejection": {"expected-statuses": REFUSED},
    # RFC 6585 made a status for this very case; but a wrong body is refused first.
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "422", "428"]},
}
# To the other methods these addresses are those of a thing whose id is "me" or "bulk", so Allow
# names its methods too.
ALSO_THINGS = ("GET /v1/users/me", "POST /v1/customers/bulk", "POST /v1/orders/bulk")


@dataclass(frozen=True)
class Town:
    """The addresses of all services, and a token of somebody of each role."""

    urls: dict[str, str]
    tokens: dict[str, str]


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.parametrize(
    "examples", [FEW, pytest.param(MANY, marks=pytest.mark.security)], ids=["few", "many"]
)
@pytest.mark.parametrize("caller", CALLERS, ids=str)
@pytest.mark.parametrize("service", registry.SERVICES)
def test_does_what_it_says(town: Town, service: str, caller: str | None, examples: int) -> None:
    config = SchemathesisConfig.from_dict(settings_of(town, caller, examples))
    schema = schemathesis.openapi.from_url(f"{town.urls[service]}/openapi.json", config=config)

    found = [
        deviation for event in from_schema(schema).execute() for deviation in deviations(event)
    ]

    assert found == []


def settings_of(town: Town, caller: str | None, examples: int) -> Document:
    """The settings of Schemathesis: every check, and in full size every phase."""
    headers = {} if caller is None else {"Authorization": f"Bearer {town.tokens[caller]}"}
    return {
        "seed": 1,
        "headers": headers,
        "generation": {"max-examples": examples, "database": "none"},
        "phases": {
            "coverage": {"enabled": examples == MANY},
            "stateful": {"enabled": examples == MANY},
        },
        "checks": CHECKS,
        "operations": [
            {"include-name": name, "checks": {"allow_header_conformance": {"enabled": False}}}
            for name in ALSO_THINGS
        ],
    }


def deviations(event: events.EngineEvent) -> Iterator[str]:
    """What went wrong in a step of Schemathesis', in words."""
    if isinstance(event, events.NonFatalError | events.FatalError):
        error = event.value if isinstance(event, events.NonFatalError) else event.exception
        yield f"{type(error).__name__}: {error}"
    if isinstance(event, events.ScenarioFinished):
        for checks in event.recorder.checks.values():
            for check in checks:
                if check.failure_info is not None:
                    info = check.failure_info
                    yield f"{event.label}: {check.name}: {info.failure}: {info.code_sample}"


@pytest.fixture(scope="module")
def town(mongo_url: str) -> Iterator[Town]:
    """All services in this process, on a database of their own."""
    with ExitStack() as stack:
        sockets = {
            service: stack.enter_context(create_server((LOOPBACK, 0)))
            for service in registry.SERVICES
        }
        urls = {
            service: f"http://{LOOPBACK}:{each.getsockname()[1]}"
            for service, each in sockets.items()
        }
        settings = replace(
            load(),
            mongo_url=mongo_url,
            database_prefix=f"test_{uuid4().hex[:12]}",
            accounts_url=urls["accounts"],
            customers_url=urls["customers"],
            orders_url=urls["orders"],
        )
        list(setup.run(settings))
        client = stack.enter_context(connect(settings))
        apps = {
            service: registry.create_app(
                service, settings, client=client, verifier=remote_verifier(settings)
            )
            for service in registry.SERVICES
        }
        for service, app in apps.items():
            stack.enter_context(serving(app, sockets[service]))
        accounts = create_context(service_database(client, settings, "accounts"))
        key = accounts.keys.signing_key()
        assert key is not None
        tokens = {}
        for role in ("admin", "sales"):
            user = users.register(
                accounts.users,
                email=f"{role}@town.example",
                name=role,
                role=role,
                password="correct horse",
                now=datetime.now(UTC),
            )
            tokens[role] = crypto.sign_access_token(
                key,
                user_id=user["_id"],
                role=role,
                via=None,
                token_id=new_id(),
                now=datetime.now(UTC),
            )
        yield Town(urls, tokens)
        for name in client.list_database_names():
            if name.startswith(settings.database_prefix):
                client.drop_database(name)
