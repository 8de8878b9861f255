"""The metrics of a credential: its account's budget, missed deadlines, and no series once it is deleted."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS

from kite_operator.correlation import about
from kite_operator.decide.observed import Observed, TargetView
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.expiry import session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Key, Status
from kite_operator.model.rollout import Rollout, RolloutStatus, Workload
from kite_operator.model.trading_days import TradingCalendar
from kite_operator.record.exposition import exposition
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import derive
from support.facts import (
    NOON,
    OTHER,
    account,
    alive,
    as_recorded,
    attempt,
    claim,
    credential,
    dead,
    failures,
    ist,
    leaks,
    observed,
    published,
)

LABELS = {"namespace": "desk", "name": "alpha"}
MISSES = "kite_operator_deadline_misses_total"


def remember(metrics: Metrics, facts: Observed) -> None:
    plan = as_recorded(facts)
    metrics.remember(facts, derive(facts, plan), plan, needed=False)


def waiting(now: datetime, **changes: Any) -> Observed:
    """Return a credential in mode Manual, without a token."""
    return observed(now, credential=credential(mode="Manual", **changes))


def ready(now: datetime) -> Observed:
    """Return a credential with a working token of this morning."""
    return observed(now, credential=credential(mode="Manual"), held=published(ist("07:40")), probes=alive(now))


# The budget.


def test_the_budget_shows_counted_entries_and_their_limit() -> None:
    metrics = Metrics(lambda: NOON)
    ledger = account(attempt("one"), attempt("two", AttemptOutcome.UNKNOWN), claims=(claim(),))
    remember(metrics, observed(account=ledger))
    assert (2.0, 4.0) == (
        metrics.registry.get_sample_value("kite_credential_wrong_entries", LABELS),
        metrics.registry.get_sample_value("kite_credential_wrong_entries_limit", LABELS),
    )


def test_the_limit_is_smaller_without_a_proof_on_the_account_of_another_credential() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, observed(account=account(attempt("one"), claims=(claim(OTHER, app="another-key"),))))
    assert 2.0 == metrics.registry.get_sample_value("kite_credential_wrong_entries_limit", LABELS)


def test_the_budget_is_zero_before_the_first_login() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, observed(account=None))
    assert 0.0 == metrics.registry.get_sample_value("kite_credential_wrong_entries", LABELS)


# Failed tries.

RETRY = NOON + timedelta(minutes=5)
FAILED = Status(failures=failures(Reason.BROKER_UNAVAILABLE, last=NOON, retry=RETRY, count=5))
SATURDAY = ist("12:00", day=7)
TRADING = replace(
    credential().timing, days=TRADING_DAYS, calendar=TradingCalendar((2026,), frozenset({session_day(SATURDAY)}))
)


@pytest.mark.parametrize(
    ("changes", "now", "shown"),
    [
        ({}, NOON, 5),
        ({"suspended": True}, NOON, 0),
        ({"timing": TRADING}, SATURDAY, 0),
    ],
    ids=["tried again", "suspended", "resting until the next trading day"],
)
def test_failed_tries_are_shown_while_a_retry_is_due(changes: dict[str, Any], now: datetime, shown: int) -> None:
    metrics = Metrics(lambda: NOON)
    subject = credential(status=FAILED, **changes)
    marked = TargetView(exists=True, matches=True, marked_dead=True)
    held = published(ist("07:40", day=1))
    remember(metrics, observed(now, credential=subject, held=held, probes=dead(now), target=marked))
    assert float(shown) == metrics.registry.get_sample_value("kite_credential_failures", LABELS)


# Restarts.


@pytest.mark.parametrize(
    ("reason", "hindered"),
    [("", 0), ("RolloutWaiting", 0), ("RolloutFailed", 1), ("RolloutNotAllowed", 1)],
)
def test_a_hindered_restart_is_shown_and_a_waiting_one_is_not(reason: str, hindered: int) -> None:
    metrics = Metrics(lambda: NOON)
    rollout_status = RolloutStatus(1, reason=reason)
    rollout = Rollout((Workload("Deployment", "trader"),))
    remember(metrics, observed(credential=credential(rollout=rollout, status=Status(rollout=rollout_status))))
    assert hindered == metrics.registry.get_sample_value("kite_credential_rollout_hindered", LABELS)


# Deadlines.


@pytest.mark.parametrize(
    ("before", "after", "missed"),
    [
        (waiting(ist("08:44:59")), waiting(ist("08:45")), 1),
        (waiting(ist("08:44:59")), ready(ist("08:46")), 1),
        (waiting(ist("08:30")), waiting(ist("08:44:59")), 0),
        (waiting(ist("08:45")), waiting(ist("12:00")), 0),
        (ready(ist("08:40")), ready(ist("08:50")), 0),
        (waiting(ist("08:40"), suspended=True), waiting(ist("08:50")), 0),
    ],
    ids=[
        "none when it came",
        "one just afterwards",
        "not yet",
        "counted before",
        "ready",
        "suspended",
    ],
)
def test_a_credential_without_a_token_at_the_deadline_misses_it_once(
    before: Observed, after: Observed, missed: int
) -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, before)
    remember(metrics, after)
    assert float(missed) == metrics.registry.get_sample_value(MISSES)


def test_an_operator_that_starts_after_the_deadline_counts_nothing() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:50")))
    remember(metrics, waiting(ist("08:51")))
    assert 0.0 == metrics.registry.get_sample_value(MISSES)


def test_every_day_has_its_own_deadline() -> None:
    metrics = Metrics(lambda: NOON)
    for day in (2, 3, 4):
        for clock_time in ("08:30", "08:45", "09:00"):
            remember(metrics, waiting(ist(clock_time, day=day)))
    assert 3.0 == metrics.registry.get_sample_value(MISSES)


def test_a_missed_deadline_is_counted_when_it_passes_without_a_reconcile() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:40")))
    misses = []
    for moment in ("08:44:59", "08:45", "08:45:30", "12:00"):
        metrics.progress(ist(moment))
        misses.append(metrics.registry.get_sample_value(MISSES))
    assert [0.0, 1.0, 1.0, 1.0] == misses
    remember(metrics, waiting(ist("12:01")))
    metrics.progress(ist("08:45", day=3))
    assert 2.0 == metrics.registry.get_sample_value(MISSES)


def test_neither_a_token_in_time_nor_a_deleted_credential_is_a_miss() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:40")))
    remember(metrics, ready(ist("08:44")))
    metrics.progress(ist("08:45"))
    remember(metrics, waiting(ist("08:40", day=3)))
    metrics.forget(Key("desk", "alpha"))
    metrics.progress(ist("09:00", day=3))
    assert 0.0 == metrics.registry.get_sample_value(MISSES)


def test_a_standby_replica_counts_no_deadline() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:40")))
    metrics.lead(leading=False)
    metrics.progress(ist("08:45"))
    assert 0.0 == metrics.registry.get_sample_value(MISSES)


def test_a_deadline_that_was_moved_counts_at_its_new_time() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:30")))
    later = waiting(ist("08:31"))
    timing = replace(later.credential.timing, ready_by=datetime.fromisoformat("2026-03-02T09:10").time())
    remember(metrics, replace(later, credential=replace(later.credential, timing=timing)))
    metrics.progress(ist("09:09"))
    before = metrics.registry.get_sample_value(MISSES)
    metrics.progress(ist("09:10"))
    assert (0.0, 1.0) == (before, metrics.registry.get_sample_value(MISSES))


def test_a_machine_that_slept_for_days_counts_once() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(ist("08:40")))
    metrics.progress(ist("12:00", day=6))
    assert 1.0 == metrics.registry.get_sample_value(MISSES)


def test_the_results_of_reminders_start_at_zero() -> None:
    metrics = Metrics(lambda: NOON)
    metrics.count_notification("failed")
    shown = {
        result: metrics.registry.get_sample_value("kite_operator_notifications_total", {"result": result})
        for result in ("sent", "failed", "invalid")
    }
    assert {"sent": 0.0, "failed": 1.0, "invalid": 0.0} == shown


# Series.


def _series_of(metrics: Metrics, name: str) -> list[str]:
    samples = (sample for family in metrics.registry.collect() for sample in family.samples)
    return [sample.name for sample in samples if sample.labels.get("name") == name]


def test_every_series_of_a_credential_is_removed_with_it() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, waiting(NOON))
    assert _series_of(metrics, "alpha")
    metrics.forget(Key("desk", "alpha"))
    assert [] == _series_of(metrics, "alpha")


def test_no_series_shows_a_secret() -> None:
    metrics = Metrics(lambda: NOON)
    remember(metrics, ready(NOON))
    remember(metrics, replace(observed(), credential=credential()))
    shown = [
        f"{sample.name}{sample.labels}{sample.value}"
        for family in metrics.registry.collect()
        for sample in family.samples
    ]
    assert [] == list(leaks("\n".join(shown)))


def test_a_counter_is_one_series_without_the_time_of_its_creation() -> None:
    metrics = Metrics(lambda: NOON)
    names = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    assert set() == {name for name in names if name.endswith("_created")}


def test_requests_to_the_api_server_are_timed_by_verb_and_resource() -> None:
    metrics = Metrics(lambda: NOON)
    metrics.observe_request("GET", "secrets", 200, 0.25)
    labels = {"verb": "GET", "resource": "secrets"}
    assert 0.25 == metrics.registry.get_sample_value("kite_operator_kubernetes_request_duration_seconds_sum", labels)


# Exemplars.


def test_a_counter_carries_the_decision_id_of_the_log() -> None:
    metrics = Metrics(lambda: NOON)
    with about(credential="desk/alpha", decision="4f0c6d1e2b9a7788"):
        metrics.observe_step("profile", "success", 0.3)
    metrics.observe_step("logout", "success", 0.3)
    text = exposition(metrics, OPENMETRICS)[0].decode()
    marked = [line for line in text.splitlines() if " # {" in line]
    assert 2 == len(marked)
    assert all('step="profile"' in line and '# {decision="4f0c6d1e2b9a7788"}' in line for line in marked)
    assert "4f0c6d1e2b9a7788" not in exposition(metrics, "text/plain")[0].decode()
