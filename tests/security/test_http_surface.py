"""What a stranger tries at the addresses of all services: tricks of paths, methods and headers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from gzip import compress
from hashlib import blake2b
from io import BytesIO
from random import Random
from typing import Any

import orjson
import pytest

from shared.auth.middleware import PUBLIC, allowed_roles
from tests.support.described import WRITES, operations
from tests.support.hostile import OPERAND, is_problem, shown
from tests.support.house import House, Route, house
from tests.support.right_bodies import Targets
from tests.support.spy import Spy

CURSORS = 200
BOMB_BYTES = 64 * 1024 * 1024
# Ways to write an address so that one reader takes it for another than the next.
DISGUISES = (
    "/{0}",
    "//{0}",
    "{0}/",
    "{0}//",
    "{0}/.",
    "{0}/..",
    "{0};a=b",
    "{0};/",
    "{0}%20",
    "{0}%00",
    "{0}%09",
    "{0}%0a",
    "{0}%23",
    "{0}%3f",
    "{0}%2f",
    "{0}.json",
    "{0}.css",
    "{0}..;/",
    "/health/live/..{0}",
    "/health/live/%2e%2e{0}",
    "/health/live/..%2f..{0}",
    "/health/live;{0}",
    "/docs/..{0}",
    "/docs/%2e%2e{0}",
    "/docs/..%2f{0}",
    "/docs/..%5c{0}",
    "/docs/start.js{0}",
    "/openapi.json{0}",
    "/.{0}",
    "/%2e{0}",
    "/%2e%2e{0}",
    "/x/..{0}",
    "\\{0}",
    "/%5c{0}",
    "/%252e%252e{0}",
    "{0}%252f",
    "/http://evil.example{0}",
    "//evil.example{0}",
    "/%2f%2fevil.example{0}",
)
FILES = (
    "../openapi.py",
    "..%2fopenapi.py",
    "%2e%2e/%2e%2e/setup.py",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "swagger-ui.css%00.html",
    "swagger-ui.css/../../__init__.py",
    "file:///etc/passwd",
    "~root",
    ".",
    "..",
    "%c0%ae%c0%ae/etc/passwd",
)
OVERRIDES: tuple[dict[str, str], ...] = (
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-HTTP-Method": "DELETE"},
    {"X-Method-Override": "DELETE"},
    {"_method": "DELETE"},
)
# Fields that callers see or that documents have, and that nobody may send unless a schema says so.
INNER_FIELDS = (
    "id",
    "_id",
    "version",
    "revision",
    "schema_version",
    "created_at",
    "updated_at",
    "recorded_at",
    "deleted_at",
    "role",
    "active",
    "password_hash",
    "tokens_void_before",
    "sessions_void_before",
    "purchases",
    "ledger",
    "outbox",
    "request",
    "keys",
    "names",
    "fingerprint",
    "asked_by",
    "delegation",
    "actor",
    "via",
    "state",
    "progress",
    "reconciliation",
    "tied_at",
    "is_admin",
    "$set",
    "__class__",
)


class TestAddresses:
    @pytest.mark.parametrize("disguise", DISGUISES)
    def test_in_disguise_lead_nowhere(self, doors: House, disguise: str) -> None:
        """No way around the token, and nobody is sent elsewhere."""
        closed = [
            route
            for route in doors.routes()
            if not route.is_public and route.method not in {"HEAD", "OPTIONS"}
        ]

        answers = {
            (str(route), answer.status_code)
            for route in closed
            for answer in (doors.call(route.service, route.method, disguise.format(route.address)),)
            if answer.status_code not in {401, 404, 405} or "Location" in answer.headers
        }

        assert answers == set()

    @pytest.mark.parametrize("file", FILES)
    def test_of_files_beside_the_page_are_not_found(self, doors: House, file: str) -> None:
        for service in doors.apps:
            answer = doors.call(service, "GET", f"/docs/{file}")

            assert answer.status_code in {404, 405}
            assert is_problem(answer)

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:80@kith", "a b", "[::1", "\xff"]
    )
    def test_of_another_host_are_not_repeated(self, doors: House, host: str) -> None:
        headers = {
            "Host": host,
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Prefix": "//evil.example",
            "Forwarded": "host=evil.example",
        }
        created = {"last_name": "Lee"}

        answers = [
            doors.call(route.service, route.method, route.address, headers=headers)
            for route in doors.routes()
        ]
        answers.append(
            doors.call(
                "customers",
                "POST",
                "/v1/customers",
                token=doors.token,
                headers=headers,
                json=created,
            )
        )

        assert not any(answer.status_code >= 500 for answer in answers)
        assert not any(b"evil.example" in answer.data for answer in answers)
        assert not any("evil.example" in str(answer.headers) for answer in answers)
        close(answers)


class TestMethods:
    @pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DEBUG", "QUERY", "X" * 99])
    def test_that_no_route_has_are_refused(self, doors: House, method: str) -> None:
        answers = [
            doors.call(service, method, address, headers={"X-Planted": "planted"})
            for service, address in {(route.service, route.address) for route in doors.routes()}
        ]

        assert {answer.status_code for answer in answers} == {405}
        assert not any(b"planted" in answer.data for answer in answers)

    @pytest.mark.parametrize("override", OVERRIDES, ids=lambda one: next(iter(one)))
    def test_are_not_overridden(
        self, doors: House, targets: Targets, override: dict[str, str]
    ) -> None:
        address = f"/v1/customers/{targets.customer_id}"

        for method in ("GET", "POST", "PATCH"):
            doors.call(
                "customers",
                method,
                address,
                token=doors.token,
                headers={**override, "If-Match": '"1"'},
                query_string=override,
                json={"_method": "DELETE"},
            )

        assert doors.call("customers", "GET", address, token=doors.token).status_code == 200

    def test_of_browsers_from_elsewhere_get_no_leave(self, doors: House) -> None:
        """No answer lets another site's pages read it or send with it."""
        headers = {
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }

        for route in doors.routes():
            with doors.call(route.service, route.method, route.address, headers=headers) as answer:
                assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
                assert "Set-Cookie" not in answer.headers
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestRoles:
    def test_are_named_by_every_view(self, doors: House) -> None:
        """Both roles, admins alone, or everybody; nothing is left open by oversight."""
        silent = [
            (service, endpoint)
            for service, app in doors.apps.items()
            for endpoint, view in app.view_functions.items()
            if not allowed_roles(view)
        ]

        assert silent == []

    def test_keep_sales_out_where_they_are_not_named(self, doors: House) -> None:
        token = doors.mint.token(role="sales")

        for route in doors.routes():
            if is_for_admins(doors, route):
                answer = doors.call(route.service, route.method, route.address, token=token)

                assert (str(route), answer.status_code) == (str(route), 403)

    def test_some_routes_are_for_admins(self, doors: House) -> None:
        found = {str(route) for route in doors.routes() if is_for_admins(doors, route)}

        assert {"POST accounts /v1/users", "DELETE customers /v1/customers/<id>"} <= found


