"""What events say in the journal, without a database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.customers.model import journal_entries
from services.customers.model.journal import KINDS
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    OrderState,
)

ACTOR = {"id": "a", "role": "sales"}
ENVELOPE: dict[str, Any] = {"occurred_at": "2025-06-02T12:00:00+00:00", "actor": ACTOR}
CHANGES = [{"field": "tags", "before": [], "after": ["vip"]}]
ABOUT: dict[str, Any] = {"customer_id": "c", "version": 2, **ENVELOPE}
RECEIVED = datetime(2025, 6, 2, 12, tzinfo=UTC)


class TestOfCustomer:
    @pytest.mark.parametrize(
        ("event", "kind", "summary", "data"),
        [
            (
                CustomerRegistered(**ABOUT),
                "customer_created",
                "Registered as a customer.",
                {},
            ),
            (
                CustomerDetailsChanged(changes=CHANGES, **ABOUT),
                "customer_changed",
                "Changed: tags.",
                {"changes": CHANGES},
            ),
            (CustomerDeleted(**ABOUT), "customer_deleted", "Deleted as a customer.", {}),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_says_what_happened_and_who_did_it(
        self, event: Any, kind: str, summary: str, data: dict[str, Any]
    ) -> None:
        (entry,) = journal_entries.of_customer(event)

        assert (entry.id, entry.kind, entry.summary, entry.data) == (
            "customer:c:2",
            kind,
            summary,
            data,
        )
        assert (entry.customer_id, entry.at, entry.actor, entry.source) == (
            "c",
            RECEIVED,
            ACTOR,
            "api",
        )

    def test_names_the_import(self) -> None:
        event = CustomerRegistered(batch="import:1", **ABOUT)

        (entry,) = journal_entries.of_customer(event)

        assert (entry.source, entry.data) == ("import", {"batch": "import:1"})

    def test_names_the_service_that_acted(self) -> None:
        (entry,) = journal_entries.of_customer(CustomerDeleted(via="console", **ABOUT))

        assert entry.source == "console"


class TestOfConsents:
    def test_says_each_channel_by_itself(self) -> None:
        consents: list[dict[str, Any]] = [
            {"channel": "email", "before": None, "after": True},
            {"channel": "sms", "before": True, "after": None},
        ]

        given, withdrawn = journal_entries.of_consents(ConsentChanged(consents=consents, **ABOUT))

        assert (given.id, given.kind) == ("consent:c:2:email", "consent_given")
        assert (withdrawn.id, withdrawn.kind) == ("consent:c:2:sms", "consent_withdrawn")
        assert [given.data, withdrawn.data] == consents
        assert given.summary == "May be contacted by email."
        assert withdrawn.summary == "May not be contacted by sms."


class TestOfOrder:
    def test_was_placed_when_it_was_placed(self) -> None:
        entry = journal_entries.of_order(order(OrderPlaced, version=1), "c")

        assert (entry.id, entry.kind) == ("order:o:1", "order_placed")
        assert entry.at == datetime(2025, 6, 1, tzinfo=UTC)
        assert entry.summary == "Order 536365, 15.00 GBP."
        assert entry.data == {
            "order_id": "o",
            "number": "536365",
            "source": "shop",
            "status": "placed",
            "total": "15.00",
            "currency": "GBP",
        }

    def test_came_back(self) -> None:
        event = order(OrderPlaced, version=1, kind="return", total="-15.00")

        entry = journal_entries.of_order(event, "c")

        assert (entry.kind, entry.summary) == ("order_returned", "Return 536365, -15.00 GBP.")

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            (OrderPaid, "order_paid"),
            (OrderShipped, "order_shipped"),
            (OrderDelivered, "order_delivered"),
            (OrderCancelled, "order_cancelled"),
        ],
    )
    def test_took_a_step_when_it_took_it(self, event: type[OrderState], kind: str) -> None:
        entry = journal_entries.of_order(order(event, version=2), "c")

        assert (entry.id, entry.kind, entry.at) == ("order:o:2", kind, RECEIVED)


class TestImported:
    def test_is_one_for_each_customer_and_import(self) -> None:
        ids = {
            journal_entries.imported(batch, who, RECEIVED).id for batch in "xyx" for who in "abb"
        }

        assert len(ids) == 4


class TestViewed:
    @pytest.mark.parametrize(
        ("view", "summary"),
        [
            ({"kind": "page", "url": "/mugs"}, "Looked at the page /mugs."),
            ({"kind": "page", "url": "/mugs", "title": "Mugs"}, "Looked at the page Mugs."),
            ({"kind": "product", "sku": "MUG-01"}, "Looked at the product MUG-01."),
            ({"kind": "page", "url": "/" + "x" * 1_999}, f"Looked at the page /{'x' * 199}."),
        ],
        ids=["page", "title", "product", "long"],
    )
    def test_says_what_was_looked_at(self, view: dict[str, Any], summary: str) -> None:
        entry = journal_entries.viewed(
            "c", {"_id": "view:1", "at": RECEIVED, "batch": "one", **view}
        )

        assert (entry.summary, entry.kind) == (summary, f"{view['kind']}_viewed")
        assert entry.data == {name: view[name] for name in view if name != "kind"} | {
            "batch": "one"
        }


class TestKinds:
    def test_are_all_known(self) -> None:
        made = {kind for kind, _ in journal_entries._STEPS.values()}

        assert made <= set(KINDS)


def order(event: type[OrderState], **fields: Any) -> OrderState:
    usual: dict[str, Any] = {
        "order_id": "o",
        "number": "536365",
        "source": "shop",
        "customer_id": "c",
        "kind": "sale",
        "status": "placed",
        "total": "15.00",
        "currency": "GBP",
        "placed_at": "2025-06-01T00:00:00+00:00",
    }
    return event(**usual | ENVELOPE | fields)
