"""The work of an import among real neighbours: its steps, what may go wrong, and its end."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pymongo.database import Database

from services.imports import staging, steps
from services.imports.context import ImportContext
from services.imports.reading import unpacking
from services.imports.repository.files import WatchedFile
from services.imports.repository.jobs import JobRepository
from services.imports.repository.rows import RowRepository
from services.imports.sealing import Seal
from services.imports.shop_client import Shop
from services.imports.steps import clean_up, failed, next_step, run_step
from shared.api_client import ApiRefused, ApiUnreachable
from shared.document import Document
from shared.errors import Stale
from tests.support.stall import MAPPING, SHOP, SHOP_ACCOUNT, SHOP_AGAIN, row, shop_file

Own = Database[Document]
Ask = Callable[..., str]
Take = Callable[..., Document]
Step = Callable[[str], str]
Finish = Callable[[str], Document]
Browse = Callable[[str], Any]


class Killed(BaseException):
    """The worker is gone in the middle of what it did."""


class TestWork:
    def test_goes_from_rows_to_customers_to_orders(self, ask: Ask, step: Step) -> None:
        id = ask()

        assert [step(id), step(id), step(id)] == ["customers", "orders", "finished"]

    def test_accounts_for_every_row(self, ask: Ask, finish: Finish) -> None:
        job = finish(ask())

        assert job["reconciliation"] == SHOP_ACCOUNT
        assert job["progress"] == {
            "rows": 8,
            "rows_of": 8,
            "rejected": 2,
            "customers": 3,
            "customers_of": 3,
            "orders": 5,
            "orders_of": 5,
        }

    def test_leaves_customers_and_their_orders_in_the_shop(
        self, ask: Ask, finish: Finish, browse: Browse
    ) -> None:
        finish(ask())

        people = {person["_id"]: person for person in browse("customers").find()}
        orders = {order["number"]: order for order in browse("orders").find()}
        buyers = {
            number: people[order["customer_id"]]["last_name"] if order["customer_id"] else None
            for number, order in orders.items()
        }
        assert buyers == {"1": "Lee7", "2": "Lee8", "C3": "Lee7", "4": None, "5": "Dee"}
        assert len(people) == 3
        assert orders["C3"]["kind"] == "return"
        assert [line["sku"] for line in orders["1"]["lines"]] == ["LANTERN", "BUTTON"]
        assert {order["source"] for order in orders.values()} == {"stall"}

    def test_adds_nothing_when_the_file_comes_again(
        self, ask: Ask, finish: Finish, browse: Browse
    ) -> None:
        finish(ask())

        again = finish(ask())

        assert again["reconciliation"] == SHOP_AGAIN
        assert browse("customers").count_documents({}) == 3
        assert browse("orders").count_documents({}) == 5

    def test_adds_what_is_new_when_a_longer_file_comes(self, ask: Ask, finish: Finish) -> None:
        finish(ask())

        longer = finish(ask(SHOP + row("6", "9").encode()))

        assert longer["reconciliation"]["created"] == {"orders": 1, "customers": 1}
        assert longer["reconciliation"]["unchanged"] == {"orders": 5, "customers": 3}

    @pytest.mark.parametrize("rows", [(), ("", " ,,,,,,,")], ids=["header", "blank rows"])
    def test_a_file_of_nothing_is_finished(
        self, ask: Ask, finish: Finish, rows: tuple[str, ...]
    ) -> None:
        job = finish(ask(shop_file(*rows)))

        assert job["state"] == "finished"
        assert (job["reconciliation"]["rows"], job["reconciliation"]["totals"]) == (0, [])

    def test_a_file_of_rejected_rows_is_finished(self, ask: Ask, finish: Finish) -> None:
        job = finish(ask(shop_file(row("1", quantity="0"), row("2", placed_at="never"))))

        assert (job["state"], job["reconciliation"]["rejected"]) == ("finished", 2)
        assert job["reconciliation"]["customers"] == 0

    def test_takes_the_same_file_gzipped(self, ask: Ask, finish: Finish) -> None:
        assert finish(ask(gzip.compress(SHOP)))["reconciliation"] == SHOP_ACCOUNT

    def test_a_customer_by_id_and_by_email_is_one(
        self, ask: Ask, finish: Finish, browse: Browse
    ) -> None:
        email = "ann@example.com"

        job = finish(
            ask(
                shop_file(
                    row("1", customer="", name="Ann Lee", email=email),
                    row("2", customer="7", email=email),
                    row("3", customer="8", email=email.upper()),
                )
            )
        )

        assert job["reconciliation"]["customers"] == 1
        assert job["reconciliation"]["created"]["customers"] == 1
        assert len({order["customer_id"] for order in browse("orders").find()}) == 1

    def test_names_that_are_no_names_in_a_database_are_taken(
        self, ask: Ask, finish: Finish
    ) -> None:
        mapping = MAPPING | {"statuses": {"a.b": "paid", "$set": "paid", "": "paid"}}

        assert finish(ask(mapping=json.dumps(mapping)))["state"] == "finished"


class TestSteps:
    @pytest.mark.usefixtures("small")
    def test_a_long_phase_takes_several_steps(
        self, ask: Ask, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        states = [step(id)]
        while states[-1] != "finished":
            states.append(step(id))

        assert states.count("staging") > 1
        assert states.count("customers") > 1
        assert states.count("orders") > 1
        assert jobs.get(id)["reconciliation"] == SHOP_ACCOUNT

    @pytest.mark.usefixtures("small")
    def test_progress_never_goes_back(self, ask: Ask, step: Step, jobs: JobRepository) -> None:
        id = ask()
        seen = [jobs.get(id)["progress"]]
        while step(id) != "finished":
            seen.append(jobs.get(id)["progress"])

        for name in ("rows", "customers", "orders"):
            counts = [progress[name] for progress in seen]
            assert counts == sorted(counts)

    def test_long_rows_are_held_a_few_at_a_time(
        self,
        ask: Ask,
        step: Step,
        jobs: JobRepository,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        id = ask(shop_file(*[row("1", sku="x" * 90)] * 6))
        monkeypatch.setattr(staging, "CHARACTERS_AT_ONCE", 200)

        step(id)

        # It is noted after every batch, and each row has 120 signs.
        assert jobs.get(id)["revision"] == 3
        assert jobs.get(id)["progress"]["rows"] == 6

    def test_says_as_an_event_that_the_next_is_due(
        self, ask: Ask, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()

        step(id)

        document = jobs.collection.find_one({"_id": id}) or {}
        assert [entry["data"]["step"] for entry in document["outbox"]] == [1, 2]


class TestStaging:
    @pytest.mark.usefixtures("small")
    def test_does_not_read_the_file_again_in_every_step(
        self, ask: Ask, step: Step, context: ImportContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(staging, "ROWS_AT_ONCE", 1_000)
        monkeypatch.setattr(unpacking, "PIECE_BYTES", 4_096)
        content = shop_file(*[row(str(number)) for number in range(6_000)])
        id, bytes_read = ask(content), list[int]()
        read = WatchedFile.read

        def counted(file: WatchedFile, size: int, /) -> bytes:
            part = read(file, size)
            bytes_read.append(len(part))
            return part

        monkeypatch.setattr(WatchedFile, "read", counted)
        while context.jobs.get(id)["state"] == "staging":
            step(id)

        # Every step looks at the header once more, and at the piece in which it stopped.
        assert len(content) < sum(bytes_read) < 1.5 * len(content)

    @pytest.mark.usefixtures("small")
    def test_estimates_the_rows_of_the_file_until_all_are_read(
        self, ask: Ask, step: Step, jobs: JobRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(staging, "ROWS_AT_ONCE", 1_000)
        monkeypatch.setattr(unpacking, "PIECE_BYTES", 4_096)
        id = ask(shop_file(*[row(str(number)) for number in range(6_000)]))

        estimates = [jobs.get(id)["progress"]["rows_of"]]
        while step(id) == "staging":
            estimates.append(jobs.get(id)["progress"]["rows_of"])

        assert estimates[0] == 0
        assert all(abs(estimate - 6_000) < 600 for estimate in estimates[1:])
        assert jobs.get(id)["progress"]["rows_of"] == 6_000

    @pytest.mark.usefixtures("small")
    @pytest.mark.parametrize("rows_of", [8, 0])
    def test_goes_on_behind_the_row_that_an_earlier_release_stored(
        self, ask: Ask, step: Step, finish: Finish, jobs: JobRepository, rows_of: int
    ) -> None:
        id = ask()
        step(id)
        jobs.collection.update_one(
            {"_id": id}, {"$set": {"position": "2", "progress.rows_of": rows_of}}
        )

        assert step(id) == "staging"
        assert finish(id)["reconciliation"] == SHOP_ACCOUNT


class TestDeadWorker:
    """A step that was left in the middle is done to its end by another worker."""

    @pytest.mark.parametrize("staged", [1, 3, 8])
    def test_between_staging_rows_and_noting_it(
        self,
        ask: Ask,
        context: ImportContext,
        database: Own,
        take: Take,
        finish: Finish,
        staged: int,
    ) -> None:
        id = ask()
        dying = replace(context, rows=DyingRows(database, after=staged))
        with pytest.raises(Killed):
            run_step(dying, take(id))

        run_step(context, take(id, later=True))

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT

    @pytest.mark.usefixtures("small")
    @pytest.mark.parametrize("phase", ["customers", "orders"])
    def test_between_sending_a_batch_and_noting_it(
        self, ask: Ask, context: ImportContext, take: Take, step: Step, finish: Finish, phase: str
    ) -> None:
        id = ask()
        while step(id) != phase:
            pass
        with pytest.raises(Killed):
            run_step(
                replace(context, enter=lambda given: dying_shop(context.enter(given))), take(id)
            )

        run_step(context, take(id, later=True))

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT

    def test_between_sending_all_and_finishing(
        self,
        ask: Ask,
        context: ImportContext,
        database: Own,
        take: Take,
        step: Step,
        finish: Finish,
    ) -> None:
        id = ask()
        while step(id) != "orders":
            pass
        with pytest.raises(Killed):
            run_step(replace(context, rows=DyingRows(database, after=0)), take(id))

        run_step(context, take(id, later=True))

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT


class TestLostLease:
    """A worker that was silent for long finds that another has done its step."""

    @pytest.mark.parametrize("phase", ["staging", "customers", "orders"])
    def test_its_work_is_not_noted(
        self, ask: Ask, context: ImportContext, take: Take, step: Step, finish: Finish, phase: str
    ) -> None:
        id = ask()
        while context.jobs.get(id)["state"] != phase:
            step(id)
        slow, quick = take(id), take(id, later=True)
        run_step(context, quick)
        after = context.jobs.get(id)

        with pytest.raises(Stale):
            run_step(context, slow)

        assert context.jobs.get(id) == after
        assert finish(id)["reconciliation"] == SHOP_ACCOUNT

    @pytest.mark.usefixtures("small")
    def test_two_at_the_same_step_spoil_nothing(
        self, ask: Ask, context: ImportContext, take: Take, finish: Finish
    ) -> None:
        id = ask()
        slow = take(id)
        run_step(context, take(id, later=True))
        run_step(context, take(id))
        with pytest.raises(Stale):
            run_step(context, slow)

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT


class TestBrokenFile:
    """It is refused whole: what of it is sound is not sent either."""

    @pytest.mark.parametrize(
        ("content", "mapping", "sentence"),
        [
            (
                shop_file(*[row(str(n)) for n in range(3_000)]).replace(
                    b"\n2999,", b"\n\xff\xfe29,"
                ),
                MAPPING | {"format": {"encoding": "utf-8"}},
                "The file is not valid utf-8 near row 3000; if it has another encoding, name it "
                "under format.encoding in the mapping.",
            ),
            (
                gzip.compress(shop_file(*[row(str(n)) for n in range(30_000)]))[:-500],
                MAPPING,
                "The file is a broken gzip: it cannot be unzipped after row ",
            ),
            (
                gzip.compress(shop_file(*[row(str(n)) for n in range(30_000)]))[:-8] + b"\0" * 8,
                MAPPING,
                "The file is a broken gzip: it cannot be unzipped after row ",
            ),
            (
                shop_file(*[row(str(n)) for n in range(1_000)], 'x,"never closed'),
                MAPPING,
                "The file cannot be read as CSV from row 1001 on: a quotation mark opens a text "
                "that nothing closes.",
            ),
        ],
        ids=["encoding", "truncated gzip", "bad checksum", "open quote"],
    )
    def test_fails_with_a_sentence(
        self,
        ask: Ask,
        finish: Finish,
        browse: Browse,
        rows: RowRepository,
        content: bytes,
        mapping: Document,
        sentence: str,
    ) -> None:
        id = ask(content, mapping=json.dumps(mapping))

        job = finish(id)

        assert job["state"] == "failed"
        assert job["failure"].startswith(sentence)
        assert job["reconciliation"] is None
        assert rows.totals(id) == []
        assert browse("customers").count_documents({}) == 0

    def test_is_forgotten_whole_whatever_kills_the_worker_then(
        self,
        ask: Ask,
        context: ImportContext,
        database: Own,
        take: Take,
        finish: Finish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sound = [row("1"), row("2", quantity="many")] * 20
        id = ask(shop_file(*sound, 'x,"never closed'))
        monkeypatch.setattr(staging, "ROWS_AT_ONCE", 2)
        with pytest.raises(Killed):
            run_step(replace(context, rows=ForgettingRows(database)), take(id))

        run_step(context, take(id, later=True))

        assert finish(id)["state"] == "failed"
        assert context.rows.totals(id) == []

    def test_a_bomb_is_not_unpacked(self, ask: Ask, context: ImportContext, take: Take) -> None:
        bomb = gzip.compress(shop_file(*[row("1")] * 50_000))
        id = ask(bomb)

        run_step(replace(context, max_bytes=100_000), take(id))

        job = context.jobs.get(id)
        assert len(bomb) < 100_000
        assert (job["state"], job["failure"]) == (
            "failed",
            "The file, unzipped, is larger than 100,000 bytes.",
        )


class TestRefusal:
    def test_a_refused_customer_takes_their_rows_along(
        self,
        ask: Ask,
        context: ImportContext,
        take: Take,
        step: Step,
        finish: Finish,
        rows: RowRepository,
    ) -> None:
        id = ask()
        step(id)
        run_step(replace(context, enter=lambda given: without_ann(context.enter(given))), take(id))

        job = finish(id)

        assert [(found["row"], found["reason"]) for found in rows.rejected(id)][:2] == [
            (1, "The customer was refused. Not her. last_name: Nobody is called that."),
            (2, "The customer was refused. Not her. last_name: Nobody is called that."),
        ]
        account = job["reconciliation"]
        assert (account["rows"], account["accepted"], account["rejected"]) == (8, 3, 5)
        assert (account["customers"], account["orders"]) == (2, 3)
        assert account["totals"][0]["file"] == SHOP_ACCOUNT["totals"][0]["file"]

    def test_an_order_that_says_something_else_than_before_is_refused(
        self, ask: Ask, finish: Finish, rows: RowRepository
    ) -> None:
        finish(ask(shop_file(row("1"), row("2"))))
        id = ask(shop_file(row("1"), row("2", quantity="5")))

        account = finish(id)["reconciliation"]

        (refused,) = rows.rejected(id)
        assert refused["reason"].startswith("The order was refused. ")
        assert refused["row"] == 2
        assert (account["orders"], account["unchanged"]["orders"]) == (1, 1)
        assert (account["accepted"], account["rejected"]) == (1, 1)

    def test_an_order_of_two_customers_is_refused(
        self, ask: Ask, finish: Finish, rows: RowRepository
    ) -> None:
        id = ask(shop_file(row("1", "7"), row("1", "8"), row("2", "7")))

        account = finish(id)["reconciliation"]

        assert [found["reason"] for found in rows.rejected(id)] == [
            'The rows of "1" have several customers: id:7, id:8.'
        ] * 2
        assert (account["orders"], account["rejected"]) == (1, 2)

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            (
                401,
                "Who asked for this import signed out, left, or has a new password, so it was "
                "stopped. What was done stays; ask for it again, and it goes on from there. (No.)",
            ),
            (403, "Whoever asked for this import may no longer do so: No."),
        ],
    )
    def test_of_whoever_asked_ends_the_job(
        self, ask: Ask, context: ImportContext, take: Take, step: Step, status: int, sentence: str
    ) -> None:
        id = ask()
        step(id)
        gone = ApiRefused(status, {"detail": "No."})

        run_step(replace(context, enter=lambda _: closed_shop(gone)), take(id))

        job = context.jobs.get(id)
        assert (job["state"], job["failure"]) == ("failed", sentence)

    def test_of_another_kind_is_a_fault(
        self, ask: Ask, context: ImportContext, take: Take, step: Step
    ) -> None:
        id = ask()
        step(id)
        fault = ApiRefused(500, {"detail": "Something went wrong here."})

        with pytest.raises(ApiRefused):
            run_step(replace(context, enter=lambda _: closed_shop(fault)), take(id))

        assert context.jobs.get(id)["state"] == "customers"

    def test_a_revoked_delegation_ends_the_job(
        self, ask: Ask, context: ImportContext, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)
        context.leave(jobs.delegation(id) or "")

        assert step(id) == "failed"
        assert "signed out" in jobs.get(id)["failure"]

    def test_another_key_ends_the_job(
        self, ask: Ask, context: ImportContext, take: Take, step: Step, jobs: JobRepository
    ) -> None:
        id = ask()
        step(id)
        other = Seal(lambda: "another secret")
        sealed = replace(context, enter=lambda stored: context.enter(other.open(stored)))

        run_step(sealed, take(id))

        assert jobs.get(id)["state"] == "failed"
        assert "cannot be read" in jobs.get(id)["failure"]


class TestOutage:
    def test_leaves_the_step_to_be_done_again(
        self, ask: Ask, context: ImportContext, take: Take, step: Step, finish: Finish
    ) -> None:
        id = ask()
        step(id)
        silent = closed_shop(ApiUnreachable("http://customers does not answer."))
        with pytest.raises(ApiUnreachable):
            run_step(replace(context, enter=lambda _: silent), take(id))

        run_step(context, take(id, later=True))

        assert finish(id)["reconciliation"] == SHOP_ACCOUNT


class TestCleanUp:
    def test_gives_the_delegation_back(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id, given_back = ask(), list[str]()
        delegation = jobs.delegation(id)

        clean_up(replace(context, leave=given_back.append), id)
        clean_up(replace(context, leave=given_back.append), id)

        assert given_back == [delegation]
        assert jobs.delegation(id) is None

    def test_forgets_one_that_cannot_be_opened(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id, other = ask(), Seal(lambda: "another secret")

        clean_up(replace(context, leave=lambda stored: context.leave(other.open(stored))), id)

        assert jobs.delegation(id) is None

    def test_puts_accepted_rows_away(
        self, ask: Ask, step: Step, context: ImportContext, rows: RowRepository
    ) -> None:
        id = ask()
        step(id)

        clean_up(context, id)

        assert {group["_id"]["rejected"] for group in rows.totals(id)} == {True}
        assert [found["row"] for found in rows.rejected(id)] == [3, 6]

    def test_is_left_to_be_done_again_while_accounts_is_away(
        self, ask: Ask, context: ImportContext, jobs: JobRepository
    ) -> None:
        id = ask()

        def silent(_: str) -> None:
            raise ApiUnreachable("http://accounts does not answer.")

        with pytest.raises(ApiUnreachable):
            clean_up(replace(context, leave=silent), id)

        assert jobs.delegation(id) is not None


class TestFailed:
    def test_is_no_longer_than_the_database_takes(self) -> None:
        assert len(failed("x" * 5_000)["failure"]) == 1_000


class TestNextStep:
    def test_is_one_further(self) -> None:
        event = next_step("a" * 24, 3)

        assert (event.step, event.version) == (4, 4)


class DyingRows(RowRepository):
    """Rows whose worker dies: having staged `after` of a batch, or before it adds them up."""

    def __init__(self, database: Database[Document], *, after: int) -> None:
        super().__init__(database)
        self._after = after

    def stage(self, job: str, rows: Sequence[Document]) -> None:
        """Stage some, and die."""
        super().stage(job, rows[: self._after])
        raise Killed

    def totals(self, _job: str) -> list[Document]:
        """Die."""
        raise Killed


class ForgettingRows(RowRepository):
    """Rows whose worker dies as soon as it has deleted them."""

    def forget(self, job: str) -> None:
        """Forget them, and die."""
        super().forget(job)
        raise Killed


def dying_shop(shop: Shop) -> Shop:
    """The shop, for a worker that dies as soon as it has the answer."""

    def dying(send: Callable[[str, Sequence[Document]], list[Document]]) -> Any:
        def call(batch: str, entries: Sequence[Document]) -> list[Document]:
            send(batch, entries)
            raise Killed

        return call

    return Shop(add_customers=dying(shop.add_customers), add_orders=dying(shop.add_orders))


def closed_shop(error: Exception) -> Shop:
    """A shop that always fails like this."""

    def call(_batch: str, _entries: Sequence[Document]) -> list[Document]:
        raise error

    return Shop(add_customers=call, add_orders=call)


def without_ann(shop: Shop) -> Shop:
    """The shop, but the customer with id 7 is refused."""
    problem = {
        "detail": "Not her.",
        "errors": [{"field": "last_name", "message": "Nobody is called that."}],
    }

    def add_customers(batch: str, entries: Sequence[Document]) -> list[Document]:
        others = [entry for entry in entries if entry["external_id"] != "7"]
        results = iter(shop.add_customers(batch, others))
        return [
            {"status": "refused", "problem": problem}
            if entry["external_id"] == "7"
            else next(results)
            for entry in entries
        ]

    return replace(shop, add_customers=add_customers)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that end after one batch, and batches of two."""
    monkeypatch.setattr(steps, "STEP_SECONDS", -1.0)
    monkeypatch.setattr(staging, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr("services.imports.sending.MAX_ENTRIES", 2)
