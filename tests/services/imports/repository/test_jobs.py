"""Import jobs on the real server: leases, steps, and what is noted of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from pymongo.errors import DuplicateKeyError

from services.imports.repository.jobs import LEASE, JobRepository, NoSuchImport
from shared.document import Document
from shared.errors import Stale
from shared.events.contracts import ImportAdvanced
from shared.idempotency import IdempotencyKeyReused, creation_request
from shared.identifiers import new_id
from shared.messaging.retries import RESEND_AFTER
from tests.support.stall import NOW

Add = Callable[..., Document]
FINISHED = {"state": "finished"}


class TestAdd:
    def test_answers_with_what_is_read_later(self, jobs: JobRepository, add_job: Add) -> None:
        added = add_job()

        assert jobs.get(added["_id"]) == added
        assert (added["state"], added["version"]) == ("staging", 1)
        assert set(added["progress"].values()) == {0}

    def test_shows_nobody_the_delegation(self, add_job: Add) -> None:
        assert "delegation" not in add_job()

    def test_sends_the_event_along(self, jobs: JobRepository, add_job: Add) -> None:
        (entry,) = outbox(jobs, add_job()["_id"])

        assert (entry["name"], entry["to"], entry["data"]["step"]) == (
            "ImportAdvanced",
            "imports",
            1,
        )

    def test_a_repeated_request_gets_the_first_answer(
        self, jobs: JobRepository, add_job: Add
    ) -> None:
        request = creation_request("once", caller_id="ann", payload={"sha256": "0"})
        first = add_job(request=request)
        jobs.record(first["_id"], step=1, fields={"position": "100"})

        again = add_job(request=request)

        assert again == first
        assert jobs.collection.count_documents({}) == 1

    def test_a_key_is_not_taken_for_another_file(self, add_job: Add) -> None:
        add_job(request=creation_request("once", caller_id="ann", payload={"sha256": "0"}))

        with pytest.raises(IdempotencyKeyReused):
            add_job(request=creation_request("once", caller_id="ann", payload={"sha256": "1"}))

    def test_an_id_is_given_once(self, add_job: Add) -> None:
        id = add_job()["_id"]

        with pytest.raises(DuplicateKeyError):
            add_job(id=id)


class TestFirstAnswer:
    def test_knows_no_request_that_was_never_made(self, jobs: JobRepository) -> None:
        assert jobs.first_answer(None) is None
        assert jobs.first_answer(creation_request("new", caller_id="ann", payload={})) is None


class TestGet:
    def test_says_that_there_is_none(self, jobs: JobRepository) -> None:
        with pytest.raises(NoSuchImport):
            jobs.get(new_id())


class TestSearch:
    def test_pages_from_the_newest_to_the_oldest(self, jobs: JobRepository, add_job: Add) -> None:
        # Two a minute, so that the time alone does not tell the order.
        added = [add_job(now=NOW + timedelta(minutes=n // 2)) for n in range(5)]
        expected = sorted(added, key=lambda job: (job["created_at"], job["_id"]), reverse=True)

        first = jobs.search({}, after=None, limit=3)
        second = jobs.search({}, after=first.next, limit=3)

        assert [*first.items, *second.items] == expected
        assert second.next is None


class TestLease:
    def test_gives_a_step_to_one_worker(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]

        first = jobs.lease(id, step=1, now=NOW)
        second = jobs.lease(id, step=1, now=NOW + LEASE - timedelta(milliseconds=1))

        assert first is not None
        assert first["delegation"] == "session.secret"
        assert second is None

    def test_gives_it_to_another_when_the_first_is_silent(
        self, jobs: JobRepository, add_job: Add
    ) -> None:
        id = add_job()["_id"]
        jobs.lease(id, step=1, now=NOW)

        assert jobs.lease(id, step=1, now=NOW + LEASE) is not None

    def test_runs_out_before_the_event_comes_again(self) -> None:
        assert LEASE < RESEND_AFTER

    @pytest.mark.parametrize("step", [0, 2])
    def test_gives_no_other_step_than_the_one_due(
        self, jobs: JobRepository, add_job: Add, step: int
    ) -> None:
        assert jobs.lease(add_job()["_id"], step=step, now=NOW) is None

    @pytest.mark.parametrize("state", ["finished", "failed"])
    def test_gives_nothing_of_what_has_ended(
        self, jobs: JobRepository, add_job: Add, state: str
    ) -> None:
        id = add_job()["_id"]
        jobs.advance(id, step=1, fields={"state": state}, event=advanced(id, step=2))

        assert jobs.lease(id, step=2, now=NOW + timedelta(days=9_999)) is None
        assert not jobs.is_waiting(id, step=2)
        assert jobs.has_ended(id)

    def test_shows_no_event_and_no_request(self, jobs: JobRepository, add_job: Add) -> None:
        request = creation_request("once", caller_id="ann", payload={})

        job = jobs.lease(add_job(request=request)["_id"], step=1, now=NOW)

        assert job is not None
        assert not {"outbox", "request"} & job.keys()


class TestIsWaiting:
    def test_says_whether_a_step_is_to_be_done(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]

        assert jobs.is_waiting(id, step=1)
        assert not jobs.is_waiting(id, step=2)
        assert not jobs.is_waiting(new_id(), step=1)
        assert not jobs.has_ended(id)


class TestRecord:
    def test_notes_and_keeps_the_lease(self, jobs: JobRepository, add_job: Add) -> None:
        added = add_job()
        before = jobs.lease(added["_id"], step=1, now=NOW)

        jobs.record(added["_id"], step=1, fields={"position": "17"})

        after = jobs.collection.find_one({"_id": added["_id"]})
        assert before is not None
        assert after is not None
        assert after["position"] == "17"
        assert after["lease_until"] > before["lease_until"]

    def test_changes_the_etag_and_not_the_version(self, jobs: JobRepository, add_job: Add) -> None:
        added = add_job()

        jobs.record(added["_id"], step=1, fields={})

        after = jobs.get(added["_id"])
        assert (after["version"], after["revision"]) == (1, added["revision"] + 1)

    def test_is_refused_once_the_step_is_over(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]
        jobs.advance(id, step=1, fields={}, event=advanced(id, step=2))

        with pytest.raises(Stale):
            jobs.record(id, step=1, fields={"position": "17"})


class TestAdvance:
    def test_ends_the_step_and_says_that_the_next_is_due(
        self, jobs: JobRepository, add_job: Add
    ) -> None:
        id = add_job()["_id"]

        jobs.advance(id, step=1, fields={"state": "customers"}, event=advanced(id, step=2))

        assert jobs.get(id)["state"] == "customers"
        assert [entry["data"]["step"] for entry in outbox(jobs, id)] == [1, 2]
        assert jobs.is_waiting(id, step=2)

    def test_lets_go_of_the_lease(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]
        jobs.lease(id, step=1, now=NOW)

        jobs.advance(id, step=1, fields={}, event=advanced(id, step=2))

        now = jobs.get(id)["updated_at"]
        assert jobs.lease(id, step=2, now=now) is not None

    def test_happens_once(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]
        jobs.advance(id, step=1, fields={}, event=advanced(id, step=2))

        with pytest.raises(Stale):
            jobs.advance(id, step=1, fields=FINISHED, event=advanced(id, step=2))

        assert jobs.get(id)["state"] == "staging"
        assert len(outbox(jobs, id)) == 2


class TestDelegation:
    def test_is_there_until_it_is_forgotten(self, jobs: JobRepository, add_job: Add) -> None:
        id = add_job()["_id"]

        before = jobs.delegation(id)
        jobs.forget_delegation(id)

        assert (before, jobs.delegation(id)) == ("session.secret", None)

    def test_a_job_that_is_not_there_has_none(self, jobs: JobRepository) -> None:
        assert jobs.delegation(new_id()) is None


def outbox(jobs: JobRepository, id: str) -> list[Document]:
    """What a job has to say."""
    entries: list[Document] = (jobs.collection.find_one({"_id": id}) or {})["outbox"]
    return entries


def advanced(id: str, *, step: int) -> ImportAdvanced:
    """The event that a step is due."""
    return ImportAdvanced(import_id=id, step=step, version=step, occurred_at=NOW.isoformat())
