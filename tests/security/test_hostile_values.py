"""Hostile values in every field of every write, in queries, headers and addresses.

Fields come from the OpenAPI documents. Nothing breaks, every refusal is a problem, what is refused
leaves nothing behind, what is taken is kept as it was sent, and no input becomes a query.
"""

import json
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from io import BytesIO
from random import Random, SystemRandom
from typing import Any
from urllib.parse import quote

import pytest
from pymongo import MongoClient
from werkzeug.datastructures import FileStorage

from tests.support.described import WRITES, Operation, Path, operations
from tests.support.hostile import EVERYWHERE, ODD_NUMBERS, OPERAND, is_problem, shown
from tests.support.house import House, house
from tests.support.right_bodies import Targets, changed, found, paths
from tests.support.spy import Spy
from tests.support.stall import MAPPING, SHOP

# Where the values of a field are never shown again, or by another address.
UNSEEN = {"password", "refresh_token", "to", "batch", "file"}
# A wrong password is counted, which is a write.
COUNTS = ("POST /v1/tokens", "POST /v1/users/me/password")
SCRIPTS = ("'$where': ", "'$function': ", "'$accumulator': ", "mapReduce")
SAID_BY_PYTHON = (b"Traceback", b'File \\"', b"site-packages", b"pymongo", b"werkzeug", b"/shared/")
AS_TEXT = tuple(value for value in EVERYWHERE if isinstance(value, str))
SENT_AS_TEXT = (*AS_TEXT, *map(str, ODD_NUMBERS[:8]), "[]", "{}")
IN_HEADERS = tuple(
    text
    for text in dict.fromkeys((*AS_TEXT, "*", "W/*", '"1"', "bytes=0-", "gzip", "chunked", "é"))
    if text.isprintable() and len(text) < 8_000
)
"""What a client can put into a header at all."""
HEADERS = (
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Range",
    "Idempotency-Key",
    "X-Request-Id",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Content-Encoding",
    "Range",
    "Expect",
    "Origin",
    "Cookie",
    "Host",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X-HTTP-Method-Override",
    "X-Original-URL",
    "User-Agent",
    "Referer",
)
SIZES = [
    pytest.param(3, id="small"),
    pytest.param(len(EVERYWHERE), id="full", marks=pytest.mark.security),
]
of_each_size = pytest.mark.parametrize("size", SIZES)

OF_ONES_OWN = ("/v1/tokens", "/v1/users/me/password")
"""Addresses that ask for a password or token which nobody has here."""


class TestFields:
    @of_each_size
    def test_of_every_write(self, attack: "Attack", size: int) -> None:
        tried = [
            (operation, path) for operation in attack.writes() for path in attack.paths(operation)
        ]

        for operation, path in tried:
            attack.try_field(operation, path, attack.some(EVERYWHERE, size))

        assert len(tried) > 150
        attack.assert_held()

    @of_each_size
    def test_of_a_mapping(self, attack: "Attack", size: int) -> None:
        (operation,) = (one for one in attack.writes() if one.is_form)

        for path in paths(MAPPING):
            for value in attack.some(EVERYWHERE, size):
                text = as_json(changed(MAPPING, path, value))
                attack.see(
                    operation,
                    (*path, value),
                    attack.send(operation, {"mapping": text, "file": SHOP.decode()}),
                )

        attack.assert_held()

    def test_that_are_right_are_taken(self, attack: "Attack") -> None:
        """Otherwise each of the others would be refused for another reason than its own."""
        answers = {
            str(operation): attack.send(operation, attack.targets.body(operation)).status_code
            for operation in attack.writes()
            if operation.fields and not operation.path.startswith(OF_ONES_OWN)
        }

        assert {name: status for name, status in answers.items() if status >= 300} == {}


class TestQueries:
    @of_each_size
    def test_of_every_list(self, attack: "Attack", size: int) -> None:
        tried = [(operation, name) for operation in attack.all() for name in operation.queries]

        for operation, name in tried:
            odd = [f"{name}[{operator}]" for operator in ("$ne", "$regex", "$where", "")]
            queries = [f"{name}={quoted(text)}" for text in attack.some(SENT_AS_TEXT, size)]
            queries += [f"{one}={OPERAND}" for one in (*odd, f"{name}.$ne", "$where", "_id")]
            queries += [f"{name}=a&{name}=b", "&".join([f"{name}=a"] * 500), f"{name}", f"{name}=%"]
            for query in queries:
                attack.see(operation, (query,), attack.send(operation, None, query_string=query))

        assert len(tried) > 20
        attack.assert_held()


class TestAddresses:
    @of_each_size
    def test_of_everything_that_has_an_id(self, attack: "Attack", size: int) -> None:
        tried = [(operation, place) for operation in attack.all() for place in operation.places]

        for operation, place in tried:
            body = attack.targets.body(operation) if operation.fields else None
            for text in attack.some(SENT_AS_TEXT, size):
                address = attack.targets.address(operation, **{place: quoted(text)})
                attack.see(operation, (place, text), attack.send(operation, body, address=address))

        assert len(tried) > 15
        attack.assert_held()


