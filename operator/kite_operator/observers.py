"""Calls to observers (metrics, spans, the audit log): their errors change nothing (P1, P3).

They are called in the middle of a login, between the broker's answer and its entry in the attempt ledger. An exception
there would replace the answer, and a refused password would be sent again.
"""

import logging
import traceback
from collections.abc import Callable
from typing import ParamSpec

_log = logging.getLogger(__name__)

_Arguments = ParamSpec("_Arguments")


def notify_observer(observe: Callable[_Arguments, object], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
    """Call `observe`; an error of its own is logged by type and place (its text may hold a secret), and ends here."""
    try:
        observe(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - no error may change the outcome of a login
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("observer failed\n%s", frames, extra={"error": type(error).__name__})
