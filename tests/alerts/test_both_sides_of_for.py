"""Every alert fires when its `for` is over and not one evaluation before, says all that it should, and ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.catalogue import catalogue
from alerts.render import runbook_entry
from kite_operator.decide.observed import Observed
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.reasons import Reason
from kite_operator.record.metrics import Metrics
from support.alert_facts import (
    failing,
    hindered,
    misspelt,
    nearly_spent,
    nobody_came,
    on_trading_days,
    refused_password,
    working,
)
from support.facts import credential
from support.promtool import STEP, Facts, Queue, Replica, at, record

MINTED = at("07:40")
TEN = at("10:00")
EVALUATION = timedelta(seconds=STEP)
Vitals = Callable[[Metrics, Queue, datetime], None]
ALERTS = {alert.name: alert for group in catalogue() for alert in group.alerts}


@dataclass(frozen=True)
class Case:
    """From `since` on it is as the alert says; `reason` is told of it. Nothing else fires."""

    replica: Replica
    since: datetime
    reason: str = ""


def turns(first: Facts, then: Facts, since: datetime) -> Replica:
    return Replica(lambda now: (then if now >= since else first)(now))


def becomes(then: Callable[[datetime], Observed], since: datetime = TEN) -> Replica:
    return turns(lambda now: [working(now, MINTED)], lambda now: [then(now)], since)


def from_ten(change: Vitals) -> Replica:
    def vitals(metrics: Metrics, queue: Queue, now: datetime) -> None:
        if now >= TEN:
            change(metrics, queue, now)

    return Replica(vitals=vitals)


def in_a_loop(now: datetime) -> bool:
    """From ten o'clock on, 40 seconds up after 4 minutes down, again and again."""
    return now < TEN or (now - TEN).total_seconds() % 280 >= 240


def stands_by(metrics: Metrics, _queue: Queue, _now: datetime) -> None:
    metrics.lead(leading=False)


def requests(metrics: Metrics, _queue: Queue, now: datetime) -> None:
    """Half of all requests fail from ten o'clock on."""
    for code in (200, 200) if now < TEN else (200, 403):
        metrics.observe_request("GET", "secrets", code, 0.01)


def calendar(metrics: Metrics, _queue: Queue, _now: datetime) -> None:
    metrics.calendar_ends(TEN + timedelta(days=10, seconds=-1))


def reminders(result: str) -> Vitals:
    """One reminder, at ten o'clock."""

    def vitals(metrics: Metrics, _queue: Queue, now: datetime) -> None:
        if now == TEN:
            metrics.count_notification(result)

    return vitals


