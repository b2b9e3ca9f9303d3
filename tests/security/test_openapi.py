"""What each service says of itself, held against what it does by Schemathesis, with all checks.

The services answer from this process, over real HTTP, on a real mongod. In full that are 1,000
examples of each operation for each caller: some 110,000 requests of 20 ms of a core each.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from socket import create_server
from urllib.parse import urlsplit

import orjson
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from services import registry
from shared.document import Document
from shared.identifiers import new_id
from shared.local.ports import LOOPBACK
from shared.web import description
from tests.support import right_bodies
from tests.support.house import House, house
from tests.support.serving import serving
from tests.support.stall import MAPPING, SHOP

CALLERS = ("admin", "sales", None)
FEW, MANY, JOURNEYS = 2, 1_000, 50
THINGS = 3
EACH_ALONE = ("examples", "coverage", "fuzzing")
# Of all answers to those who are signed in; most of what accounts does is not for sales.
LEAST_TAKEN = {"admin": 0.05, "sales": 0.01}
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
# Who changes whomever there is may switch off the first admin, on whom all others hang.
DEMOTES = "PATCH /v1/users/{id}"
# To the other methods these addresses are those of a thing whose id is "me" or "bulk", so Allow
# names its methods too. A new delegation answers with tokens, which name the user's id and not its
# own. The journal of somebody who was deleted is there for admins still.
APART: Document = {
    "GET /v1/users/me": "allow_header_conformance",
    "POST /v1/customers/bulk": "allow_header_conformance",
    "POST /v1/orders/bulk": "allow_header_conformance",
    "DELETE /v1/tokens/delegations/{id}": "ensure_resource_availability",
    "GET /v1/customers/{id}/journal": "use_after_free",
    "GET /v1/customers/{id}/journal/{entry_id}": "use_after_free",
}

Look = tuple[Sequence[str], int, Sequence[str]]
"""Phases, how many examples, and the operations that are left out."""


@dataclass
class Seen:
    """What Schemathesis saw of a service."""

    deviations: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    was_signed_in: bool = True


of_each_service = pytest.mark.parametrize("service", registry.SERVICES)
by_each_caller = pytest.mark.parametrize("caller", CALLERS, ids=str)


@of_each_service
@by_each_caller
def test_does_what_it_says(town: House, service: str, caller: str | None) -> None:
    seen = look(town, service, caller, ("examples", "fuzzing"), FEW)

    assert seen.deviations == []


@pytest.mark.security
@of_each_service
@by_each_caller
def test_does_what_it_says_in_full(town: House, service: str, caller: str | None) -> None:
    total = Seen()
    for name, how in looks(operations(town, service)).items():
        # Each with a new token: one lives ten minutes, and all of them together take longer.
        seen = look(town, service, caller, *how)
        tell(service, caller, name, seen)
        assert seen.was_signed_in is (caller is not None), name
        total.deviations += seen.deviations
        total.statuses += seen.statuses

    assert total.deviations == []
    assert caller is None or share(total.statuses, 2) > LEAST_TAKEN[caller]


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Each operation by itself, then journeys from one to another."""
    alone: dict[str, Look] = {
        name: (EACH_ALONE, MANY, [other for other in names if other != name]) for name in names
    }
    return alone | {"journeys": (("stateful",), JOURNEYS, [DEMOTES])}


def operations(town: House, service: str) -> list[str]:
    """The names of all operations of a service, as Schemathesis calls them."""
    document = town.call(service, "GET", "/openapi.json").json
    return [f"{method.upper()} {path}" for path, method, _ in description.operations(document)]


def look(
    town: House,
    service: str,
    caller: str | None,
    phases: Sequence[str],
    examples: int,
    without: Sequence[str] = (),
) -> Seen:
    """Let Schemathesis look at a service, or at some of its operations, with all checks."""
    token = None if caller is None else sign_in(town, caller)
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": {} if token is None else {"Authorization": f"Bearer {token}"},
            "generation": {"max-examples": examples, "database": "none"},
            "phases": {
                name: how | {"enabled": name in phases} for name, how in ways(service).items()
            },
            "checks": CHECKS,
            "operations": [
                *(
                    {"include-name": name, "checks": {check: {"enabled": False}}}
                    for name, check in APART.items()
                ),
                *({"include-name": name, "enabled": False} for name in without),
            ],
            **what_is_there(town, service),
        }
    )
    schema = schemathesis.openapi.from_url(f"{url(town, service)}/openapi.json", config=config)
    seen = Seen()
    for event in from_schema(schema).execute():
        seen.deviations += deviations(event)
        if isinstance(event, events.ScenarioFinished):
            seen.statuses += statuses(event)
    # Answers to a token that had expired, or somebody who was demoted, would say nothing.
    seen.was_signed_in = token is not None and is_good(town, token)
    return seen


def ways(service: str) -> Document:
    """The settings of each phase: admins who find their own id in answers demote themselves."""
    alone: Document = {"extra-data-sources": {"responses": service != "accounts"}}
    return {**dict.fromkeys(EACH_ALONE, alone), "stateful": {}}


