"""A day in the shop by clients that a program wrote after the services' own descriptions."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from shared.local.ports import LOOPBACK
from shared.settings import PORTS
from tests.journeys.system import ADMIN, Person, System, wait_for

SHOP = b"No,Time,Qty,Price\n1,2025-06-01 12:00,2,7.50\n"
MAPPING = (
    '{"source": "generated-client", "defaults": {"currency": "EUR"}, "columns": '
    '{"number": "No", "placed_at": "Time", "quantity": "Qty", "unit_price": "Price"}}'
)


class Api:
    """The generated client of one service. Loosely typed: a program wrote it a moment ago."""

    def __init__(self, package: str, url: str, token: str | None) -> None:
        self._package = package
        client = self._module("client")
        self._client = (
            client.Client(base_url=url)
            if token is None
            else client.AuthenticatedClient(base_url=url, token=token)
        )

    def model(self, name: str, **values: Any) -> Any:
        """A body, from plain values."""
        return getattr(self._module("models"), name).from_dict(values)

    def call(self, group: str, operation: str, *path: str, **options: Any) -> Any:
        """The whole answer to an operation."""
        module = self._module(f"api.{group}.{operation}")
        return module.sync_detailed(*path, client=self._client, **options)

    def file(self, content: bytes, name: str) -> Any:
        """A file to send."""
        return self._module("types").File(BytesIO(content), file_name=name, mime_type="text/csv")

    def form(self, **values: Any) -> Any:
        """The form of an import."""
        return self._module("models").NewImportForm(**values)

    def close(self) -> None:
        """Hang up."""
        self._client.get_httpx_client().close()

    def _module(self, name: str) -> ModuleType:
        return import_module(f"{self._package}.{name}")


Sign = Callable[[str, str | None], Api]


def test_does_a_day_in_the_shop(api: Sign) -> None:
    accounts = api("accounts", None)
    signed_in = accounts.call("tokens", "sign_in", body=accounts.model("SignIn", **ADMIN))
    assert signed_in.status_code == 201
    token = signed_in.parsed.access_token
    customers, orders, imports = (
        api(service, token) for service in ("customers", "orders", "imports")
    )

    # A customer, once, however often it is sent.
    new = customers.model("NewCustomer", last_name="Müller", tags=["by-generated-client"])
    register = partial(
        customers.call, "customers", "register_customer", body=new, idempotency_key="day-1"
    )
    customer, again = register().parsed, register().parsed
    assert customer.id == again.id

    # An order, from placed to delivered.
    line = {"sku": "MUG-01", "quantity": 2, "unit_price": "7.50"}
    body = orders.model("NewOrder", customer_id=customer.id, currency="EUR", lines=[line])
    placed = orders.call("orders", "place_order", body=body)
    assert (placed.status_code, placed.parsed.total) == (201, "15.00")
    for step in ("pay_order", "ship_order", "deliver_order"):
        named = orders.call("orders", "get_order", placed.parsed.id).headers["ETag"]
        answer = orders.call("orders", step, placed.parsed.id, if_match=named)
    assert answer.parsed.status == "delivered"
    outdated = orders.call("orders", "cancel_order", placed.parsed.id, if_match='"1"')
    assert (outdated.status_code, outdated.parsed.title) == (412, "Stale")

    # The journal.
    entry = customers.model("NewEntry", kind="call", summary="Asked for the blue mug.")
    logged = customers.call("journal", "log_entry", customer.id, body=entry)
    assert logged.status_code == 201

    # A list, page by page.
    for number in range(2):
        body = customers.model(
            "NewCustomer", last_name=f"Ng {number}", tags=["by-generated-client"]
        )
        customers.call("customers", "register_customer", body=body)
    search = partial(
        customers.call, "customers", "search_customers", tag="by-generated-client", limit=2
    )
    first = search().parsed
    second = search(cursor=first.next_).parsed
    assert [len(page.items) for page in (first, second)] == [2, 1]
    assert second.next_ is None

    # A file.
    form = imports.form(file=imports.file(SHOP, "shop.csv"), mapping=MAPPING)
    asked = imports.call("imports", "ask_for_import", body=form)
    assert asked.status_code == 202

    def ended() -> Any:
        job = imports.call("imports", "get_import", asked.parsed.id).parsed
        return job if job.state in {"finished", "failed"} else None

    job = wait_for(ended, "the import has ended")
    assert (job.failure, job.reconciliation.orders) == (None, 1)

    # Good-bye.
    gone = customers.call("customers", "delete_customer", customer.id, if_match="*")
    assert gone.status_code == 204
    assert customers.call("customers", "get_customer", customer.id).status_code == 404


@pytest.fixture
def api(kith: System, tmp_path: Path) -> Iterator[Sign]:
    """`api(service, token)`: the generated client of a service, for whoever has the token."""
    nobody = Person(kith.ports)
    for service in PORTS:
        write(service, nobody, tmp_path)
    sys.path.insert(0, str(tmp_path))
    made: list[Api] = []

    def make(service: str, token: str | None) -> Api:
        url = f"http://{LOOPBACK}:{kith.ports[service]}"
        made.append(Api(package(service), url, token))
        return made[-1]

    yield make
    for one in made:
        one.close()
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("generated_")]:
        del sys.modules[name]


def write(service: str, nobody: Person, folder: Path) -> None:
    """Write the client of a service into a folder, without a complaint."""
    document = folder / f"{service}.json"
    document.write_bytes(nobody.call("GET", service, "/openapi.json").content)
    config = Config.from_sources(
        # Without hooks, which would format what nobody reads.
        ConfigFile(post_hooks=[], package_name_override=package(service)),
        MetaType.NONE,
        document_source=document,
        file_encoding="utf-8",
        overwrite=True,
        output_path=folder / package(service),
    )

    assert generate(config=config) == []


def package(service: str) -> str:
    """The name of the package of a service's client."""
    return f"generated_{service}"