CASES = {
    "KiteTokenNotReady": Case(
        Replica(lambda now: [failing(now, at("07:40", day=0), 1)]), at("08:45"), reason="BrokerUnavailable"
    ),
    "KiteTokenExpired": Case(becomes(lambda now: failing(now, MINTED, 1)), TEN, reason="BrokerUnavailable"),
    "KiteLoginRequired": Case(Replica(lambda now: [nobody_came(now)]), at("08:15"), reason="LoginRequired"),
    "KiteAccountBlocked": Case(
        turns(lambda now: [failing(now, at("07:40", day=0), 1)], lambda now: [refused_password(now)], at("08:00")),
        at("08:00"),
        reason="PasswordRejected",
    ),
    "KiteSubscriptionInactive": Case(
        turns(
            lambda now: [failing(now, at("07:40", day=0), 1)],
            lambda now: [failing(now, at("07:40", day=0), 1, Reason.SUBSCRIPTION_INACTIVE)],
            at("08:00"),
        ),
        at("08:00"),
        reason="SubscriptionInactive",
    ),
    "KitePersonNeeded": Case(becomes(misspelt, at("08:00")), at("08:00"), reason="InvalidSpec"),
    "KiteRefreshFailing": Case(
        turns(
            lambda now: [failing(now, at("07:40", day=0), 2)],
            lambda now: [failing(now, at("07:40", day=0), 3)],
            at("08:00"),
        ),
        at("08:00"),
        reason="BrokerUnavailable",
    ),
    "KiteLoginBudgetNearlyUsed": Case(becomes(lambda now: nearly_spent(now, MINTED)), TEN),
    "KiteRolloutHindered": Case(becomes(lambda now: hindered(now, MINTED)), TEN),
    "KiteOperatorAbsent": Case(Replica(runs=lambda now: now < TEN), TEN),
    # The five minutes before are looked at, so that a restart between does not hide it.
    "KiteOperatorWithoutLeader": Case(from_ten(stands_by), TEN + timedelta(minutes=5)),
    # The third start is scraped after 13 and a half minutes.
    "KiteOperatorRestarting": Case(Replica(runs=in_a_loop), TEN + timedelta(seconds=810)),
    "KiteOperatorStalled": Case(
        # The scheduler is last seen to turn at ten; two minutes later it is still within its time.
        from_ten(lambda metrics, _queue, _now: metrics.progress(TEN)),
        TEN + timedelta(minutes=2) + EVALUATION,
    ),
    "KiteOperatorListStale": Case(
        from_ten(lambda metrics, _queue, _now: metrics.listed(TEN)), TEN + timedelta(minutes=15) + EVALUATION
    ),
    "KiteOperatorNamespaceRefused": Case(from_ten(lambda metrics, _queue, now: metrics.listed(now, refused=1)), TEN),
    "KiteOperatorWatchDown": Case(Replica(watching=lambda now: now < TEN), TEN),
    "KiteOperatorKubernetesErrors": Case(
        # A counter that is new has no rate before its second sample, and a small one then.
        Replica(vitals=requests),
        TEN + 2 * EVALUATION,
    ),
    "KiteOperatorReconcileErrors": Case(from_ten(lambda _m, queue, _now: setattr(queue, "failing", 1)), TEN),
    "KiteOperatorScheduleLag": Case(from_ten(lambda _m, queue, _now: setattr(queue, "lag_seconds", 300.5)), TEN),
    "KiteClockSkew": Case(from_ten(lambda metrics, _q, _now: metrics.observe_clock(ClockOffset(-5.5, 0.5))), TEN),
    "KiteNotificationsFailing": Case(Replica(vitals=reminders("failed")), TEN),
    "KiteTradingCalendarEnding": Case(
        Replica(
            lambda now: [nobody_came(now, on_trading_days(credential(mode="Manual")))],
            vitals=calendar,
        ),
        TEN,
    ),
}
WHO = {
    ("namespace", "name"): ({"namespace": "desk", "name": "alpha"}, {"credential": "desk/alpha"}),
    ("job", "instance"): (
        {"job": "kite-operator", "instance": "10.0.0.1:8080"},
        {"operator": "10.0.0.1:8080"},
    ),
    ("namespace", "job"): ({"namespace": "kite-operator", "job": "kite-operator"}, {}),
    (): ({}, {}),
}


