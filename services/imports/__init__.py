"""Imports: a shop's files, how they are read, and what became of every row.

Owns import jobs. Works through the bulk endpoints of customers and orders, as the person who
asked. Publishes to itself alone: each step of a job is an event that starts the next.
"""

from shared.events.contracts import ImportAdvanced
from shared.events.event import Event

PUBLISHES: dict[type[Event], tuple[str, ...]] = {ImportAdvanced: ("imports",)}
SUBSCRIBES: tuple[type[Event], ...] = (ImportAdvanced,)
