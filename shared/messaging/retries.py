"""Retries of events: when one is sent again, and how often it is tried before a dead letter.

Knows neither relay nor consumer, who ask it.
"""

from datetime import timedelta

RESEND_AFTER = timedelta(seconds=30)
MAX_RESEND_DELAY = timedelta(seconds=60)
"""An event may have been sent many times in vain when an outage ends, and then waits this long.

It is half of the two minutes in which every change is promised to have had its effect. Waiting
longer would spare nobody: a poison event is dead-lettered after five attempts, and a worker that is
merely slow is protected by the relay's `QUEUE_LIMIT`.
"""
MAX_ATTEMPTS = 5
"""Attempts to handle an event, after which it is dead-lettered."""


def resend_delay(sent: int) -> timedelta:
    """Time to wait for the receipt of an event that was sent `sent` times: 30 s, then 60 s."""
    doubled: timedelta = RESEND_AFTER * 2 ** min(sent - 1, 10)
    return min(doubled, MAX_RESEND_DELAY)
