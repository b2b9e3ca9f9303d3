"""Commands of the one command line, one file for each `make` target or group of them."""

import sys
from importlib.util import find_spec

if find_spec("OpenSSL") is None:
    # pymongo asks for PyOpenSSL and falls back to the standard library. But it loads all of
    # cryptography before it finds out: eight megabytes in each relay, worker and launcher, which
    # use nothing of it. None says that there is no such module, which the types do not know.
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]

if "structlog" not in sys.modules and "rich" not in sys.modules:
    # structlog loads rich if it is there, for coloured lines that nobody here asks for: four
    # megabytes in each process. Commands that draw tables import it themselves, after this.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401 - so that it is loaded while there is no rich.

    del sys.modules["rich"]
