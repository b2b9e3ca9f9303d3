"""Handling of the event that a step of an import is due."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.imports.context import ImportContext
from services.imports.repository.jobs import JobRepository
from services.imports.shop_client import Shop
from services.imports.subscribers import end_dead_lettered, go_on
from shared.api_client import ApiUnreachable
from shared.document import Document
from shared.events.contracts import ImportAdvanced
from shared.identifiers import new_id
from shared.messaging.consumer import RetryLater
from tests.support.stall import SHOP_ACCOUNT

Ask = Callable[..., str]
Take = Callable[..., Document]
Step = Callable[[str], str]
Finish = Callable[[str], Document]


class TestGoOn:
    def test_does_the_step_that_is_due(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id = ask()

        go_on(context, [due(id, 1)])

        assert jobs.get(id)["state"] == "customers"

    def test_does_all_that_are_due(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        ids = [ask(), ask()]

        go_on(context, [due(id, 1) for id in ids])

        assert {jobs.get(id)["state"] for id in ids} == {"customers"}

    def test_does_nothing_for_a_step_that_was_done(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id = ask()
        go_on(context, [due(id, 1)])
        before = jobs.get(id)

        go_on(context, [due(id, 1)])

        assert jobs.get(id) == before

    def test_does_nothing_for_a_job_that_is_not_there(self, context: ImportContext) -> None:
        go_on(context, [due(new_id(), 1)])

    def test_waits_for_a_step_that_another_has_in_hand(
        self, ask: Ask, context: ImportContext, take: Take
    ) -> None:
        id = ask()
        take(id)

        with pytest.raises(RetryLater):
            go_on(context, [due(id, 1)])

    def test_a_service_that_is_away_is_waited_for(
        self, ask: Ask, context: ImportContext, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)

        with pytest.raises(RetryLater, match="does not answer"):
            go_on(replace(context, enter=lambda _: silent()), [due(id, 2)])

        assert jobs.get(id)["state"] == "customers"

    def test_a_step_that_another_has_taken_over_is_left_to_them(
        self, ask: Ask, context: ImportContext, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)

        def overtaken(_: str) -> Shop:
            jobs.advance(id, step=2, fields={"state": "orders"}, event=due(id, 3))
            return context.enter(jobs.delegation(id) or "")

        with pytest.raises(RetryLater, match="taken over"):
            go_on(replace(context, enter=overtaken), [due(id, 2)])

    def test_cleans_up_after_the_end(
        self, ask: Ask, context: ImportContext, finish: Finish, jobs: JobRepository, refreshes: Any
    ) -> None:
        id = ask()
        delegation = context.seal.open(jobs.delegation(id) or "")
        assert refreshes(delegation) == 201

        job = finish(id)

        assert job["reconciliation"] == SHOP_ACCOUNT
        assert jobs.delegation(id) is None
        assert refreshes(delegation) == 401
        assert [group["rows"] for group in context.rows.totals(id)] == [1, 1]

    def test_cleans_up_later_when_accounts_is_away(
        self, ask: Ask, context: ImportContext, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        while step(id) != "finished":
            pass

        def leave(_: str) -> None:
            raise ApiUnreachable("http://accounts does not answer.")

        with pytest.raises(RetryLater):
            go_on(replace(context, leave=leave), [due(id, 4)])
        go_on(context, [due(id, 4)])

        assert jobs.delegation(id) is None

    def test_stops_when_whoever_asked_signs_out(
        self,
        ask: Ask,
        http_as: Any,
        accounts: FlaskClient,
        context: ImportContext,
        step: Step,
        finish: Finish,
    ) -> None:
        credentials = {"email": "sales@stall.example", "password": "correct horse"}
        tokens: Any = accounts.post("/v1/tokens", json=credentials).get_json()
        browser = http_as(None)
        browser.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {tokens['access_token']}"
        id = ask(browser=browser)
        while step(id) != "orders":
            pass

        accounts.post("/v1/tokens/revoke", json={"refresh_token": tokens["refresh_token"]})
        job = finish(id)
        again = finish(ask())

        assert job["state"] == "failed"
        assert job["failure"].startswith("Who asked for this import signed out")
        assert context.jobs.delegation(id) is None
        # Nothing is lost: asked for again, it goes on from there.
        assert again["state"] == "finished"
        assert again["reconciliation"]["created"] == {"orders": 5, "customers": 0}

    def test_goes_on_with_a_delegation_of_the_release_before(
        self, ask: Ask, context: ImportContext, finish: Finish, jobs: JobRepository
    ) -> None:
        id = ask()
        plain = context.seal.open(jobs.delegation(id) or "")
        jobs.collection.update_one({"_id": id}, {"$set": {"delegation": plain}})

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT


class TestEndDeadLettered:
    def test_tells_whoever_asked(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id = ask()

        end_dead_lettered(context, due(id, 1), "KeyError: 'x'")

        job = jobs.get(id)
        assert job["state"] == "failed"
        assert "(KeyError: 'x')" in job["failure"]

    def test_has_the_rest_cleaned_up(
        self, ask: Ask, context: ImportContext, step: Step, finish: Finish, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)

        end_dead_lettered(context, due(id, 2), "it failed")
        finish(id)

        assert jobs.delegation(id) is None
        assert jobs.get(id)["state"] == "failed"

    def test_lets_a_job_be_that_has_gone_on(
        self, ask: Ask, context: ImportContext, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)

        end_dead_lettered(context, due(id, 1), "it failed")

        assert jobs.get(id)["state"] == "customers"

    def test_lets_a_job_be_that_has_ended(
        self, ask: Ask, context: ImportContext, finish: Finish, jobs: JobRepository
    ) -> None:
        job = finish(ask())

        end_dead_lettered(context, due(job["_id"], 4), "it failed")

        assert jobs.get(job["_id"]) == job

    def test_what_was_done_stays_and_the_file_can_come_again(
        self, ask: Ask, context: ImportContext, step: Step, finish: Finish
    ) -> None:
        id = ask()
        while step(id) != "orders":
            pass
        end_dead_lettered(context, due(id, 3), "it failed")

        again = finish(ask())

        assert again["reconciliation"]["created"] == {"orders": 5, "customers": 0}


def due(id: str, step: int) -> ImportAdvanced:
    """The event that a step is due."""
    return ImportAdvanced(import_id=id, step=step, version=step, occurred_at="")


def silent() -> Shop:
    """A shop that does not answer."""

    def call(*_: Any) -> list[Document]:
        raise ApiUnreachable("http://customers does not answer.")

    return Shop(add_customers=call, add_orders=call)


@pytest.fixture
def refreshes(accounts: FlaskClient) -> Callable[[str], int]:
    """`refreshes(delegation)`: the status with which accounts answers whoever uses it."""
    return lambda token: (
        accounts.post("/v1/tokens/refresh", json={"refresh_token": token}).status_code
    )
