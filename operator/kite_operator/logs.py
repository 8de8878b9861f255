"""Logging: one line per decision on standard error, in UTC, and other libraries' noise kept down."""

import logging
import time
import traceback
from collections.abc import Mapping
from typing import Any

_log = logging.getLogger(__name__)

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_QUIETER = "urllib3"
"""Its warnings show a request's whole URL, and that of a webhook is a secret: `Failed to parse headers (url=…)`."""
_LOUD = ("kopf", "kubernetes", "aiohttp", "urllib3", "kiteconnect", "asyncio")


def set_up_logging(level: str) -> None:
    """Log from `level` up; libraries log warnings and worse, never at debug, where some of them show secrets (P4)."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_QUIETER).setLevel(logging.ERROR)
    logging.getLogger("kopf").addFilter(_expected)
    logging.getLogger("kopf._core.reactor.running").addFilter(_expected)


def log_loop_error(_: object, context: Mapping[str, Any]) -> None:
    """The event loop's handler for what nobody caught: kind and place only, since reprs may hold secrets."""
    error = context.get("exception")
    frames = "".join(traceback.format_tb(error.__traceback__)) if isinstance(error, BaseException) else ""
    _log.error(
        "nobody caught: %s %s\n%s", str(context.get("message", "")).partition("(")[0], type(error).__name__, frames
    )


def _expected(record: logging.LogRecord) -> bool:
    """Kopf runs in a thread on purpose, and signals are ours to handle."""
    return "OS signals are ignored" not in record.getMessage()
