"""Preconditions of changes: the versions that If-Match names (RFC 9110, 13.1.1).

Knows no document. The database does the guarding: each change is one write on one version.
"""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from flask import request

from shared.document import Document
from shared.errors import Stale, Unavailable, VersionMissing

Made = TypeVar("Made")

TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{TAG}(?:[ \t]*,[ \t,]*{TAG})*[ \t,]*")
# A weak tag is none of these: whoever changes a thing has to know each of its bytes.
_OURS = re.compile(r'(?<!W/)"(\d{1,18})(?:\.\d{1,18})?"')
_TRIES = 50
_PAUSE = 0.002


def on_named_version(current: Callable[[], Document], change: Callable[[int], Made]) -> Made:
    """Do a change on the version that If-Match names.

    Of several tags, on the one that is current; with `*`, on whichever is, again if somebody else
    was first. The change has to refuse any version but that which it is given.

    :raises VersionMissing: there is no If-Match.
    :raises Stale: no tag in it is that of the current version.
    :raises Unavailable: with `*`, others were first again and again.
    """
    named = _named_versions()
    if named is not None and len(named) == 1:
        return change(named.pop())
    for attempt in range(_TRIES):
        version = current()["version"]
        if named is not None and version not in named:
            raise Stale("Someone else changed this first; reload it and try again.")
        try:
            return change(version)
        except Stale:
            time.sleep(_PAUSE * attempt)
    raise Unavailable("This is being changed all the time; try again in a moment.")


def _named_versions() -> set[int] | None:
    """The versions that the caller's If-Match names; None stands for any."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise VersionMissing("Say which version you mean to change: send its ETag as If-Match.")
    if header == "*":
        return None
    versions = (
        {int(found[1]) for found in _OURS.finditer(header)} if _LIST.fullmatch(header) else ()
    )
    if not versions:
        raise Stale("This If-Match is not an ETag of this address; reload it and try again.")
    return set(versions)