class TestHeaders:
    @of_each_size
    def test_that_an_operation_takes(self, attack: "Attack", size: int) -> None:
        for operation in attack.all():
            body = attack.targets.body(operation) if operation.fields else None
            for name in operation.headers:
                for text in attack.some(IN_HEADERS, size):
                    answer = attack.send(operation, body, headers={name: as_sent(text)})
                    attack.see(operation, (name, text), answer)

        attack.assert_held()

    @of_each_size
    def test_that_any_request_may_have(self, attack: "Attack", size: int) -> None:
        """Without a body, for the headers come first."""
        for operation in attack.all():
            for name in attack.some(HEADERS, size):
                for text in attack.some(IN_HEADERS, min(size, 20)):
                    headers = {"If-Match": '"1"', name: as_sent(text)}
                    address = attack.targets.address(operation)
                    answer = attack.send(operation, None, headers=headers, address=address)
                    attack.see(operation, (name, text), answer)

        attack.assert_held()


@dataclass
class Attack:
    """Sends, looks at what comes back, and keeps what should not have been."""

    house: House
    targets: Targets
    spy: Spy
    seed: int
    requests: int = 0
    faults: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)  # noqa: S311 - the same again for a seed.
        self._operations = operations(self.house)

    def all(self) -> list[Operation]:
        """Every operation."""
        return self._operations

    def writes(self) -> list[Operation]:
        """The operations that change something."""
        return [one for one in self._operations if one.method.lower() in WRITES]

    def paths(self, operation: Operation) -> list[Path]:
        """The fields of a write: those that are described, and those that a right body has."""
        right = self.targets.body(operation)
        return list(dict.fromkeys((*operation.fields, *paths(right))))

    def some(self, values: Sequence[Any], size: int) -> list[Any]:
        """That many of the values, others for another seed."""
        return self._chance.sample(list(values), min(size, len(values)))

    def try_field(self, operation: Operation, path: Path, values: Sequence[Any]) -> None:
        """Put each value into a field. What is refused may leave nothing behind."""
        before = self._hashes()
        taken = [value for value in values if self._try(operation, path, value)]
        if taken:
            # Once more without these, for what they left behind is as it should be.
            before = self._hashes()
            for value in values:
                if not any(value is one for one in taken):
                    self._try(operation, path, value)
        others = sorted({name for name, _ in before.items() ^ self._hashes().items()})
        if others and str(operation) not in COUNTS:
            self._fault(operation, path, f"left something behind in {', '.join(others)}")

    def send(
        self,
        operation: Operation,
        body: Any,
        *,
        address: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Any:
        """What the first admin is answered."""
        self.requests += 1
        precondition = {"If-Match": '"1"'} if address else self._precondition(operation)
        address = address or self.targets.address(operation)
        if operation.is_form:
            options["data"] = form(body)
        elif body is not None:
            options |= {"data": as_json(body), "content_type": "application/json"}
        return self.house.call(
            operation.service,
            operation.method,
            address,
            token=self.house.token,
            headers=precondition | (headers or {}),
            **options,
        )

    def see(self, operation: Operation, at: tuple[Any, ...], answer: Any) -> bool:
        """Look at an answer; whether it says that something was taken."""
        with answer:
            wrong = [what for what, fits in LOOKS.items() if not fits(answer)]
        if wrong:
            self._fault(operation, at, f"{', '.join(wrong)}: {answer.data[:300]!r}")
        return is_taken(answer)

    def assert_held(self) -> None:
        """Nothing was wrong with any answer, and no command had an operator of ours."""
        assert self.faults == {}, f"SEED={self.seed} repeats it"
        assert self.spy.found == [], f"SEED={self.seed} repeats it"
        assert self.spy.commands > 0

    def _try(self, operation: Operation, path: Path, value: Any) -> bool:
        body = changed(self.targets.body(operation), path, value)
        answer = self.send(operation, body)
        taken = self.see(operation, (*path, value), answer)
        if taken:
            self._read_back(operation, path, value, answer)
        return taken

    def _read_back(self, operation: Operation, path: Path, value: Any, answer: Any) -> None:
        address = kept_at(operation, self.targets.address(operation), answer)
        if address is None or UNSEEN.intersection(path):
            return
        kept = self.house.call(operation.service, "GET", address, token=self.house.token).json
        inner = path[2:] if operation.path.endswith("/bulk") else path
        if "mapping" in path:
            return
        if not same(value, found(kept, inner)):
            self._fault(operation, (*path, value), f"kept as {shown(found(kept, inner))}")

    def _precondition(self, operation: Operation) -> dict[str, str]:
        if "If-Match" not in operation.headers:
            return {}
        answer = self._shown(operation)
        if answer.status_code == 404:
            self.targets.renew()
            answer = self._shown(operation)
        return {"If-Match": answer.headers["ETag"]}

    def _shown(self, operation: Operation) -> Any:
        address = "/".join(self.targets.address(operation).split("/")[:4])
        return self.house.call(operation.service, "GET", address, token=self.house.token)

    def _hashes(self) -> dict[str, str]:
        return {
            f"{service}.{name}": found
            for service in self.house.apps
            for name, found in self.house.database(service).command("dbHash")["collections"].items()
        }

    def _fault(self, operation: Operation, at: tuple[Any, ...], what: str) -> None:
        self.faults[(str(operation), *(shown(one) for one in at))] = what


def is_whole(answer: Any) -> bool:
    """Whether a refusal is a problem, and says what a problem says."""
    if answer.status_code < 400:
        return True
    return is_problem(answer) and answer.json["status"] == answer.status_code


LOOKS: dict[str, Callable[[Any], bool]] = {
    "it broke": lambda answer: answer.status_code < 500,
    "no problem": is_whole,
    "it tells of its code": lambda answer: not any(one in answer.data for one in SAID_BY_PYTHON),
    "it is large": lambda answer: answer.status_code < 400 or len(answer.data) < 64_000,
}


def is_taken(answer: Any) -> bool:
    """Whether something was taken: as a whole, or the one entry of a bulk call."""
    if answer.status_code >= 300:
        return False
    results = answer.json.get("results") if answer.is_json else None
    return results is None or results[0]["status"] != "refused"


def kept_at(operation: Operation, address: str, answer: Any) -> str | None:
    """Where what was taken can be read, if that is anywhere."""
    if operation.method in {"PATCH", "PUT"}:
        return address
    collection = operation.path.removesuffix("/bulk")
    if collection in {"/v1/customers", "/v1/orders", "/v1/users", "/v1/imports"}:
        results = answer.json.get("results", [answer.json])
        return f"{collection}/{results[0]['id']}"
    return f"{address}/{answer.json['id']}" if "Location" in answer.headers else None


def same(sent: Any, kept: Any) -> bool:
    """Whether what is kept is what was sent, as the documentation says that it is written."""
    if isinstance(sent, dict):
        return isinstance(kept, dict) and all(
            same(sent.get(name), value) for name, value in kept.items()
        )
    if isinstance(sent, list):
        return isinstance(kept, list) and len(sent) == len(kept) and all(map(same, sent, kept))
    if isinstance(sent, str) and isinstance(kept, str):
        return any(read(sent) == read(kept) for read in READINGS)
    return type(sent) is type(kept) and bool(sent == kept)


def _text(value: str) -> Any:
    return unicodedata.normalize("NFC", value).strip()


def _code(value: str) -> Any:
    return _text(value).casefold()


def _amount(value: str) -> Any:
    try:
        return Decimal(value)
    except InvalidOperation:
        return value


def _time(value: str) -> Any:
    try:
        # To the millisecond, as the database keeps it.
        return int(datetime.fromisoformat(value).timestamp() * 1_000)
    except (ValueError, OverflowError):
        return value


READINGS: tuple[Callable[[str], Any], ...] = (_text, _code, _amount, _time)


def as_json(body: Any) -> str:
    """A body as JSON, also of what orjson would not write: numbers without end, half letters."""
    return json.dumps(body)


def form(body: dict[str, Any] | None) -> dict[str, Any]:
    """A body as a form with a file in it."""
    fields: dict[str, Any] = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (body or {}).items()
        # One of the two says what the columns are.
        if name != "mapping" or "preset" not in (body or {})
    }
    if "file" in fields:
        content = fields.pop("file").encode("utf-8", "surrogatepass")
        return _sendable(fields) | {"file": (BytesIO(content), "shop.csv")}
    return _sendable(fields)