def url(town: House, service: str) -> str:
    """Where a service answers."""
    return str(getattr(town.settings, f"{service}_url"))


def sign_in(town: House, role: str) -> str:
    """A token of somebody new: whoever came before may have been demoted or disabled since."""
    known = right_bodies.user() | {"role": role}
    made(town, "accounts", "/v1/users", known)
    log_in = {name: known[name] for name in ("email", "password")}
    return str(made(town, "accounts", "/v1/tokens", log_in)["access_token"])


def made(town: House, service: str, address: str, body: Document, method: str = "POST") -> Document:
    """What a service answers to the first admin who makes something there."""
    # From elsewhere: whoever guesses passwords, as Schemathesis does, has to wait.
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    answer = town.call(
        service, method, address, token=town.token, json=body, environ_overrides=elsewhere
    )
    assert answer.status_code in {200, 201}, answer.text
    return dict(answer.json)


def is_good(town: House, token: str) -> bool:
    """Whether a token still opens something."""
    return bool(town.call("accounts", "GET", "/v1/users/me", token=token).status_code == 200)


def what_is_there(town: House, service: str) -> Document:
    """Have half of the values be those of things that are there, and such as no schema can say."""
    ids, customer_ids = things(town, service), things(town, "customers")
    visitor = f"v-{new_id()}"
    told = {"customer_id": customer_ids[0]}
    made(town, "customers", f"/v1/visitors/{visitor}", told, method="PUT")
    known = {
        "header.If-Match": ["*"],
        "path.id": ids,
        "path.entry_id": entries(town, ids) if service == "customers" else ids,
        "path.visitor_id": [visitor],
        "body.currency": ["GBP"],
        "body.customer_id": customer_ids,
        "body.email": [f"{new_id()}@town.example" for _ in range(100)],
        "body.lines[*].quantity": [2],
        "body.lines[*].sku": ["MUG-01"],
        "body.preset": ["online-retail"],
        "body.mapping": [orjson.dumps(MAPPING).decode()],
    }
    return {
        "dictionaries": {name: {"values": values} for name, values in known.items()},
        "parameters": {name: {"dictionary": name, "probability": 0.5} for name in known},
    }


def things(town: House, service: str) -> list[str]:
    """The ids of some new things of a service."""
    if service == "imports":
        return [upload(town)]
    targets = [right_bodies.Targets(town) for _ in range(THINGS)]
    kinds = {"accounts": "user_id", "customers": "customer_id", "orders": "order_id"}
    ids = [str(getattr(target, kinds[service])) for target in targets]
    return [*ids, *delegations(town)] if service == "accounts" else ids


def delegations(town: House) -> list[str]:
    """The ids of the delegations there are, one of them new."""
    made(town, "accounts", "/v1/tokens/delegations", {"to": "imports"})
    listed = town.call("accounts", "GET", "/v1/tokens/delegations", token=town.token)
    return [each["id"] for each in listed.json["items"]]


def entries(town: House, customer_ids: list[str]) -> list[str]:
    """The ids of new entries in the journals of customers."""
    note = {"kind": "note", "at": "2025-06-01T12:00:00Z", "summary": "Said hello."}
    addresses = [f"/v1/customers/{one}/journal" for one in customer_ids]
    return [str(made(town, "customers", each, note)["id"]) for each in addresses]


def upload(town: House) -> str:
    """The id of a new import."""
    form = {"mapping": orjson.dumps(MAPPING).decode(), "file": (BytesIO(SHOP), "shop.csv")}
    answer = town.call("imports", "POST", "/v1/imports", token=town.token, data=form)
    assert answer.status_code < 300, answer.text
    return str(answer.json["id"])


def statuses(event: events.ScenarioFinished) -> Counter[int]:
    """How often each status was answered, leaving out what checks asked without a token."""
    return Counter(
        each.response.status_code
        for name, each in event.recorder.interactions.items()
        if each.response is not None and event.recorder.cases[name].parent_id is None
    )


def tell(service: str, caller: str | None, operation: str, seen: Seen) -> None:
    """The figures, for whoever runs it."""
    counted = dict(sorted(seen.statuses.items()))
    print(f"{service}, {caller}, {operation}: {counted}", flush=True)  # noqa: T201 - see above


def share(statuses: Counter[int], hundred: int) -> float:
    """How many of the answers were of this hundred."""
    return sum(statuses[each] for each in statuses if each // 100 == hundred) / statuses.total()


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
def town(mongo_url: str) -> Iterator[House]:
    """All services in this process, on a database of their own."""
    with house(mongo_url) as town, ExitStack() as stack:
        for service in ("orders", "imports"):
            address = (LOOPBACK, urlsplit(url(town, service)).port)
            listener = stack.enter_context(create_server(address))
            stack.enter_context(serving(town.apps[service], listener))
        yield town
