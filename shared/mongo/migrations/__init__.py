"""Migrations of stored documents: numbered files, applied once, under a lock.

The exceptions here are the ways in which one can fail; their messages say what to do.
"""


class MigrationsUnfit(Exception):
    """The files and the records do not belong together, so nothing may be applied."""


class MigrationHeld(Exception):
    """Another process applies this migration at this moment."""


class LockLost(Exception):
    """This process was silent for so long that another one may have taken over."""
