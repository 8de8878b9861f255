"""The gauges of each credential, computed at the scrape from the latest snapshot, so that none goes stale.

`namespace` and `name` are labels of these gauges only; a series ends with its object.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kite_operator.decide import budget, timing
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Wait
from kite_operator.decide.reminder import needed_action
from kite_operator.decide.rollout import is_hindered
from kite_operator.model.conditions import AUTHENTICATED, BLOCKED, LOGIN_REQUIRED, READY
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Credential, Key, Status, Timing


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The recorded state of one credential.

    `entries` count against its account, out of `entries_limit`; both are None before the account was read.
    """

    mode: str
    status: Status
    reason: str
    timing: Timing
    suspended: bool
    action_required: bool = False
    entries: int | None = None
    entries_limit: int | None = None

    def deadline(self, now: datetime) -> datetime | None:
        """Return the time at which the token of the session day of `now` must be ready; None without a deadline."""
        return None if self.suspended else timing.deadline(self.timing, now)

    def next_deadline(self, now: datetime) -> datetime | None:
        """Return the first deadline after `now`, if there is one."""
        return None if self.suspended else timing.next_deadline(self.timing, now)

    def is_ready(self, now: datetime) -> bool:
        """Return whether a token was ready and has not expired since."""
        expires = self.status.expires_time
        return _truth(self.status, READY) == 1.0 and (expires is None or expires > now)


def recorded(observed: Observed, status: Status, plan: Wait, *, needed: bool) -> Snapshot:
    """Return the snapshot of a reconcile; `needed` says that action is required."""
    credential, account = observed.credential, observed.account
    return Snapshot(
        mode=credential.mode,
        status=status,
        reason=plan.reason.value,
        timing=credential.timing,
        suspended=credential.suspended,
        action_required=needed,
        entries=budget.counted(account) if account is not None else 0,
        entries_limit=budget.limit_for(account, credential.ref) if account is not None else budget.LIMIT,
    )


def presumed(credential: Credential) -> Snapshot:
    """Return a snapshot of the stored status, for a credential whose first reconcile has not ended, or fails (P7)."""
    ready = credential.status.condition(READY)
    return Snapshot(
        mode=credential.mode,
        status=credential.status,
        reason=ready.reason if ready is not None else Reason.NOT_YET_LOGGED_IN.value,
        timing=credential.timing,
        suspended=credential.suspended,
        action_required=needed_action(credential.status),
    )


_GAUGES: tuple[tuple[str, str], ...] = (
    ("kite_credential_ready", "1 when the credential is in order and its token is alive (condition Ready), else 0."),
    (
        "kite_credential_authenticated",
        "1 when the broker accepts the published token (condition Authenticated), else 0.",
    ),
    ("kite_credential_blocked", "1 while nothing is submitted until a person acts (condition Blocked), else 0."),
    ("kite_credential_login_required", "1 while a login by a person is awaited (condition LoginRequired), else 0."),
    (
        "kite_credential_person_needed",
        "1 while there will be no working token without a person: to log in, lift a block or mend something, else 0.",
    ),
    (
        "kite_credential_rollout_hindered",
        "1 while something stands in the way of a restart that spec.rollout asks for, else 0.",
    ),
    (
        "kite_credential_token_expiry_timestamp_seconds",
        "Conservative expiry (06:00 IST) of the published token as a Unix time; 0 when there is no living token.",
    ),
    (
        "kite_credential_last_success_timestamp_seconds",
        "When a new token was last proven and published, as a Unix time; 0 when never.",
    ),
    (
        "kite_credential_next_refresh_timestamp_seconds",
        "When the next refresh is scheduled, as a Unix time; 0 when none is.",
    ),
    (
        "kite_credential_deadline_timestamp_seconds",
        "Until when the token of the present session day must be ready, as a Unix time; 0 on a day without a refresh.",
    ),
    (
        "kite_credential_probe_interval_seconds",
        "How often the published token is probed: spec.probe.interval, stretched when many credentials share an app.",
    ),
    (
        "kite_credential_failures",
        "Failed tries in a row since the last published token, while another one is to come; 0 when none is.",
    ),
    (
        "kite_credential_wrong_entries",
        "Wrong or unanswered passwords and codes counted for its account since the last completed login.",
    ),
    (
        "kite_credential_wrong_entries_limit",
        "At how many counted entries nothing more is submitted for this credential before a person acts.",
    ),
)
_INFO = ("kite_credential_info", "Always 1: the login mode and the reason of condition Ready.")


