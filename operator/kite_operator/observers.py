"""Telling those who only look on (metrics, spans, the audit log): what goes wrong with them changes nothing (P1, P3).

They are told in the middle of a login, between what the broker answered and its entry in the attempt ledger: an
exception there would take the place of the answer, and a refused password would be sent again.
"""

import logging
import traceback
from collections.abc import Callable
from typing import ParamSpec

_log = logging.getLogger(__name__)

_Heard = ParamSpec("_Heard")


def notify_observer(observe: Callable[_Heard, object], *args: _Heard.args, **kwargs: _Heard.kwargs) -> None:
    """Call `observe`; an error of its own is logged by kind and place (its text may hold a secret), and ends here."""
    try:
        observe(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not change what becomes of a login
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("observer failed\n%s", frames, extra={"error": type(error).__name__})
