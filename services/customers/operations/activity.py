"""Operations on activity of the shop's website: record views, identify visitors.

Knows neither HTTP nor MongoDB.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.customers.model import activity, journal_entries
from services.customers.model.activity import VisitorTaken
from services.customers.repository.activity import ViewRepository, VisitorRepository
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from shared.document import Document
from shared.errors import FieldError, Invalid, Refusal, Stale
from shared.events.contracts import VisitorTied
from shared.events.event import Provenance


class CustomerUnknown(Invalid):
    """A view, or an identification, names a customer who does not exist."""


@dataclass(frozen=True)
class ActivityRepositories:
    """The repositories that take what the shop's website reports."""

    customers: CustomerRepository
    journal: JournalRepository
    views: ViewRepository
    visitors: VisitorRepository


def record(
    into: ActivityRepositories,
    views: Sequence[Document | Refusal],
    *,
    batch: str,
    now: datetime,
    origin: Provenance,
) -> list[Document]:
    """Keep views; one outcome for each, in their order.

    Those of customers go to their journals, and so do those of visitors who are known to be one.
    Other visitors' are kept until it is found out who they are. A view of both says that they are
    the same, unless the visitor is known to be another who is still there. Views that the
    same `batch` brought before count as created, so that a batch may be sent again.
    """
    made = [_make(one, batch, index, now) for index, one in enumerate(views)]
    named = {str(one["customer_id"]) for one in _views(made) if "customer_id" in one}
    live = set(into.customers.revisions(named))
    made = [_refuse_strangers(one, live) for one in made]
    known = [one for one in _views(made) if "customer_id" in one]
    anonymous = [one for one in _views(made) if "customer_id" not in one]
    there = into.journal.add_all([journal_entries.viewed(one["customer_id"], one) for one in known])
    # Before it is read who the visitors are: whoever says so after that finds the views here.
    there |= into.views.add_all(anonymous)
    _identify_all(into, _identifications(known, now, origin), now, origin)
    _bring(into, anonymous)
    return _outcomes(into, made, there, batch)


def identify(
    into: ActivityRepositories,
    visitor_id: str,
    customer_id: str,
    *,
    now: datetime,
    origin: Provenance,
) -> Document:
    """Identify a visitor as a customer, which brings their earlier views into the journal.

    Said again it changes nothing. A visitor whose customer was deleted may become another.

    :raises Invalid: no visitor has such an id.
    :raises CustomerUnknown: there is no such customer.
    :raises VisitorTaken: the visitor is another customer.
    :raises Stale: somebody else said who they are at the same moment.
    """
    activity.refuse_odd_visitor(visitor_id)
    if not into.customers.revisions([customer_id]):
        raise _unknown()
    event = _identified(visitor_id, customer_id, now, origin)
    into.visitors.add_all([event], now=now)
    visitor = into.visitors.get(visitor_id)
    if visitor["customer_id"] == customer_id:
        return visitor
    if into.customers.revisions([visitor["customer_id"]]):
        raise VisitorTaken.by(visitor["customer_id"])
    return _reidentify(into, visitor, customer_id, now, origin)


def bring_views(into: ActivityRepositories, events: Sequence[VisitorTied]) -> None:
    """Take what visitors looked at before into the journals of the customers who they are."""
    for event in events:
        _bring_views(into, event.visitor_id, event.customer_id)


def _bring_views(into: ActivityRepositories, visitor_id: str, customer_id: str) -> None:
    """Take the views of a visitor into the journal of the customer who they are.

    Also if the customer was deleted meanwhile: it was said before. But not if the visitor is
    another customer by now.
    """
    if into.visitors.customers_of([visitor_id]).get(visitor_id) == customer_id:
        for views in into.views.of_visitor(visitor_id):
            into.journal.add_all([journal_entries.viewed(customer_id, view) for view in views])


def _bring(into: ActivityRepositories, views: Sequence[Document]) -> None:
    """Take those of the views into journals whose visitors are known to be customers."""
    identified = into.visitors.customers_of({view["visitor_id"] for view in views})
    live = into.customers.revisions(set(identified.values()))
    into.journal.add_all(
        [
            journal_entries.viewed(identified[view["visitor_id"]], view)
            for view in views
            if identified.get(view["visitor_id"]) in live
        ]
    )


def _identify_all(
    into: ActivityRepositories,
    identifications: Sequence[VisitorTied],
    now: datetime,
    origin: Provenance,
) -> None:
    """Identify visitors who are not identified yet, or as a customer who was deleted."""
    into.visitors.add_all(identifications, now=now)
    meant = {event.visitor_id: event.customer_id for event in identifications}
    known = into.visitors.known(meant) if meant else []
    others = [one for one in known if one["customer_id"] != meant[one["_id"]]]
    live = into.customers.revisions({one["customer_id"] for one in others}) if others else {}
    for visitor in others:
        if visitor["customer_id"] not in live:
            # Somebody may have said so first, and then it stays so.
            with suppress(Stale):
                _reidentify(into, visitor, meant[visitor["_id"]], now, origin)


def _reidentify(
    into: ActivityRepositories,
    visitor: Document,
    customer_id: str,
    now: datetime,
    origin: Provenance,
) -> Document:
    """Identify a visitor whose customer was deleted as another customer."""
    again = _identified(visitor["_id"], customer_id, now, origin, version=visitor["version"] + 1)
    return into.visitors.reidentify(again, now=now)


def _identifications(
    known: Sequence[Document], now: datetime, origin: Provenance
) -> list[VisitorTied]:
    """The identifications that views of customers contain; the first one of each visitor."""
    identifications: dict[str, VisitorTied] = {}
    for view in known:
        if "visitor_id" in view:
            event = _identified(view["visitor_id"], view["customer_id"], now, origin)
            identifications.setdefault(view["visitor_id"], event)
    return list(identifications.values())


def _identified(
    visitor_id: str, customer_id: str, now: datetime, origin: Provenance, *, version: int = 1
) -> VisitorTied:
    return VisitorTied(
        visitor_id=visitor_id,
        customer_id=customer_id,
        version=version,
        occurred_at=now.isoformat(),
        **origin,
    )


def _make(entry: Document | Refusal, batch: str, index: int, now: datetime) -> Document | Refusal:
    if isinstance(entry, Refusal):
        return entry
    try:
        return activity.view(entry, batch=batch, index=index, now=now)
    except Refusal as refusal:
        return refusal


def _views(made: Sequence[Document | Refusal]) -> list[Document]:
    return [one for one in made if not isinstance(one, Refusal)]


def _refuse_strangers(one: Document | Refusal, live: set[str]) -> Document | Refusal:
    if isinstance(one, Refusal) or one.get("customer_id") in {None, *live}:
        return one
    return _unknown()


def _unknown() -> CustomerUnknown:
    error = FieldError("customer_id", "There is no customer with this id.")
    return CustomerUnknown("There is no such customer.", errors=(error,))


def _outcomes(
    into: ActivityRepositories, made: Sequence[Document | Refusal], there: set[str], batch: str
) -> list[Document]:
    earlier = {**into.journal.batches(there), **into.views.batches(there)} if there else {}
    answered: set[str] = set()
    outcomes: list[Document] = []
    for one in made:
        if isinstance(one, Refusal):
            outcomes.append({"status": "refused", "refusal": one})
            continue
        is_new = one["_id"] not in answered and earlier.get(one["_id"], batch) == batch
        outcomes.append({"status": "created" if is_new else "unchanged", "id": one["_id"]})
        answered.add(one["_id"])
    return outcomes