class Registry(CollectorRegistry):
    """A registry that lists its collectors."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        """Register the collector, and add it to the list."""
        super().register(collector)
        self.collectors.append(collector)


class CredentialCollector(Collector):
    """Computes the per-credential gauges from the snapshots at the time of the scrape, so that none goes stale."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.snapshots: dict[Key, Snapshot] = {}

    def describe(self) -> Iterator[Metric]:
        """Return the families without samples, so that registration does not scrape."""
        for name, text in _GAUGES:
            yield GaugeMetricFamily(name, text, labels=["namespace", "name"])

    def collect(self) -> Iterator[Metric]:
        """Return one sample per credential and family, and an info sample with mode and reason."""
        families = {name: GaugeMetricFamily(name, text, labels=["namespace", "name"]) for name, text in _GAUGES}
        info = GaugeMetricFamily(*_INFO, labels=["namespace", "name", "mode", "reason"])
        now = self.now()
        for key, snapshot in list(self.snapshots.items()):
            labels = [key.namespace, key.name]
            for name, value in _values(snapshot, now).items():
                families[name].add_metric(labels, value)
            info.add_metric([key.namespace, key.name, snapshot.mode, snapshot.reason], 1.0)
        yield from families.values()
        yield info

    def samples(self) -> Iterator[tuple[str, str, list[str]]]:
        """Return name, help and sample lines of each family: the same as `collect` as text, at a fifth of the cost."""
        now, lines, info = self.now(), {name: list[str]() for name, _ in _GAUGES}, list[str]()
        for key, snapshot in list(self.snapshots.items()):
            # Labels in alphabetical order, as the client library writes them: users match whole lines.
            identity = f'name="{_escaped(key.name)}",namespace="{_escaped(key.namespace)}"'
            for name, value in _values(snapshot, now).items():
                lines[name].append(f"{name}{{{identity}}} {value!r}\n")
            mode, reason = f'mode="{_escaped(snapshot.mode)}"', f'reason="{_escaped(snapshot.reason)}"'
            info.append(f"{_INFO[0]}{{{mode},{identity},{reason}}} 1.0\n")
        for name, text in _GAUGES:
            yield name, text, lines[name]
        yield *_INFO, info

    def on_calendar(self) -> float:
        """Return the number of credentials that use the calendar of trading days."""
        return sum(each.timing.days == TRADING_DAYS for each in list(self.snapshots.values()))


def _values(snapshot: Snapshot, now: datetime) -> dict[str, float]:
    status = snapshot.status
    values = {
        "kite_credential_probe_interval_seconds": snapshot.timing.probe_interval.total_seconds(),
        "kite_credential_deadline_timestamp_seconds": unix_of(snapshot.deadline(now)),
        "kite_credential_ready": _truth(status, READY),
        "kite_credential_authenticated": _truth(status, AUTHENTICATED),
        "kite_credential_blocked": _truth(status, BLOCKED),
        "kite_credential_login_required": _truth(status, LOGIN_REQUIRED),
        "kite_credential_person_needed": 1.0 if snapshot.action_required else 0.0,
        "kite_credential_rollout_hindered": 1.0 if is_hindered(status.rollout) else 0.0,
        "kite_credential_token_expiry_timestamp_seconds": unix_of(status.expires_time),
        "kite_credential_last_success_timestamp_seconds": unix_of(status.last_refresh_time),
        "kite_credential_next_refresh_timestamp_seconds": unix_of(status.next_refresh_time),
        "kite_credential_failures": float(_failures_with_more_to_come(status)),
    }
    if snapshot.entries is not None and snapshot.entries_limit is not None:
        values["kite_credential_wrong_entries"] = float(snapshot.entries)
        values["kite_credential_wrong_entries_limit"] = float(snapshot.entries_limit)
    return values


def _failures_with_more_to_come(status: Status) -> int:
    """Return the failures so far; 0 while no retry is due (suspended, blocked, or until the next trading day)."""
    failures = status.failures
    if failures is None or failures.next_retry_time is None or failures.next_retry_time != status.next_refresh_time:
        return 0
    return failures.count


def _truth(status: Status, kind: str) -> float:
    condition = status.condition(kind)
    return 1.0 if condition is not None and condition.status == "True" else 0.0


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def unix_of(moment: datetime | None) -> float:
    """Return seconds since 1970; 0 for None."""
    return moment.timestamp() if moment is not None else 0.0
