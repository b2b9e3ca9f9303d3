"""A migration while people work with what it changes, killed in the middle and gone on with."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
import requests
from pymongo import MongoClient
from pymongo.database import Database

from services import registry
from services.customers.repository.mapping import to_document
from services.tools import setup
from services.tools.sample import people
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.command_line import ended, started
from tests.support.old_customers import PREFERENCES, as_before
from tests.support.web import serving

MIGRATION, *_ = registry.migrations("customers")
SHOWN = ("preferences", "channels", "interests")
PASSWORD = "correct horse"
PEOPLE = 4
"""Members of staff who work at the same time."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many customers there are, and how many are migrated at once."""

    customers: int
    batch: int


SMALL = Size(customers=2_000, batch=20)
FULL = Size(customers=100_000, batch=500)
NEW_ONES = 10
"""Every one of so many customers is in the new form already."""


@dataclass
class Clerk:
    """Somebody who reads, lists, changes and registers customers, and remembers what they said."""

    url: str
    headers: dict[str, str]
    mine: list[str]
    """The customers that nobody else changes, so that nobody is told of another's change."""
    chance: Random
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[Any] = field(default_factory=list)
    said: dict[str, Document] = field(default_factory=dict)
    """What each customer was left as."""

    def work(self, stop: Event) -> None:
        """Go on until told to stop."""
        with requests.Session() as session:
            session.headers.update(self.headers)
            while not stop.is_set():
                self._change(session, self.chance.choice(self.mine))
                self._list(session)
                if self.chance.random() < 0.2:
                    self._register(session)

    def _change(self, session: requests.Session, id: str) -> None:
        seen = self._ask(session, "GET", f"/{id}")
        shown = {name: seen.json()[name] for name in SHOWN}
        if shown != self.said.get(id, shown):
            self.wrong.append((id, shown, self.said[id]))
        changes: Document = {"tags": [f"t{self.chance.randrange(9)}"]}
        if self.chance.random() < 0.3:
            changes["interests"] = [f"i{self.chance.randrange(9)}"]
        answer = self._ask(
            session, "PATCH", f"/{id}", json=changes, headers={"If-Match": seen.headers["ETag"]}
        )
        self.said[id] = {name: answer.json()[name] for name in SHOWN}
        if self.said[id] != shown | {k: v for k, v in changes.items() if k in SHOWN}:
            self.wrong.append((id, self.said[id], shown, changes))

    def _list(self, session: requests.Session) -> None:
        query = self.chance.choice(["limit=50", "limit=20&q=a", "limit=20&tag=newsletter"])
        page = self._ask(session, "GET", f"?{query}").json()
        self.wrong += [item for item in page["items"] if not item.keys() >= set(SHOWN)]

    def _register(self, session: requests.Session) -> None:
        name = f"New {self.chance.randrange(10**9)}"
        made = self._ask(session, "POST", "", json={"last_name": name, "interests": ["new"]}).json()
        self.said[made["id"]] = {name: made[name] for name in SHOWN}

    def _ask(
        self, session: requests.Session, method: str, path: str, **options: Any
    ) -> requests.Response:
        answer = session.request(method, f"{self.url}/v1/customers{path}", timeout=60, **options)
        self.answers[answer.status_code] += 1
        return answer


Shop = tuple[str, dict[str, str]]
"""Where customers are asked, and with which headers."""


