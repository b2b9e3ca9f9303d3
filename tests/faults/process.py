"""Runs a process of Kith as its command line does, with faults installed before.

`python -m tests.faults.process worker customers`. The variable KITH_FAULT is the one switch: a JSON
object of what goes wrong in this process, and how fast time-outs run. The product never reads it.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.__main__ import cli
from tests.faults import points, poison
from tests.faults.bugs import BUGS
from tests.faults.patching import replace

VARIABLE = "KITH_FAULT"

Switch = dict[str, Any]
"""`points`: folder that arms them. `bug`: name of one. `pace`: seconds until events go again.

`limit`: seconds that a task may take. `poison`: whether handlers take poison for what it is.
"""


def install(switch: Switch, *, process: str, service: str) -> None:
    """Make this process one in which these things go wrong.

    :raises TargetGone: what is to go wrong is not in the product any more.
    """
    if "points" in switch:
        points.install(Path(switch["points"]), process=process, service=service)
    if "bug" in switch:
        bug = BUGS[switch["bug"]]
        replace(bug.target, bug.replacement)
    if "pace" in switch:
        _set("shared.messaging.retries:RESEND_AFTER", timedelta(seconds=switch["pace"]))
        _set("shared.messaging.retries:MAX_RESEND_DELAY", timedelta(seconds=4 * switch["pace"]))
        # Small messages, so that there is something between two of them.
        _set("shared.messaging.relay:TOGETHER", (5, 5, 1))
    if "limit" in switch:
        replace("shared.messaging.worker:create_celery", _hurried(switch["limit"]))
    if switch.get("poison"):
        poison.install()


def _set(target: str, value: object) -> None:
    replace(target, lambda _: value)


def _hurried(limit: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Applications whose tasks may take only so long."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_celery(name: str, settings: Any, **_: Any) -> Any:
            return original(name, settings, seconds=limit)

        return create_celery

    return wrap


if __name__ == "__main__":
    install(json.loads(os.environ[VARIABLE]), process=sys.argv[1], service=sys.argv[2])
    cli(prog_name="kith")
