"""The composition root: the only place where objects are wired, and the lifecycle of the process."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from kite_operator.act.login import WebLogins
from kite_operator.act.retry import RETRIED_SECONDS
from kite_operator.act.services import Services
from kite_operator.audit_log import AuditLog, audited
from kite_operator.broker.apiclient import ApiSettings
from kite_operator.broker.codes import parse_totp_secret
from kite_operator.broker.limiter import RateLimiter, RateLimits
from kite_operator.broker.redirects import allowed_hosts_for
from kite_operator.broker.session import KiteApi
from kite_operator.broker.transport import AiohttpTransport, TransportSettings
from kite_operator.clock import Clock
from kite_operator.cluster.account import Accounts
from kite_operator.cluster.api import Cluster, connect
from kite_operator.cluster.client_ids import ClientIDList
from kite_operator.cluster.gather import Gatherer
from kite_operator.cluster.keyring import Keyring, load_keyring
from kite_operator.desired import Change, Desired
from kite_operator.in_memory import InMemoryStates
from kite_operator.janitor import Janitor
from kite_operator.leader import Leadership
from kite_operator.listener import Listener
from kite_operator.login.server import make_login_page
from kite_operator.loop_lag import measure_lag
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import OperatorError
from kite_operator.model.expiry import FLUSH_START, at_time, session_day
from kite_operator.model.resource import Credential, Key
from kite_operator.model.trading_days import TradingCalendar, recorded_calendar
from kite_operator.notify.notifier import Notifier
from kite_operator.reconcile import Reconciler
from kite_operator.record.events import EventWriter
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import StatusWriter
from kite_operator.report.endpoint import ReportHandling, make_listener
from kite_operator.resync import Resync
from kite_operator.schedule import Scheduler, Urgency
from kite_operator.serve import make_app
from kite_operator.settings import Settings
from kite_operator.spans import traced_requests, traced_steps
from kite_operator.tracing import start_tracing
from kite_operator.watch import Watch, WatchSettings

_log = logging.getLogger(__name__)

_START_PAUSE_SECONDS = 2.0
_CONNECTIONS = 32
"""Largest number of connections to the API server: each request takes a millisecond or two of one."""

_LAST_NOTIFICATIONS_SECONDS = 5.0
"""Longest wait of a stop for reminders in progress: status says already that they were sent."""
_LAST_ANSWER_SECONDS = 30.0
"""Longest wait for an answer of the broker that a replica which has lost the lead must still write to the ledger."""
_LAST_SPANS_SECONDS = 3.0
"""Longest wait for the trace collector: nothing depends on spans."""

OnStep = Callable[[str, Credential], Awaitable[None]]


async def log_step(point: str, credential: Credential) -> None:
    """Log a named point of a refresh at debug level, to find the point at which a refresh stopped."""
    _log.debug("step", extra={"credential": credential.key, "step": point})


class App:
    """The wired process; `run` it until the stop event is set."""

    def __init__(self, settings: Settings, clock: Clock, cluster: Cluster, keyring: Keyring, on_step: OnStep) -> None:
        """Wire everything; nothing is started."""
        self.settings = settings
        self.clock = clock
        self.cluster = cluster
        self.metrics = Metrics(clock.now)
        self.progressed_at = clock.boottime()
        self.listed = False
        self.leading = False
        self._stopping = False
        identity = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.tracing = start_tracing(identity) if settings.tracing else None
        cluster.observe, cluster.boottime = self._observe_request(), clock.boottime
        in_memory = InMemoryStates()
        self.broker = KiteApi(_api_settings(settings), clock, self.metrics.observe_clock)
        self.desired = Desired(
            in_memory, lambda name: not settings.namespaces or name in settings.namespaces, settings.class_name
        )
        services = self._services(keyring, on_step, identity)
        lease = settings.account_namespace, settings.leader_lease
        self.leadership = Leadership(cluster, clock, lease, services.identity)
        events = EventWriter(cluster, clock, services.identity)
        self.notifier = Notifier(cluster, clock, events, settings.notify_allow, self.metrics.count_notification)
        self.reconciler = Reconciler(
            cluster=cluster,
            gatherer=Gatherer(
                cluster,
                services.accounts,
                keyring,
                clock,
                parse_totp_secret,
                ClientIDList(cluster, clock, settings.namespace_client_ids),
                settings.target_metadata_prefixes,
                settings.login_public_url,
                settings.allow_rollout_restarts,
            ),
            services=services,
            logins=_web_logins(settings, clock, self.metrics.observe_clock),
            in_memory=in_memory,
            statuses=StatusWriter(cluster),
            events=events,
            notifier=self.notifier,
            metrics=self.metrics,
            hints=self.desired.hints,
            calendar=self._calendar(),
            leads=lambda: self.leading,
            class_name=settings.class_name,
            tracer=self.tracing.tracer if self.tracing is not None else None,
        )
        self.scheduler = Scheduler(
            self.reconciler.reconcile,
            clock,
            workers=settings.workers,
            on_progress=self.progress,
            on_error=self.metrics.count_error,
        )
        watched = WatchSettings(settings.namespaces)
        self.watch = Watch(cluster.configuration, watched, self.news, self.watch_restarted)
        self.metrics.vitals.ask(self.scheduler, self.watch.is_up)
        self.resync = Resync(cluster, self.desired, settings.namespaces)
        handling = ReportHandling(self._is_working, self.desired.target_of, self.report_dead, self.metrics.count_report)
        self.reports = make_listener(settings, clock, cluster, handling)
        self.login_page = make_login_page(settings, clock, cluster, keyring, self.metrics.count_login_page)
        self.in_memory = in_memory
        self.janitor = Janitor(cluster, clock, settings.account_namespace, self.desired.has_client)

    def _calendar(self) -> TradingCalendar:
        sessions, holidays = self.settings.extra_sessions, self.settings.extra_holidays
        calendar = recorded_calendar(frozenset(sessions), frozenset(holidays))
        last = calendar.last_day
        self.metrics.calendar_ends(None if last is None else at_time(last + timedelta(days=1), FLUSH_START))
        level = logging.INFO if calendar.covers(session_day(self.clock.now())) else logging.WARNING
        known = {"until": last, "extra_sessions": len(sessions), "extra_holidays": len(holidays)}
        _log.log(level, "trading days loaded", extra=known)
        return calendar

    def _observe_request(self) -> Callable[[str, str, int, float], None]:
        return self.metrics.observe_request if self.tracing is None else traced_requests(self.metrics.observe_request)

    def _observe_step(self) -> Callable[[str, str, float], None]:
        return self.metrics.observe_step if self.tracing is None else traced_steps(self.metrics.observe_step)

    def _services(self, keyring: Keyring, on_step: OnStep, identity: str) -> Services:
        limits = RateLimits(self.settings.calls_per_second, self.settings.probes_per_second)
        return Services(
            cluster=self.cluster,
            accounts=Accounts(self.cluster, self.clock, self.settings.account_namespace),
            broker=self.broker,
            limiter=RateLimiter(limits, self.clock),
            clock=self.clock,
            identity=identity,
            on_step=on_step,
            observe=audited(self._observe_step(), AuditLog(identity, self.metrics.count_audit_loss)),
            token_version=keyring.token_version,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """List everything, watch, reconcile; on `stop` finish the reconciles in progress."""
        servers = [await self._serve()]
        if self.reports is not None:
            servers.append(await self.reports.start())
            _log.info("serving reports", extra={"addresses": self.reports.addresses})
        if self.login_page is not None:
            servers.append(await self.login_page.start())
            _log.info("serving the login page", extra={"addresses": self.login_page.addresses})
        tasks = [
            asyncio.create_task(_until(stop), name="until it is stopped"),
            asyncio.create_task(measure_lag(self.clock, self.metrics.vitals.observe_lag), name="loop-lag"),
        ]
        try:
            if await self._first_list(stop):
                self.watch.start()
                tasks.append(asyncio.create_task(self._resync_forever(), name="resync"))
                tasks.append(asyncio.create_task(self._lead(), name="lead"))
                await _first_to_end(tasks)
        finally:
            _log.info("stopping")
            self._stopping = True
            # Nothing new starts from here on, also while the watches end.
            for task in tasks:
                task.cancel()
            await asyncio.gather(self.watch.stop(), *tasks, return_exceptions=True)
            await self.notifier.drain(_LAST_NOTIFICATIONS_SECONDS)
            await self.leadership.resign()
            await asyncio.gather(*(server.stop() for server in servers))
            self.broker.close()
            await self.cluster.close()
            if self.tracing is not None:
                await self.tracing.stop(_LAST_SPANS_SECONDS)

    async def _lead(self) -> None:
        """Stand by until this replica leads, work until it loses the lead, and finish the reconciles in progress."""
        while True:
            await self.leadership.campaign(self.progress)
            tasks = [
                asyncio.create_task(self.leadership.hold(), name="leadership"),
                asyncio.create_task(self.scheduler.run(), name="scheduler"),
                asyncio.create_task(self.janitor.run(), name="janitor"),
            ]
            self._start_leading()
            try:
                await _first_to_end(tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._stand_by()
                await self._finish()

    async def _finish(self) -> None:
        """Finish the reconciles in progress, and clear the in-memory state: another replica leads now.

        A replica that lost the lead, mostly because the API server does not answer, has time to write the broker's
        answers to the ledger: only that keeps a refused password from being sent again. A stop is shorter.
        """
        try:
            if not self._stopping:
                await self.scheduler.drain(RETRIED_SECONDS + _LAST_ANSWER_SECONDS)
        finally:
            await self.scheduler.drain(self.settings.stop_seconds)
            self.scheduler.forget_all()
            self.in_memory.clear()

    def _is_working(self) -> bool:
        return self.listed and self.leading

    def _start_leading(self) -> None:
        self.leading = True
        self.metrics.lead(leading=True)
        for key in self.desired:
            self.scheduler.wake_now(key, Urgency.DUE)

    def _stand_by(self) -> None:
        """Stop leading: another replica reconciles the credentials and exports their metrics."""
        self.leading = False
        self.metrics.lead(leading=False)

    def progress(self) -> None:
        """Record progress of the scheduler's loop, or of a standby that has checked the leader Lease."""
        self.progressed_at = self.clock.boottime()
        self.metrics.progress(self.clock.now())

    def news(self, what: str, kind: str | None, content: Mapping[str, Any]) -> None:
        """Handle an event of the watches."""
        change = self.desired.credential(kind, content) if what == "credential" else self.desired.secret(kind, content)
        self._apply(change)

    def report_dead(self, key: Key) -> bool:
        """Request a probe after a consumer's report of a dead token. False if one was due anyway."""
        news = self.in_memory.of(key).report_dead(self.clock.now())
        if news:
            self.scheduler.wake_now(key, Urgency.DUE)
        return news

    def watch_restarted(self) -> None:
        """Request a list of everything, since events were missed while the watches restarted."""
        self.metrics.count_watch_restart()
        self.resync.ask()

    async def _serve(self) -> Listener:
        app = make_app(self.metrics, lambda: self.clock.boottime() - self.progressed_at, lambda: self.listed)
        server = await Listener(app, self.settings.listen, self.clock).start()
        _log.info("serving /metrics, /healthz and /readyz", extra={"addresses": server.addresses})
        return server

    async def _first_list(self, stop: asyncio.Event) -> bool:
        """List everything before anything is watched; True once it is known, False when stopped before."""
        while not stop.is_set():
            self.progress()
            try:
                await self._list()
            except OperatorError as error:
                _log.error("first list failed: retrying", extra={"error": error})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _START_PAUSE_SECONDS)
                continue
            self.listed = True
            _log.info("first list complete", extra={"credentials": len(self.desired)})
            return True
        return False

    async def _list(self) -> None:
        self._apply(await self.resync.list_all())
        self.metrics.listed(self.clock.now(), refused=len(self.resync.refused))
        self.watch.leave_out(self.resync.refused)

    async def _resync_forever(self) -> None:
        while True:
            await self.resync.wait(self.settings.resync_seconds)
            try:
                await self._list()
            except OperatorError as error:
                _log.warning("list failed", extra={"error": error})

    def _apply(self, change: Change) -> None:
        if not self.leading:
            return  # a replica that begins to lead reconciles every credential
        for key in (*change.handed_over, *(key for key, _ in change.gone)):
            self.scheduler.forget(key)
            self.metrics.forget(key)
            # A reconcile in progress may still store its state: the next one finds nothing, and clears all of it.
            self.scheduler.wake_now(key, Urgency.DUE)
        for _, removed in change.gone:
            self.resync.spawn(self.reconciler.release(removed.client_id, removed.ref))
        for key in change.new:
            self.scheduler.wake_now(key, Urgency.NEW)
        for key in change.changed:
            self.scheduler.wake_now(key, Urgency.CHANGED)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _first_to_end(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until one of the tasks has ended, and raise its exception. The others go on."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def build(settings: Settings, clock: Clock, on_step: OnStep = log_step) -> App:
    """Return the wired process. Tests pass a `clock` that they move, and an `on_step` at which they stop it."""
    cluster = await connect(
        settings.kubeconfig or None,
        timeout_seconds=settings.kubernetes_timeout_seconds,
        connections=_CONNECTIONS,
    )
    return App(settings, clock, cluster, await load_keyring(cluster, settings.account_namespace), on_step)


def _api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        root=settings.api_url, threads=settings.broker_threads, read_seconds=settings.broker_timeout_seconds
    )


def _web_logins(settings: Settings, clock: Clock, on_offset: Callable[[ClockOffset], None]) -> WebLogins:
    transport = TransportSettings(total_seconds=settings.broker_timeout_seconds)
    return WebLogins(
        settings.login_url,
        allowed_hosts_for(settings.login_url),
        lambda: AiohttpTransport(transport, clock, on_offset),
    )
