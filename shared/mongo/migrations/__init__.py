"""Changes of documents that are there already: numbered files, applied once, under a lock.

Why a change can go wrong is an exception of this module; its message says what to do.
"""


class MigrationsUnfit(Exception):
    """The files and the records do not belong together, so nothing may be applied."""


class MigrationHeld(Exception):
    """Another process applies this migration at this moment."""


class LockLost(Exception):
    """This process was silent for so long that another one may have taken over."""
