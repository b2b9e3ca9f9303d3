"""Memory of a web process, given back to the system when a large request is over.

glibc keeps what was freed, in an arena for each thread that has ever needed one; after a large
request that is many times what the process needs.
"""

import ctypes
import gc
from ctypes.util import find_library

_M_ARENA_MAX = -8
_ARENAS = 2


def prepare() -> None:
    """Have few arenas, and let the collector leave alone what was loaded. Before threads begin."""
    _call("mallopt", _M_ARENA_MAX, _ARENAS)
    give_back()
    gc.freeze()


def give_back() -> None:
    """Give back what is free, after what only refers to itself, as refusals and their traces do."""
    gc.collect()
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    # Other systems' libraries have neither, and no need of it.
    function = getattr(_LIBRARY, name, None)
    if function is not None:
        function(*arguments)


_LIBRARY = ctypes.CDLL(find_library("c"))