class TestFields:
    def test_that_are_not_the_callers_are_refused_by_every_write(
        self, doors: House, targets: Targets
    ) -> None:
        taken = []
        for operation in operations(doors):
            own = {path[0] for path in operation.fields}
            if operation.method.lower() not in WRITES or not own or operation.is_form:
                continue
            for name in INNER_FIELDS:
                if name in own:
                    continue
                answer = doors.call(
                    operation.service,
                    operation.method,
                    targets.address(operation),
                    token=doors.token,
                    headers={"If-Match": '"1"'},
                    json=targets.body(operation) | {name: "a"},
                )
                if not (answer.status_code == 422 and is_problem(answer)):
                    taken.append((str(operation), name, answer.status_code))

        assert taken == []


class TestCursors:
    @pytest.mark.parametrize("list_", ["customers", "orders", "users", "imports"])
    def test_that_were_tampered_with_break_nothing(
        self, doors: House, spy: Spy, targets: Targets, list_: str
    ) -> None:
        service = {"users": "accounts"}.get(list_, list_)
        address = f"/v1/{list_}"
        assert targets.customer_id
        made = [*crafted(address), *bent(true_cursor(doors, service, address))]

        answers = [
            doors.call(service, "GET", address, token=doors.token, query_string={"cursor": one})
            for one in made
        ]

        odd = {
            shown(cursor): answer.status_code
            for cursor, answer in zip(made, answers, strict=True)
            if answer.status_code != 200 and not is_problem(answer)
        }
        assert len(made) >= CURSORS
        assert odd == {}
        assert spy.found == []


