"""One shape for all log lines.

A constant name and fields. Ids belong in a field; names, addresses and secrets do not. So an
exception is told without its text.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict

from shared.failures import trace


def configure(level: str, *, as_json: bool) -> None:
    """Send our lines and the libraries' to standard error, as JSON or as `key=value` text."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _without_data,
        _tell_exception,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], bool_as_flag=False
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # Without this our own lines would bypass all of the above: to standard output, at every level,
    # and with the local variables of every frame in a traceback.
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # The driver and the HTTP client narrate every command at debug, arguments included; those hold
    # personal data.
    for chatty in ("pymongo", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.INFO, root.level))


def _without_data(_: object, __: str, entry: EventDict) -> EventDict:
    """Drop what Celery adds to a task that failed: its arguments, its exception, its trace."""
    if "_record" in entry and entry["_record"].name.startswith("celery"):
        entry.pop("data", None)
    return entry


def _tell_exception(_: object, __: str, entry: EventDict) -> EventDict:
    """Tell an exception without its text, which often repeats the document that failed."""
    given = entry.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        entry["exception"] = trace(error)
    return entry