def _sendable(fields: dict[str, str]) -> dict[str, Any]:
    """Texts of a form. The client sends one that is no UTF-8 byte by byte, as it does a file."""
    return {
        name: FileStorage(BytesIO(value.encode("utf-8", "surrogatepass")))
        if any("\ud800" <= letter <= "\udfff" for letter in value)
        else value
        for name, value in fields.items()
    }


def as_sent(text: str) -> str:
    """A text as a header carries it: its bytes, each as a letter."""
    return text.encode().decode("latin-1")


def quoted(text: str) -> str:
    """A text as one part of an address."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@pytest.fixture(scope="module")
def spy() -> Spy:
    """Looks for our operators in each command."""
    return Spy(OPERAND, *SCRIPTS)


@pytest.fixture(scope="module")
def doors(mongo_url: str, spy: Spy) -> Iterator[House]:
    """All services, in this process. What has expired stays meanwhile, or it would go by itself."""
    with house(mongo_url, [spy]) as made, expiry_is_off(mongo_url):
        yield made


@contextmanager
def expiry_is_off(mongo_url: str) -> Iterator[None]:
    """The server deletes no expired documents; it usually looks for them each minute."""
    with MongoClient[Any](mongo_url) as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        try:
            yield
        finally:
            client.admin.command("setParameter", 1, ttlMonitorEnabled=True)


@pytest.fixture(scope="module")
def targets(doors: House) -> Targets:
    """What the writes are about."""
    return Targets(doors)


@pytest.fixture
def attack(doors: House, targets: Targets, spy: Spy) -> Attack:
    """An attack with a seed of its own, or with SEED."""
    return Attack(
        doors, targets, spy, int(os.environ.get("SEED") or SystemRandom().randrange(10**6))
    )
