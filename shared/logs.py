"""One shape for all log lines.

A constant name and fields. Ids belong in a field; names, addresses and secrets do not.
"""

import logging
import sys

import structlog


def configure(level: str, *, as_json: bool) -> None:
    """Send our lines and the libraries' to standard error, as JSON or as `key=value` text."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
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