class TestMigrateUnderLoad:
    @pytest.mark.parametrize(
        "size",
        [
            pytest.param(SMALL, id="small"),
            pytest.param(FULL, id="full", marks=pytest.mark.scale),
        ],
    )
    def test_fails_nobody_and_loses_nothing_though_it_is_killed(
        self, settings: Settings, database: Database[Document], size: Size, shop: Shop
    ) -> None:
        before = fill(database, size)

        with at_work(shop, before) as team:
            team.wait_for_answers(20)
            kill_in_the_middle(settings, database, size)
            killed = database.migrations.find_one({}) or {}
            held, _, complaint = ended(settings, "migrate")
            team.wait_for_answers(20)
            # As if the time of its lease had passed; to wait for it would show no more.
            database.migrations.update_one({}, {"$set": {"lease_until": datetime.now(UTC)}})
            code, said, _ = ended(settings, "migrate", "--batch", str(size.batch), patience=1_200)
            team.wait_for_answers(20)

        assert (held, "is being applied by another process" in complaint) == (1, True)
        assert (killed["state"], killed["runs"]) == ("running", 1)
        assert 0 < killed["migrated"] < 0.9 * size.customers
        assert code == 0, said
        assert set(team.answers) == {200, 201}
        assert team.wrong == []
        after = {one["_id"]: one for one in database.customers.find()}
        assert {one["schema_version"] for one in after.values()} == {MIGRATION.schema_version}
        assert {id: {name: after[id][name] for name in SHOWN} for id in team.said} == team.said
        untouched = before.keys() - team.said.keys()
        assert len(untouched) > 0
        assert {id: after[id] for id in untouched} == {
            id: before[id] if "schema_version" in before[id] else MIGRATION.migrate(before[id])
            for id in untouched
        }
        assert after.keys() == before.keys() | team.said.keys()
        record = database.migrations.find_one({}) or {}
        assert (record["state"], record["failed"], record["runs"]) == ("applied", 0, 2)
        assert record["migrated"] + record["already_new"] == record["count"] >= len(before)
        assert record["position"] > killed["position"]


def fill(database: Database[Document], size: Size) -> dict[str, Document]:
    """Put customers of both forms into the database."""
    plan = Plan(customers=size.customers, orders=0)
    said = cycle(PREFERENCES)
    for numbers in plan.chunks(plan.customers):
        made = [{**to_document(one), "outbox": []} for one in people.customers(plan, numbers)]
        database.customers.insert_many(
            one if number % NEW_ONES == 0 else as_before(one, preferences=next(said))
            for number, one in zip(numbers, made, strict=True)
        )
    # As Kith of before left it: it had no migrations.
    database.migrations.delete_many({})
    return {one["_id"]: one for one in database.customers.find()}


def kill_in_the_middle(settings: Settings, database: Database[Document], size: Size) -> None:
    with started(settings, "migrate", "--batch", str(size.batch)) as process:
        while not (database.migrations.find_one({"migrated": {"$gt": 0}})):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.kill()
        process.communicate()


@dataclass
class Team:
    """All who work."""

    members: list[Clerk]
    futures: list["Future[None]"]

    @property
    def answers(self) -> Counter[int]:
        """How often they were answered with each status."""
        return sum((one.answers for one in self.members), Counter())

    @property
    def wrong(self) -> list[Any]:
        """What they saw that cannot be."""
        return [what for one in self.members for what in one.wrong]

    @property
    def said(self) -> dict[str, Document]:
        """What they left each customer as."""
        return {id: shown for one in self.members for id, shown in one.said.items()}

    def wait_for_answers(self, count: int) -> None:
        """Let them work for a while."""
        wanted = self.answers.total() + count
        while self.answers.total() < wanted:
            assert not any(future.done() for future in self.futures)
            time.sleep(0.01)


@contextmanager
def at_work(shop: Shop, before: dict[str, Document]) -> Iterator[Team]:
    """People who work until the end."""
    url, headers = shop
    ids = sorted(before)
    members = [
        Clerk(url=url, headers=headers, mine=ids[n::PEOPLE], chance=Random(n))  # noqa: S311
        for n in range(PEOPLE)
    ]
    stop = Event()
    with ThreadPoolExecutor(PEOPLE) as pool:
        team = Team(members, [pool.submit(one.work, stop) for one in members])
        try:
            yield team
        finally:
            stop.set()
    for future in team.futures:
        future.result()


@pytest.fixture
def database(settings: Settings, client: MongoClient[Document]) -> Database[Document]:
    """The customers' database, in a system that is set up."""
    list(setup.run(replace(settings, admin_password=PASSWORD)))
    return service_database(client, settings, "customers")


@pytest.fixture
def shop(database: Database[Document], settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    """The web processes of customers and of accounts, and somebody who is signed in."""
    assert database.name.startswith(settings.database_prefix)
    with serving(settings, tmp_path, "accounts", "customers") as urls:
        body = {"email": settings.admin_email, "password": PASSWORD}
        answer = requests.post(f"{urls['accounts']}/v1/tokens", json=body, timeout=60)
        token = answer.json()["access_token"]
        yield urls["customers"], {"Authorization": f"Bearer {token}"}