def test_every_alert_is_tried() -> None:
    assert sorted(ALERTS) == sorted(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_fires_when_its_time_is_over_and_not_before_and_says_what_it_should(name: str, tmp_path: Path) -> None:
    case, alert = CASES[name], ALERTS[name]
    fires = case.since + timedelta(seconds=alert.waits)
    start = min(case.since, at("08:00")) - timedelta(minutes=6)
    recorded = record(tmp_path, start, fires + timedelta(minutes=1), case.replica)
    recorded.assert_firing({fires - EVALUATION: [], fires: [name]})
    labels, texts = WHO[alert.about]
    recorded.assert_alert(
        name,
        fires,
        labels={**labels, "severity": alert.severity, "component": "kite-operator"},
        annotations={
            "summary": told(alert.summary, texts, case),
            "description": told(alert.description, texts, case),
            "runbook": runbook_entry(name),
        },
    )


def told(text: str, texts: dict[str, str], case: Case) -> str:
    for name, value in (texts | {"reason": case.reason}).items():
        text = text.replace(f"${name}", value)
    assert "$" not in text
    return text


@pytest.mark.parametrize(
    "replica",
    [
        from_ten(lambda _m, queue, _now: setattr(queue, "lag_seconds", 300.0)),
        from_ten(lambda metrics, _q, _now: metrics.observe_clock(ClockOffset(5.0, 0.5))),
        Replica(lambda now: [failing(now, MINTED, 1)], vitals=lambda m, _q, _now: m.calendar_ends(None)),
        Replica(vitals=reminders("sent")),
    ],
    ids=[
        "a lag at the limit",
        "a clock at the limit",
        "no calendar, and nobody who asks it",
        "a reminder that was sent",
    ],
)
def test_what_is_within_its_limit_is_no_alert(replica: Replica, tmp_path: Path) -> None:
    quiet = Replica(lambda now: [working(now, MINTED)], vitals=replica.vitals)
    record(tmp_path, at("09:30"), at("12:00"), quiet).assert_firing({at("11:30"): [], at("12:00"): []})


def test_a_loop_of_restarts_in_which_nobody_leads_is_seen_through_its_gaps(tmp_path: Path) -> None:
    loop = Replica(runs=in_a_loop, vitals=from_ten(stands_by).vitals)
    recorded = record(tmp_path, at("09:50"), at("10:20"), loop)
    expected = ["KiteOperatorRestarting", "KiteOperatorWithoutLeader"]
    recorded.assert_firing(
        {at("10:05"): [], at("10:06"): expected[1:], at("10:12"): expected[1:], at("10:20"): expected}
    )


def test_two_restarts_in_half_an_hour_and_an_upgrade_are_no_loop(tmp_path: Path) -> None:
    former = Replica(runs=lambda now: now < TEN and now.minute not in (35, 45))
    latter = Replica(runs=lambda now: now >= TEN and now.minute not in (5, 15), instance="10.0.0.2:8080")
    record(tmp_path, at("09:30"), at("10:30"), former, latter).assert_firing({at("10:16"): [], at("10:30"): []})


def test_the_leader_of_one_install_does_not_hide_that_another_has_none(tmp_path: Path) -> None:
    other = Replica(vitals=stands_by, instance="10.0.0.2:8080", namespace="elsewhere")
    recorded = record(tmp_path, at("09:30"), at("10:00"), Replica(), other)
    recorded.assert_firing({at("10:00"): ["KiteOperatorWithoutLeader"]})
    labels = {"namespace": "elsewhere", "job": "kite-operator", "severity": "critical", "component": "kite-operator"}
    expr = 'ALERTS{alertstate="firing"}'
    named = "".join(f'{name}="{value}", ' for name, value in labels.items())
    sample = f'ALERTS{{{named}alertname="KiteOperatorWithoutLeader", alertstate="firing"}}'
    recorded.ask([{"expr": expr, "eval_time": "16200s", "exp_samples": [{"labels": sample, "value": 1}]}])


def test_a_secret_that_cannot_be_used_is_told_of_for_an_hour(tmp_path: Path) -> None:
    recorded = record(tmp_path, at("09:30"), at("11:10"), Replica(vitals=reminders("invalid")))
    name = "KiteNotificationsFailing"
    recorded.assert_firing({at("10:00"): [], at("10:01"): [name], at("10:59"): [name], at("11:01"): []})


def test_one_failed_request_in_twenty_is_no_alert(tmp_path: Path) -> None:
    def vitals(metrics: Metrics, _queue: Queue, _now: datetime) -> None:
        for code in [200] * 19 + [500]:
            metrics.observe_request("GET", "secrets", code, 0.01)

    recorded = record(tmp_path, at("09:30"), at("10:30"), Replica(vitals=vitals))
    recorded.assert_firing({at("10:00"): [], at("10:30"): []})
