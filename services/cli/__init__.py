"""Commands of the one command line, one file for each `make` target or group of them."""

import sys
from importlib.util import find_spec

if find_spec("OpenSSL") is None:
    # pymongo asks for PyOpenSSL and falls back to the standard library. But it loads all of
    # cryptography before it finds out: eight megabytes in each relay, worker and launcher, which
    # use nothing of it. None says that there is no such module, which the types do not know.
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
