"""The worker of the made-up service, as a process. A thing of size -1 is the end of it, and what it
does with one of size -2 fails with somebody's address in what it says."""

import os
from collections.abc import Sequence

from pymongo.database import Database

from shared import logs
from shared.document import Document
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker, run_worker
from shared.settings import load
from tests.support.things import ThingChanged

DEADLY, FAILING = -1, -2
PLANTED = "planted@example.com"


def die_of_it(events: Sequence[ThingChanged]) -> None:
    """Do nothing, unless one of them is deadly, or fails."""
    if any(event.size == FAILING for event in events):
        raise ValueError(PLANTED)
    if any(event.size == DEADLY for event in events):
        # As an extension that crashes does, or the kernel when there is no memory left.
        os._exit(1)


def join(_: Database[Document]) -> Subscriptions:
    """The made-up service's subscriptions."""
    return {ThingChanged: die_of_it}


if __name__ == "__main__":
    settings = load()
    logs.configure(settings.log_level, as_json=settings.log_json)
    run_worker(create_worker("things", settings, join), settings)
