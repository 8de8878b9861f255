"""Tells kite-operator that a token is dead, so that it looks at once and not at its next probe.

Only loaded when an address is given. A report leaves on a thread of its own, one a minute at most, and what becomes of
it is logged and never raised: a trade waits for nothing here. It carries a ServiceAccount token that was made for the
operator, and nothing of the session.
"""

import logging
import ssl
import threading
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import SplitResult, urlsplit

BETWEEN_REPORTS_S = 60.0
"""The operator asks Kite once a minute at most, however many report."""
TIMEOUT_S = 5.0
TRIES, BETWEEN_TRIES_S = 6, 1.0
"""Of several replicas of the operator only one takes reports; the others answer 503, and the next try may meet it."""
LONGEST_TOKEN_BYTES = 8192

log = logging.getLogger("kite_token")


class Reporter:
    """Reports to one address with the token in one folder; safe among threads."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder` holds `token` and, where the operator's certificate needs it, `ca.crt`."""
        self._address = _parsed(url)
        self._folder = folder
        self._lock = threading.Lock()
        self._reported: float | None = None

    def report(self) -> None:
        """Report, unless that was done within the last minute; returns at once, and raises nothing."""
        if self._address is None or not self._is_time():
            return
        try:
            threading.Thread(target=self._send, args=(self._address,), name="kite_token report", daemon=True).start()
        except RuntimeError:  # no more threads, or the interpreter ends
            log.warning("a dead token could not be reported: no thread can be started")

    def _is_time(self) -> bool:
        with self._lock:
            now = monotonic()
            if self._reported is not None and now - self._reported < BETWEEN_REPORTS_S:
                return False
            self._reported = now
            return True

    def _send(self, address: SplitResult) -> None:
        try:
            status = self._post_to_who_takes_it(address)
        except Exception as error:  # noqa: BLE001 - a report is never worth a trade; its text may hold the token
            log.warning("a dead token could not be reported: %s", type(error).__name__)
            return
        if status == HTTPStatus.ACCEPTED:
            log.info("kite-operator has been told that the token is dead")
        else:
            log.warning("kite-operator did not take the report of a dead token: HTTP %d", status)

    def _post_to_who_takes_it(self, address: SplitResult) -> int:
        for _ in range(TRIES - 1):
            status = self._post(address)
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                return status
            sleep(BETWEEN_TRIES_S)
        return self._post(address)

    def _post(self, address: SplitResult) -> int:
        """The status of the answer. Without a proxy and without redirects: the token is for the operator alone."""
        with (self._folder / "token").open("rb") as file:
            token = file.read(LONGEST_TOKEN_BYTES).decode("ascii").strip()
        connection = self._connection(address)
        try:
            connection.request("POST", address.path or "/", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def _connection(self, address: SplitResult) -> HTTPConnection:
        host = address.hostname or ""
        if address.scheme == "http":
            return HTTPConnection(host, address.port, timeout=TIMEOUT_S)
        authority = self._folder / "ca.crt"
        trust = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        return HTTPSConnection(host, address.port, timeout=TIMEOUT_S, context=trust)


def _parsed(url: str) -> SplitResult | None:
    """The address, or None when it is none: a mistake in it must not keep anybody from trading."""
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        usable = None
    if usable and url.isascii() and url.isprintable() and " " not in url:
        return address
    log.warning("dead tokens are not reported: the address for it is not that of a web server")
    return None
