"""Forgeries: what nobody of us signed is dead-lettered and counted, and has no effect at all.

It is not looked at any further: what it says of itself may be the id of an event of ours.
"""

from collections.abc import Sequence

import structlog

from shared.document import Document
from shared.events.delivery import forgery, is_genuine
from shared.events.signature import Signer
from shared.messaging.inbox import Inbox

log = structlog.get_logger(__name__)

MAX_KEPT = 1_000
"""Letters of forgeries beyond which no more are kept, so that nobody can fill the database."""


def without_forged(received: object, *, service: str, signer: Signer, inbox: Inbox) -> list[object]:
    """The deliveries of a message that one of us signed for this service."""
    genuine: list[object] = []
    forged: list[object] = []
    for raw in received if isinstance(received, list) else [received]:
        known = is_genuine(raw, to=service, signer=signer)
        (genuine if known else forged).append(raw)
    note(forged, "forged", service=service, inbox=inbox)
    return genuine


def note(forged: Sequence[object], what: str, *, service: str, inbox: Inbox) -> None:
    """Dead-letter forgeries, as many as there is room for, and log how many there were."""
    if not forged:
        return
    letters: list[tuple[Document, str]] = [forgery(raw, what=what) for raw in forged]
    room = max(0, MAX_KEPT - inbox.count_forged(most=MAX_KEPT))
    for letter, error in letters[:room]:
        inbox.dead_letter(letter, error)
    log.error(
        "forgeries_refused",
        service=service,
        what=what,
        count=len(forged),
        kept=min(room, len(letters)),
        ids=[letter["id"] for letter, _ in letters[:10]],
    )
