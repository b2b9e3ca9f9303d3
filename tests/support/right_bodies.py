"""A body that is right for each write, with all that may be sent, to be made wrong in one place."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count, pairwise
from typing import Any

import orjson

from tests.support.described import Operation, Path
from tests.support.house import House
from tests.support.stall import MAPPING, SHOP

Json = dict[str, Any]
_numbers = count(1)
PASSWORD = "lantern orchard 73 violin"


def customer() -> Json:
    """Somebody new, with all that can be known of them."""
    number = next(_numbers)
    return {
        "external_id": f"x-{number}",
        "first_name": "Ann",
        "last_name": "Lee",
        "company": "Lee & Co",
        "emails": [{"address": f"lee{number}@example.com", "label": "work"}],
        "phones": [{"number": "+442079460958", "label": "work"}],
        "addresses": [{"label": "home", **_address()}],
        "tags": ["newsletter"],
        "preferences": {"a": "blue"},
        "channels": {"email": True, "phone": False, "sms": True, "post": False},
        "interests": ["lamps"],
    }


def order() -> Json:
    """An order of two mugs by a guest."""
    line = {
        "sku": "MUG-01",
        "description": "A mug",
        "quantity": 2,
        "unit_price": "2.55",
        "subtotal": "5.10",
    }
    return {
        "number": f"n-{next(_numbers)}",
        "source": "shop",
        "kind": "sale",
        "status": "placed",
        "customer_id": None,
        "placed_at": "2025-06-01T12:00:00Z",
        "currency": "GBP",
        "lines": [line],
        "total": "5.10",
        "shipping_address": _address(),
    }


def user() -> Json:
    """A colleague."""
    return {
        "email": f"staff{next(_numbers)}@example.com",
        "name": "Bo Dee",
        "role": "sales",
        "password": PASSWORD,
    }


def _view() -> Json:
    return {
        "id": f"view-{next(_numbers)}",
        "customer_id": None,
        "visitor_id": "v-2",
        "kind": "page",
        "url": "/lamps",
        "title": "Lamps",
        "sku": "LAMP-01",
        "at": "2025-06-01T12:00:00Z",
    }


def _entry() -> Json:
    return {
        "kind": "note",
        "at": "2025-06-01T12:00:00Z",
        "summary": "Said hello.",
        "data": {"a": "blue"},
        "corrects": None,
    }


def _address() -> Json:
    return {
        "line1": "1 High Street",
        "line2": "Flat 2",
        "city": "London",
        "region": "Greater London",
        "postcode": "N1 1AA",
        "country": "GB",
    }


def _bulk(entry: Callable[[], Json]) -> Json:
    return {"batch": f"batch-{next(_numbers)}", "entries": [entry()]}


class Targets:
    """What the writes are about: made through the services themselves, once."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.renew()

    def renew(self) -> None:
        """Make them again; one may have been deleted."""
        self.customer_id = self._made("customers", "/v1/customers", customer())
        self.order_id = self._made("orders", "/v1/orders", order())
        self.user_id = self._made("accounts", "/v1/users", user())

    def body(self, operation: Operation) -> Json:
        """A body that is right for this write."""
        made: dict[str, Callable[[], Json]] = {
            "POST /v1/users": user,
            "POST /v1/users/me/password": lambda: {
                "old_password": PASSWORD,
                "new_password": f"{PASSWORD} and more",
            },
            "PATCH /v1/users/{id}": lambda: user() | {"active": True},
            "POST /v1/tokens": lambda: {"email": "nobody@example.com", "password": PASSWORD},
            "POST /v1/tokens/refresh": lambda: {"refresh_token": f"{'a' * 24}.{'b' * 43}"},
            "POST /v1/tokens/revoke": lambda: {"refresh_token": f"{'a' * 24}.{'b' * 43}"},
            "POST /v1/tokens/delegations": lambda: {"to": "imports"},
            "POST /v1/customers": customer,
            "PATCH /v1/customers/{id}": customer,
            "POST /v1/customers/bulk": lambda: _bulk(customer),
            "POST /v1/customers/{id}/journal": _entry,
            "POST /v1/activity": lambda: _bulk(self._view),
            "PUT /v1/visitors/{visitor_id}": lambda: {"customer_id": self.customer_id},
            "POST /v1/orders": order,
            "POST /v1/orders/bulk": lambda: _bulk(order),
            "POST /v1/imports": lambda: {
                "mapping": orjson.dumps(MAPPING).decode(),
                "file": SHOP.decode(),
            },
        }
        return made.get(str(operation), dict)()

    def address(self, operation: Operation, **places: str) -> str:
        """The address of a write about what is there, or about what is named."""
        ids = {"customers": self.customer_id, "orders": self.order_id, "accounts": self.user_id}
        usual = dict.fromkeys(operation.places, "a" * 24) | {"visitor_id": "v-1"}
        if operation.service in ids:
            usual["id"] = ids[operation.service]
        return operation.path.format(**usual | places)

    def _view(self) -> Json:
        return _view() | {"customer_id": self.customer_id}

    def _made(self, service: str, address: str, body: Json) -> str:
        answer = self._house.call(service, "POST", address, token=self._house.token, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])


def paths(body: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all that is in a body."""
    inner = body.items() if isinstance(body, dict) else enumerate(body)
    for name, value in inner:
        yield (*path, str(name))
        if isinstance(value, dict | list):
            yield from paths(value, (*path, str(name)))


def changed(body: Json, path: Path, value: Any) -> Json:
    """The body with another value in one place, which is made if it is not there."""
    made = deepcopy(body)
    place: Any = made
    for name, following in pairwise(path):
        place = _inner(place, name, [] if following == "0" else {})
    if isinstance(place, list):
        place[:] = [value]
    else:
        place[path[-1]] = value
    return made


def _inner(place: Any, name: str, usual: Any) -> Any:
    if not isinstance(place, list):
        place[name] = usual if place.get(name) is None else place[name]
        return place[name]
    if not place:
        place.append(usual)
    return place[0]


def found(body: Any, path: Path) -> Any:
    """What is in one place of a body.

    :raises LookupError: there is no such place.
    """
    for name in path:
        body = body[int(name) if isinstance(body, list) else name]
    return body
