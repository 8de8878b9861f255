"""A reconcile that fails: the credential has metrics all the same, and counts as failing."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kite_operator.allow_list import AllowList
from kite_operator.broker.codes import parse_totp_secret
from kite_operator.cluster.api import credentials_path
from kite_operator.cluster.client_ids import ClientIDList
from kite_operator.cluster.gather import Gatherer, Hints
from kite_operator.cluster.keyring import Keyring
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.conditions import AUTHENTICATED, LOGIN_REQUIRED, READY, Condition
from kite_operator.model.errors import ClusterUnavailable, Conflict, OperatorError, Unsettled
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Key, Status
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.trading_days import recorded_calendar
from kite_operator.notify.notifier import Notifier
from kite_operator.reconcile import MOST_CONFLICTS, Reconciler
from kite_operator.record.events import EventWriter
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import StatusWriter, manifest_of
from kite_operator.schedule import FIRST, Scheduler
from support.acting import Stage
from support.facts import body, ist

ALPHA = Key("desk", "alpha")
LABELS = {"namespace": "desk", "name": "alpha"}
ENDED = Status(
    conditions=(
        Condition(READY, "True", Reason.SESSION_ACTIVE, "fine"),
        Condition(AUTHENTICATED, "True", Reason.SESSION_ACTIVE, "fine"),
    ),
    expires_time=ist("06:00").astimezone(IST),
    last_refresh_time=ist("07:40", day=1).astimezone(IST),
)
AWAITED = Status(
    conditions=(
        Condition(READY, "False", Reason.LOGIN_REQUIRED, "nobody came"),
        Condition(LOGIN_REQUIRED, "True", Reason.LOGIN_REQUIRED, "nobody came"),
    )
)


@dataclass
class Process:
    """A reconciler over an API server in memory, on the morning of 2 March 2026."""

    status: Status = ENDED
    leads: bool = True

    def __post_init__(self) -> None:
        self.stage = Stage()
        self.stage.clock.wall = ist("08:30")
        cluster, clock = self.stage.cluster, self.stage.clock
        self.path = credentials_path("desk", "alpha")
        cluster.put(self.path, body() | {"status": manifest_of(self.status)})
        self.metrics = Metrics(clock.now)
        events = EventWriter(cluster, clock, "pod-1")
        keyring = Keyring(Sensitive(base64.b64encode(bytes(32)).decode()))
        allowance = ClientIDList(cluster, clock, "optional")
        self.reconciler = Reconciler(
            cluster=cluster,
            gatherer=Gatherer(cluster, self.stage.accounts, keyring, clock, parse_totp_secret, allowance),
            services=self.stage.services,
            logins=self.stage.logins,
            in_memory=InMemoryStates(),
            statuses=StatusWriter(cluster),
            events=events,
            metrics=self.metrics,
            hints=lambda _key: Hints(),
            calendar=recorded_calendar(frozenset(), frozenset()),
            leads=lambda: self.leads,
            notifier=Notifier(cluster, clock, events, AllowList(()), self.metrics.count_notification),
        )
        self.scheduler = Scheduler(
            self.reconciler.reconcile,
            clock,
            workers=1,
            on_progress=lambda: None,
            on_error=self.metrics.count_error,
        )
        self.metrics.vitals.ask(self.scheduler, lambda: True)

    def fails(self, error: Callable[[], OperatorError]) -> None:
        """Make every read of a Secret fail from now on."""

        def refuse(_verb: str, path: str) -> None:
            if "/secrets/" in path:
                raise error()

        self.stage.cluster.before = refuse

    def shown(self, name: str, **more: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, LABELS | more if name.startswith("kite_credential") else {})

    def gauges(self, *names: str) -> dict[str, float | None]:
        return {name: self.shown(f"kite_credential_{name}") for name in names}


def unavailable() -> OperatorError:
    return ClusterUnavailable("GET a Secret", status=0)


async def test_a_credential_whose_first_reconcile_fails_has_the_metrics_of_its_status() -> None:
    process = Process()
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    ended, deadline = ist("06:00").timestamp(), ist("08:45").timestamp()
    assert {
        "ready": 1.0,
        "token_expiry_timestamp_seconds": ended,
        "deadline_timestamp_seconds": deadline,
        "person_needed": 0.0,
        "wrong_entries": None,
    } == process.gauges(
        "ready", "token_expiry_timestamp_seconds", "deadline_timestamp_seconds", "person_needed", "wrong_entries"
    )
    assert 1.0 == process.shown("kite_credential_info", mode="TOTP", reason="SessionActive")


async def test_a_credential_that_waits_for_a_manual_login_has_the_metrics_of_its_status() -> None:
    process = Process(AWAITED)
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    expected = {"ready": 0.0, "login_required": 1.0, "person_needed": 1.0}
    assert expected == process.gauges(*expected)


async def test_a_credential_without_status_has_metrics_as_well() -> None:
    process = Process(Status())
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    assert 1.0 == process.shown("kite_credential_info", mode="TOTP", reason="NotYetLoggedIn")


async def test_a_successful_reconcile_replaces_these_metrics_and_a_later_failure_does_not() -> None:
    process = Process()
    await process.reconciler.reconcile(ALPHA)  # its Secrets are missing
    reported: Any = process.gauges("ready", "person_needed", "wrong_entries")
    assert {"ready": 0.0, "person_needed": 1.0, "wrong_entries": 0.0} == reported
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    assert reported == process.gauges("ready", "person_needed", "wrong_entries")


async def test_a_missed_deadline_is_counted_though_the_status_is_ready() -> None:
    process = Process()
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    process.stage.clock.wall = ist("08:45")
    process.metrics.progress(process.stage.clock.now())
    assert 1.0 == process.shown("kite_operator_deadline_misses_total")


async def test_a_deleted_credential_has_no_metrics() -> None:
    process = Process()
    process.fails(unavailable)
    with pytest.raises(ClusterUnavailable):
        await process.reconciler.reconcile(ALPHA)
    del process.stage.cluster.objects[process.path]
    assert (None, None) == (await process.reconciler.reconcile(ALPHA), process.shown("kite_credential_ready"))


# Reconciles that never come to a wait.


def changes_at_every_write(process: Process) -> None:
    def change(verb: str, path: str) -> None:
        if verb == "PATCH" and path == f"{process.path}/status":
            raise Conflict("PATCH it", status=409)

    process.stage.cluster.before = change


async def test_single_conflicts_are_no_failure_and_many_in_a_row_are() -> None:
    process = Process()
    changes_at_every_write(process)
    for _ in range(MOST_CONFLICTS - 1):
        assert process.stage.clock.now() < (await process.reconciler.reconcile(ALPHA) or ist("00:00"))
    with pytest.raises(Unsettled, match=f"{MOST_CONFLICTS} conflicts in a row"):
        await process.reconciler.reconcile(ALPHA)


async def test_a_reconcile_that_ends_in_a_wait_resets_the_count() -> None:
    process = Process()
    for _ in range(3):
        changes_at_every_write(process)
        for _ in range(MOST_CONFLICTS - 1):
            await process.reconciler.reconcile(ALPHA)
        process.stage.cluster.before = lambda _verb, _path: None
        await process.reconciler.reconcile(ALPHA)
        assert 0 == process.reconciler.in_memory.of(ALPHA).races


@pytest.mark.parametrize(
    ("error", "seconds"), [(unavailable(), FIRST.total_seconds()), (Unsettled("never", FIRST * 9), 18)]
)
async def test_an_unsettled_reconcile_counts_as_failing_and_waits_as_long_as_its_error_says(
    error: OperatorError, seconds: float
) -> None:
    process = Process()
    process.fails(lambda: error)
    process.scheduler.agenda.wake_at(ALPHA, process.stage.clock.now())
    process.scheduler.agenda.take(process.stage.clock.now())
    await process.scheduler._workers.acquire()
    await process.scheduler._work(ALPHA)
    due = process.scheduler.agenda.next_due()
    assert due is not None
    assert (1.0, seconds) == (
        process.shown("kite_operator_failing_credentials"),
        (due - process.stage.clock.now()).total_seconds(),
    )


@pytest.mark.parametrize(("leads", "reason"), [(True, Reason.APP_SECRET_NOT_FOUND), (False, Reason.SESSION_ACTIVE)])
async def test_a_reconcile_that_outlives_the_lead_writes_no_status(*, leads: bool, reason: str) -> None:
    process = Process(leads=leads)
    await process.reconciler.reconcile(ALPHA)
    [ready, *_] = process.stage.cluster.objects[process.path]["status"]["conditions"]
    assert reason == ready["reason"]
    assert leads == any("/events/" in path for path in process.stage.cluster.objects)
