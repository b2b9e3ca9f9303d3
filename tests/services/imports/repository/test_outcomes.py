"""What became of the customers and orders of import jobs, on the real server."""

from typing import Any

from services.imports.repository.outcomes import OutcomeRepository
from shared.document import Document
from shared.identifiers import new_id

JOB, OTHER_JOB = new_id(), new_id()


class TestKeep:
    def test_replaces_what_was_said_of_the_same_order(self, outcomes: OutcomeRepository) -> None:
        outcomes.keep(JOB, [outcome("sale", "1"), outcome("sale", "2")])
        outcomes.keep(JOB, [outcome("sale", "1", status="unchanged")])

        assert counted(outcomes) == {("sale", "created", False): 1, ("sale", "unchanged", False): 1}

    def test_tells_a_customer_from_an_order_of_that_name(self, outcomes: OutcomeRepository) -> None:
        outcomes.keep(JOB, [outcome("customer", "id:1"), outcome("sale", "id:1")])

        assert counted(outcomes) == {
            ("customer", "created", False): 1,
            ("sale", "created", False): 1,
        }

    def test_takes_none(self, outcomes: OutcomeRepository) -> None:
        outcomes.keep(JOB, [])

        assert outcomes.counts(JOB) == []


class TestCustomerIds:
    def test_gives_those_that_were_asked_for(self, outcomes: OutcomeRepository) -> None:
        ann, bo = outcome("customer", "id:ann"), outcome("customer", "id:bo")
        refused = outcome("customer", "id:cy", status="refused", id=None)
        outcomes.keep(JOB, [ann, bo, refused, outcome("sale", "id:dee")])
        outcomes.keep(OTHER_JOB, [outcome("customer", "id:eve")])

        ids = outcomes.customer_ids(JOB, ["id:ann", "id:cy", "id:dee", "id:eve"])

        assert ids == {"id:ann": ann["id"]}


class TestCounts:
    def test_counts_by_kind_status_and_guest(self, outcomes: OutcomeRepository) -> None:
        outcomes.keep(JOB, [outcome("sale", str(n)) for n in range(3)])
        outcomes.keep(JOB, [outcome("sale", "3", guest=True), outcome("return", "4")])
        outcomes.keep(JOB, [outcome("return", "5", status="refused", id=None)])
        outcomes.keep(OTHER_JOB, [outcome("sale", "1")])

        assert counted(outcomes) == {
            ("sale", "created", False): 3,
            ("sale", "created", True): 1,
            ("return", "created", False): 1,
            ("return", "refused", False): 1,
        }

    def test_a_customer_of_several_names_counts_once(self, outcomes: OutcomeRepository) -> None:
        id = new_id()
        outcomes.keep(
            JOB,
            [
                outcome("customer", "email:ann@example.com", status="unchanged", id=id),
                outcome("customer", "id:7", status="created", id=id),
                outcome("customer", "id:8", status="unchanged", id=id),
            ],
        )

        assert counted(outcomes) == {("customer", "created", False): 1}

    def test_counts_each_that_was_refused(self, outcomes: OutcomeRepository) -> None:
        outcomes.keep(
            JOB, [outcome("customer", key, status="refused", id=None) for key in ("id:7", "id:8")]
        )

        assert counted(outcomes) == {("customer", "refused", False): 2}


def outcome(kind: str, key: str, **changes: Any) -> Document:
    """What became of one; it was created unless told."""
    usual = {
        "kind": kind,
        "key": key,
        "guest": False,
        "status": "created",
        "id": new_id(),
        "reason": None,
    }
    return usual | changes


def counted(outcomes: OutcomeRepository) -> dict[tuple[str, str, bool], int]:
    """The counts of the job by kind, status and guest."""
    return {
        (group["_id"]["kind"], group["_id"]["status"], group["_id"]["guest"]): group["n"]
        for group in outcomes.counts(JOB)
    }