class TestSizes:
    def test_of_bodies_that_are_packed_are_those_that_were_sent(self, doors: House) -> None:
        """No body is unpacked but a file to import, which has a limit of its own."""
        packed = compress(b'{"last_name": "' + b"a" * BOMB_BYTES + b'"}')

        for encoding in ("gzip", "deflate", "br", "zstd"):
            answer = doors.call(
                "customers",
                "POST",
                "/v1/customers",
                token=doors.token,
                headers={"Content-Encoding": encoding},
                data=packed,
                content_type="application/json",
            )

            assert is_problem(answer)

    def test_of_files_that_are_packed_again_are_refused(self, doors: House) -> None:
        bomb = compress(compress(compress(bytes(BOMB_BYTES))))

        answer = doors.call(
            "imports",
            "POST",
            "/v1/imports",
            token=doors.token,
            data={"preset": "online-retail", "file": (BytesIO(bomb), "shop.csv.gz")},
        )

        assert is_problem(answer)

    @pytest.mark.parametrize("parts", [1_001, 3_000])
    def test_of_forms_are_limited(self, doors: House, parts: int) -> None:
        answer = doors.call(
            "imports",
            "POST",
            "/v1/imports",
            token=doors.token,
            data={f"a{number}": "a" for number in range(parts)}
            | {"file": (BytesIO(b"a"), "shop.csv")},
        )

        assert is_problem(answer)

    @pytest.mark.parametrize(
        "name",
        [
            "../../../../tmp/planted.csv",
            "/etc/passwd",
            "..\\..\\planted.csv",
            "a\x00.csv",
            'a"; filename="b.csv',
            "\u202ecsv.exe",
            "a" * 5_000,
            "CON",
            "$(id).csv",
            "<script>.csv",
        ],
        ids=lambda name: shown(name)[:20],
    )
    def test_of_names_of_files_lead_to_no_file(self, doors: House, name: str) -> None:
        answer = doors.call(
            "imports",
            "POST",
            "/v1/imports",
            token=doors.token,
            data={"preset": "online-retail", "file": (BytesIO(b"a,b\n1,2\n"), name)},
        )

        assert answer.status_code == 202 or is_problem(answer)

    @pytest.mark.parametrize(
        "ranges",
        ["bytes=0-0", "bytes=" + ",".join(["0-"] * 1_000), "bytes=-1", "bytes=9-1", "a=0-"],
    )
    def test_of_parts_are_no_more_than_the_whole(self, doors: House, ranges: str) -> None:
        for address in ("/docs/swagger-ui.css", "/docs", "/openapi.json"):
            with doors.call("customers", "GET", address) as whole:
                size = len(whole.data)
            with doors.call("customers", "GET", address, headers={"Range": ranges}) as answer:
                assert answer.status_code in {200, 206, 416}
                assert len(answer.data) <= max(size, 1_000)


def is_for_admins(doors: House, route: Route) -> bool:
    """Whether sales has no business there. Of a method that Flask adds, the rule's view decides."""
    app = doors.apps[route.service]
    endpoint, _ = app.url_map.bind("").match(
        route.address, method="GET" if route.method == "HEAD" else route.method
    )
    roles = allowed_roles(app.view_functions[endpoint])
    return roles is not PUBLIC and "sales" not in roles and route.method != "OPTIONS"


def true_cursor(doors: House, service: str, address: str) -> str:
    """A cursor that a list gave out, or what one would look like."""
    page = doors.call(service, "GET", f"{address}?limit=1", token=doors.token).json
    return page["next"] or sealed(address, [{"at": datetime.now(UTC).isoformat()}, "a" * 24])


def bent(cursor: str) -> Iterator[str]:
    """A cursor, changed in one place or another."""
    chance = Random(1)  # noqa: S311 - the same each time.
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for _ in range(CURSORS):
        at = chance.randrange(len(raw))
        changed = raw[:at] + bytes((chance.randrange(256),)) + raw[at + chance.randrange(2) :]
        yield urlsafe_b64encode(changed).decode().rstrip("=")
    for at in range(0, len(cursor), 7):
        yield cursor[:at]
    yield from (
        cursor * 2,
        cursor + "=",
        cursor + "!",
        cursor.swapcase(),
        " " + cursor,
        "é",
        "\x00",
    )


def crafted(address: str) -> Iterator[str]:
    """Cursors whose checksum is right, for everybody can work it out, around any position."""
    odd: tuple[Any, ...] = (
        None,
        True,
        -1,
        0.5,
        2**62,
        -(2**63),
        2**64 - 1,
        "",
        "a" * 10_000,
        "\x00",
        "$where",
        {"$gt": OPERAND},
        {"at": OPERAND},
        {"at": None},
        {"at": "0001-01-01T00:00:00+23:59"},
        {"at": "9999-12-31T23:59:59-23:59"},
        {"at": "2025-01-01"},
        {"at": "2025-01-01T00:00:00Z", "$ne": OPERAND},
        [OPERAND],
        [],
    )
    now = {"at": "2025-06-01T12:00:00+00:00"}
    for one in odd:
        for values in ([one], [one, one], [now, one], [one, "a" * 24], [one] * 3, [one] * 50):
            yield sealed(address, values)
    no_positions: tuple[Any, ...] = ([], {}, None, "a", 1, {"at": "a"})
    yield from (sealed(address, whole) for whole in no_positions)


def sealed(address: str, values: Any) -> str:
    """A position with its checksum, as `shared.web.responses` makes it for a list unfiltered."""
    body = orjson.dumps(values)
    context = orjson.dumps([address, {}], option=orjson.OPT_SORT_KEYS)
    check = blake2b(body + context, digest_size=6).digest()
    return urlsafe_b64encode(check + body).rstrip(b"=").decode("ascii")


def close(answers: list[Any]) -> None:
    """Let go of the files behind them."""
    for answer in answers:
        answer.close()


@pytest.fixture(scope="module")
def spy() -> Spy:
    """Looks for our operators in each command."""
    return Spy(OPERAND)


@pytest.fixture(scope="module")
def doors(mongo_url: str, spy: Spy) -> Iterator[House]:
    """All services, in this process."""
    with house(mongo_url, [spy]) as made:
        yield made


@pytest.fixture(scope="module")
def targets(doors: House) -> Targets:
    """What the writes are about."""
    return Targets(doors)
