"""Waits until a component answers, and explains itself with the component's log when it does not."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devcluster.errors import PortTakenError, StartError

_INTERVAL: Final = 0.05
_REQUEST_TIMEOUT: Final = 5.0
_TAIL_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Check:
    """The readiness check of `component`: a GET of `url` answers 200.

    `keys` is the folder of certificates; `authority` names the one that verifies the server, `identity` the client's.
    """

    component: str
    url: str
    keys: Path
    authority: str
    identity: str
    log: Path

    def context(self) -> ssl.SSLContext:
        """Verifies the server and presents the identity."""
        context = ssl.create_default_context(cafile=str(self.keys / f"{self.authority}.crt"))
        context.load_cert_chain(self.keys / f"{self.identity}.crt", self.keys / f"{self.identity}.key")
        return context


def wait_ready(check: Check, exited: Callable[[], Mapping[str, int]], timeout: float) -> None:
    """Poll until the check passes.

    `exited` gives the exit codes of the components that have ended. Raises StartError (PortTakenError when the log
    says so) as soon as the component has ended, or after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    context = check.context()
    while (seen := _get(check.url, context)) != "200":
        ended = exited()
        if check.component in ended:
            raise _failure(check, f"{check.component} ended with code {ended[check.component]} before it was ready")
        if time.monotonic() > deadline:
            raise _failure(check, f"{check.component} was not ready after {timeout:g} s (last answer: {seen})")
        time.sleep(_INTERVAL)


def log_tail(log: Path) -> str:
    """The last lines of a log, or a note that there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return "\n".join(lines[-_TAIL_LINES:]) or "(the log is empty)"


def _failure(check: Check, message: str) -> StartError:
    tail = log_tail(check.log)
    kind = PortTakenError if "address already in use" in tail else StartError
    return kind(f"{message}; the end of its log:\n{tail}")


def _get(url: str, context: ssl.SSLContext) -> str:
    """The status of a GET as text, or the name of what went wrong on the way."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=_REQUEST_TIMEOUT, context=context
    )
    try:
        connection.request("GET", parts.path)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
