"""The watches, by Kopf: they pass events of KiteCredentials and of labelled Secrets to the main event loop.

Only `on.event` is used: it writes nothing to the objects, adds no finalizers and holds no bodies. Kopf runs in a thread
and an event loop of its own, since it ends on some errors (an ERROR event, a CRD that is gone) and cancels every task
of its loop with it. It is then restarted, and a paginated LIST corrects events that were missed meanwhile. An error of
the API server or a missing right does not end a watch: it is retried without end.
"""

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from kite_operator.model.resource import GROUP, PLURAL, ROLE_LABEL, VERSION
from kite_operator.watch_streams import KopfSessions, Streams

_log = logging.getLogger(__name__)

News = Callable[[str, str | None, Mapping[str, Any]], None]
"""`news(what, kind, content)`: `what` is "credential" (content: the body) or "secret" (content: its metadata)."""

_FIRST_PAUSE_SECONDS = 1.0
_PAUSES_SECONDS = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0)
_LONGEST_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 10.0
_END_SECONDS = 7.0
"""Longest time for Kopf to end: it waits five seconds of its own for tasks that hang."""
_CANCELLATIONS = 500
_AGAIN_SECONDS = 0.01
_SERVER_TIMEOUT_SECONDS = 300
_CLIENT_TIMEOUT_SECONDS = 330
_WATCHED_KINDS = 2
"""KiteCredentials and labelled Secrets."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """`namespaces` to watch; none means all of them."""

    namespaces: tuple[str, ...] = ()


class Watch:
    """The supervised watches; `start` once, `stop` once."""

    def __init__(
        self, configuration: Configuration, settings: WatchSettings, news: News, on_restart: Callable[[], None]
    ) -> None:
        """Create a stopped watch; `news` and `on_restart` are called in the event loop that calls `start`."""
        self._configuration = configuration
        self._settings = settings
        self._news = news
        self._on_restart = on_restart
        self._left_out: frozenset[str] = frozenset()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_kopf: Callable[[], None] = lambda: None
        self._streams = Streams(expected=_WATCHED_KINDS * max(1, len(set(settings.namespaces))))

    def is_up(self) -> bool:
        """Return whether the API server has accepted each watch, and none was requested again since."""
        return self._streams.all_open()

    def start(self) -> None:
        """Start to watch, in a thread of its own."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._supervise, name="watch", daemon=True)
        self._thread.start()

    def leave_out(self, namespaces: frozenset[str]) -> None:
        """Exclude these namespaces: Kopf would end all watches because of one that is forbidden.

        The watches are restarted when that changes.
        """
        if namespaces != self._left_out:
            self._left_out = namespaces
            self._end_kopf()

    async def stop(self) -> None:
        """End the watches."""
        self._stopping.set()
        self._end_kopf()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _STOP_SECONDS)

    def _supervise(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                asyncio.run(self._watch())
                pause = _FIRST_PAUSE_SECONDS  # it was stopped, and did not fail
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - Kopf is restarted after any error
                _log.error("watches ended", extra={"error": type(error).__name__})
            if self._stopping.wait(pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            self._call(self._on_restart)

    async def _watch(self) -> None:
        # An event of this loop: for an event of threads, Kopf blocks a thread, which would delay the end of the loop.
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._end_kopf = lambda: _soon(loop, stop.set)
        if self._stopping.is_set():
            return
        namespaces = [each for each in self._settings.namespaces if each not in self._left_out]
        self._streams.expect(_WATCHED_KINDS * max(1, len(set(namespaces))))
        ending = asyncio.Event()
        async with KopfSessions(lambda: connection_of(self._configuration), self._streams) as logins:
            running = asyncio.create_task(
                kopf.operator(
                    registry=self._registry(logins, ending),
                    settings=kopf_settings(),
                    standalone=True,
                    clusterwide=not self._settings.namespaces,
                    namespaces=namespaces,
                    stop_flag=stop,
                )
            )
            cleaned_up = asyncio.create_task(ending.wait())
            await asyncio.wait({running, cleaned_up}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({running}, timeout=_END_SECONDS)
            await _end_all_but_this_task()
            await running

    def _registry(self, logins: KopfSessions, ending: asyncio.Event) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.cleanup(registry=registry)
        async def on_cleanup(**_: Any) -> None:
            ending.set()

        @kopf.on.login(registry=registry)
        async def log_in(**_: Any) -> kopf.AiohttpSession:
            return await logins.log_in()

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
        async def on_credential(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - Kopf's own name
            self._call(self._news, "credential", type, dict(body))

        @kopf.on.event("", "v1", "secrets", registry=registry)
        async def on_secret(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - Kopf's own name
            self._call(self._news, "secret", type, watched_metadata_of_secret(body.get("metadata") or {}))

        return registry

    def _call(self, callback: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None:
            _soon(self._loop, callback, *arguments)


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: object) -> None:
    """Call in a loop of another thread, unless that has been closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)


async def _end_all_but_this_task() -> None:
    """Cancel the tasks of Kopf until all have ended: a watch that is being opened misses the first cancellation."""
    for _ in range(_CANCELLATIONS):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if not left:
            return
        await asyncio.wait(left, timeout=_AGAIN_SECONDS)


_WATCHED_METADATA = ("namespace", "name", "labels", "resourceVersion")


def watched_metadata_of_secret(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the watched metadata of a Secret: no annotations, in which `kubectl apply` repeats its values (P4)."""
    return {name: metadata[name] for name in _WATCHED_METADATA if name in metadata}


class _Backoffs:
    """Pauses between retries, without end: if Kopf gives up one watch, it may wait for another one for ever."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain(_PAUSES_SECONDS, itertools.repeat(_LONGEST_PAUSE_SECONDS))


def kopf_settings() -> kopf.OperatorSettings:
    """Return settings that only watch: no peering, no posted events, no resource scan, no unlabelled Secrets."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = _SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = _CLIENT_TIMEOUT_SECONDS
    settings.watching.label_selectors["secrets"] = ROLE_LABEL
    settings.networking.error_backoffs = _Backoffs()
    settings.process.ultimate_exiting_timeout = None
    return settings


async def connection_of(configuration: Configuration) -> kopf.ConnectionInfo:
    """Return the API server and identity of the process; a service account's token is read again each time."""
    authorization = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, token = (authorization or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
