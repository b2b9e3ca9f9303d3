"""Members of staff for attacks: who they are, their tokens, and what they do side by side."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from tests.journeys.system import PATIENCE, Json, Person, System

log = logging.getLogger(__name__)

PASSWORD = "a staff member's own words"
NEW_PASSWORD = "quite other words than before"
ACCOUNTS = "accounts"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of staff as the admin registered them."""

    id: str
    email: str
    role: str
    tag: str


def hire(admin: Person, role: str = "sales") -> Member:
    """Somebody new."""
    email = f"{uuid4().hex}@shop.example"
    answer = admin.post(
        ACCOUNTS,
        "/v1/users",
        {"email": email, "name": "Sam", "role": role, "password": PASSWORD},
    )
    assert answer.status_code == 201, answer.text
    return Member(id=answer.json()["id"], email=email, role=role, tag=str(answer.headers["ETag"]))


def sign_in(kith: System, member: Member, password: str = PASSWORD) -> Json:
    """The tokens of somebody whose password is right; waits where signing in is held up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = try_to_sign_in(kith, member, password)
        if answer.status_code != 429:
            break
        assert time.monotonic() < deadline
        time.sleep(int(answer.headers["Retry-After"]))
    assert answer.status_code == 201, answer.text
    tokens: Json = answer.json()
    return tokens


def try_to_sign_in(kith: System, member: Member, password: str = PASSWORD) -> requests.Response:
    """What accounts answers to a password."""
    body = {"email": member.email, "password": password}
    return Person(kith.ports).post(ACCOUNTS, "/v1/tokens", body)


def refresh(kith: System, token: str) -> requests.Response:
    """What accounts answers to a refresh token."""
    return Person(kith.ports).post(ACCOUNTS, "/v1/tokens/refresh", {"refresh_token": token})


def sign_out(kith: System, tokens: Json) -> None:
    """End the session of these tokens."""
    body = {"refresh_token": tokens["refresh_token"]}
    assert Person(kith.ports).post(ACCOUNTS, "/v1/tokens/revoke", body).status_code == 204


def change(by: Person, member: Member, changes: Json) -> requests.Response:
    """What accounts answers to a change of somebody who was never changed before."""
    return by.call(
        "PATCH",
        ACCOUNTS,
        f"/v1/users/{member.id}",
        json=changes,
        headers={"If-Match": member.tag},
    )


def tell(figures: str) -> None:
    """Say what was measured; shown with `--log-cli-level=INFO`."""
    log.info(figures)


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each of these gives, all begun at one moment."""
    begin = threading.Barrier(len(actions))
    given: list[Any] = [None] * len(actions)

    def run(place: int, action: Callable[[], Any]) -> None:
        begin.wait(PATIENCE)
        given[place] = action()

    threads = [
        threading.Thread(target=run, args=(place, action)) for place, action in enumerate(actions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given
