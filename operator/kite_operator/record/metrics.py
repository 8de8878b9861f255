"""Prometheus metrics: per-credential gauges from live state, counters and histograms of actions.

`namespace` and `name` are labels of the per-credential gauges only, which vanish with their object; everything else has
bounded labels. Documented in docs/monitoring.md, which a test compares with this module.
"""

from collections.abc import Callable
from datetime import datetime
from math import nan

from prometheus_client import (
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)

from kite_operator import __version__, correlation
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Action, Wait
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.resource import Credential, Key, Status
from kite_operator.record.credential_gauges import (
    CredentialCollector,
    Registry,
    Snapshot,
    presumed,
    recorded,
    unix_of,
)
from kite_operator.record.deadlines import Deadlines
from kite_operator.record.outcome import ActOutcome
from kite_operator.record.vitals import Vitals

disable_created_metrics()  # type: ignore[no-untyped-call]  # upstream; an unused second series for each counter
NOTIFICATION_RESULTS = ("sent", "failed", "invalid")
_STEP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


def _exemplar() -> dict[str, str] | None:
    """Return the ids under which the log and the traces have the counted event: exposed in OpenMetrics only."""
    known = correlation.fields()
    return {name: known[name] for name in ("decision", "trace_id") if known.get(name)} or None


class Metrics:
    """The metrics of the process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Register every metric; `now` is called at each scrape."""
        self.registry = Registry()
        self.credentials = CredentialCollector(now)
        self.registry.register(self.credentials)
        self.vitals = Vitals(self.registry)
        self._attempts = Counter(
            "kite_operator_refresh_attempts",
            "Actions towards a fresh token, by action, result and reason.",
            ["action", "result", "reason"],
            registry=self.registry,
        )
        self._steps = Histogram(
            "kite_operator_broker_step_duration_seconds",
            "How long each call to the broker took.",
            ["step"],
            buckets=_STEP_BUCKETS,
            registry=self.registry,
        )
        self._calls = Counter(
            "kite_operator_broker_calls",
            "Calls to the broker by step and outcome (success, aborted, or a reason).",
            ["step", "outcome"],
            registry=self.registry,
        )
        self._api = Counter(
            "kite_operator_kubernetes_requests",
            "Requests to the Kubernetes API by verb, resource and HTTP status (0: no answer).",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self._rollout_results = Counter(
            "kite_operator_rollout_restarts",
            "Looks at workloads that spec.rollout names, by kind of workload and what came of it.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._misses = Counter(
            "kite_operator_deadline_misses",
            "Deadlines that came with no token ready, over all credentials and days.",
            registry=self.registry,
        )
        self._deadlines = Deadlines()
        self._leading = True
        self._progress = Gauge(
            "kite_operator_last_progress_timestamp_seconds",
            "When the scheduler last made progress, as a Unix time: an old value is a stalled operator.",
            registry=self.registry,
        )
        self._listed = Gauge(
            "kite_operator_last_list_timestamp_seconds",
            "When everything was last listed from the API server, as a Unix time: an old value is a cut-off operator.",
            registry=self.registry,
        )
        self._refused = Gauge(
            "kite_operator_refused_namespaces",
            "How many of --namespaces the API server refused to list: they are not served.",
            registry=self.registry,
        )
        self._calendar_end = Gauge(
            "kite_operator_trading_calendar_end_timestamp_seconds",
            "Up to when the operator knows the trading days, as a Unix time; 0 when it knows none.",
            registry=self.registry,
        )
        self._leader = Gauge(
            "kite_operator_leader",
            "1 while this replica does the work, 0 while it stands by: without a 1 nobody refreshes anything.",
            registry=self.registry,
        )
        self._clock_offset = Gauge(
            "kite_operator_broker_clock_offset_seconds",
            "How far this machine's clock is ahead of the broker's (negative: behind); NaN until it was measured.",
            registry=self.registry,
        )
        self._clock_offset.set(nan)
        self._watch_restarts = Counter(
            "kite_operator_watch_restarts", "How often the watches had to be started again.", registry=self.registry
        )
        self._login_page = Counter(
            "kite_operator_login_page",
            "What the login page has done or refused, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._errors = Counter(
            "kite_operator_reconcile_errors",
            "Passes over a credential that ended in an error, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self._reports = Counter(
            "kite_operator_dead_token_reports",
            "Reports of dead tokens by consumers, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self._audit_losses = Counter(
            "kite_operator_audit_lines_lost",
            "Lines that could not be written to the audit log; they stand in the ordinary log.",
            registry=self.registry,
        )
        self._notifications = Counter(
            "kite_operator_notifications",
            "URLs of notification Secrets by what came of a reminder: sent, failed (after all tries) or invalid.",
            ["result"],
            registry=self.registry,
        )
        for result in NOTIFICATION_RESULTS:
            self._notifications.labels(result)  # starts at 0, so that the first of its kind is an increase
        self._on_calendar = Gauge(
            "kite_operator_trading_days_credentials",
            "Credentials whose spec.schedule.days is TradingDays: whom the end of the calendar concerns.",
            registry=self.registry,
        )
        self._on_calendar.set_function(self.credentials.on_calendar)
        Info("kite_operator_build", "The operator's version.", registry=self.registry).info({"version": __version__})

    def count_attempt(self, action: Action, outcome: ActOutcome) -> None:
        """Count one action and its outcome."""
        self._attempts.labels(action.value, outcome.result.value, outcome.reason.value).inc(exemplar=_exemplar())
        for kind, result in outcome.workload_results:
            self._rollout_results.labels(kind, result).inc()

    def observe_step(self, step: str, outcome: str, seconds: float) -> None:
        """Record one call to the broker."""
        self._steps.labels(step).observe(seconds, _exemplar())
        self._calls.labels(step, outcome).inc(exemplar=_exemplar())

    def observe_clock(self, offset: ClockOffset) -> None:
        """Record one measurement of the offset between the clocks."""
        self._clock_offset.set(offset.ahead)

    def observe_request(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Record one request to the API server."""
        self._api.labels(verb, resource, str(code)).inc()
        self.vitals.observe_request(verb, resource, seconds)

    def progress(self, now: datetime) -> None:
        """Record that the scheduler is alive, and count the deadlines that passed since the last call."""
        self._progress.set(now.timestamp())
        self._count_misses(now)

    def listed(self, now: datetime, *, refused: int = 0) -> None:
        """Record a complete list, except for `refused` namespaces."""
        self._listed.set(now.timestamp())
        self._refused.set(refused)

    def calendar_ends(self, moment: datetime | None) -> None:
        """Set the end of the calendar; every day after it is refreshed."""
        self._calendar_end.set(unix_of(moment))

    def count_watch_restart(self) -> None:
        """Count one restart of the watches."""
        self._watch_restarts.inc()

    def count_login_page(self, outcome: str) -> None:
        """Count one event of the login page."""
        self._login_page.labels(outcome).inc()

    def count_error(self, kind: str) -> None:
        """Count one failed reconcile."""
        self._errors.labels(kind).inc()

    def count_report(self, result: str) -> None:
        """Count one report of a dead token."""
        self._reports.labels(result).inc()

    def count_audit_loss(self) -> None:
        """Count one line that could not be written to the audit log."""
        self._audit_losses.inc()

    def count_notification(self, result: str) -> None:
        """Count the result of one URL of a notification Secret."""
        self._notifications.labels(result).inc()

    def remember(self, observed: Observed, status: Status, plan: Wait, *, needed: bool) -> None:
        """Set the snapshot of a credential for its gauges; `needed` says that action is required."""
        self._count_misses(observed.now)  # by the previous snapshot
        self._set_snapshot(observed.credential.key, recorded(observed, status, plan, needed=needed), observed.now)

    def presume(self, credential: Credential, now: datetime) -> None:
        """Set the snapshot of a stored status until a first reconcile has ended, which may fail repeatedly (P7)."""
        if credential.key not in self.credentials.snapshots:
            self._set_snapshot(credential.key, presumed(credential), now)

    def _set_snapshot(self, key: Key, known: Snapshot, now: datetime) -> None:
        """Set the snapshot, unless another replica leads: a reconcile that ends here late is exported there."""
        if not self._leading:
            return
        self.credentials.snapshots[key] = known
        self._deadlines.expect(key, known.next_deadline(now))

    def _count_misses(self, now: datetime) -> None:
        """Count each deadline that has passed while no token was ready."""
        for key in list(self._deadlines.passed(now)):
            known = self.credentials.snapshots[key]
            if not known.is_ready(now):
                self._misses.inc()
            self._deadlines.expect(key, known.next_deadline(now))

    def lead(self, *, leading: bool) -> None:
        """Set whether this replica leads; otherwise another replica exports the credentials."""
        self._leading = leading
        self._leader.set(1.0 if leading else 0.0)
        if not leading:
            self.credentials.snapshots.clear()
            self._deadlines.clear()

    def forget(self, key: Key) -> None:
        """Remove the series of a deleted credential."""
        self.credentials.snapshots.pop(key, None)
        self._deadlines.expect(key, None)
