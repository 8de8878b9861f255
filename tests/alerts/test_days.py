"""What wakes whom on whole days: an ordinary one, bad ones, weekends, nights, restarts and failovers.

Each question is about all alerts: nothing else fires at that moment.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kite_operator.decide.observed import Observed
from kite_operator.model.resource import Key
from kite_operator.record.status import derive
from support.alert_facts import failing, nobody_came, on_trading_days, refused_password, working
from support.facts import credential, waited
from support.promtool import Replica, at, record

YESTERDAY = at("07:40", day=0)
NOTHING: list[str] = []
LONG = 120
"""Seconds between evaluations, where days have to pass: promtool evaluates all of them from the first of January on."""


def an_ordinary_day(now: datetime) -> Iterable[Observed]:
    """Refreshed each day at 07:40: until then it is the token of the day before."""
    today = next(at("07:40", day=day) for day in (6, 5, 4, 3, 2, 1, 0) if at("07:40", day=day) <= now or day == 0)
    return [working(now, today)]


def manual(now: datetime) -> Iterable[Observed]:
    """Nobody ever logs in."""
    return [nobody_came(now)]


def manual_on_trading_days(now: datetime) -> Iterable[Observed]:
    """The same, and nobody has to on other days."""
    return [nobody_came(now, on_trading_days(credential(mode="Manual")))]


def down(start: datetime, end: datetime) -> Replica:
    """A Manual credential that nobody logs in for, and an operator that does not run between two moments."""
    return Replica(manual, runs=lambda now: not start <= now < end)


def test_an_ordinary_day_wakes_nobody_from_midnight_to_midnight(tmp_path: Path) -> None:
    recorded = record(tmp_path, at("06:00"), at("00:10", day=3), Replica(an_ordinary_day))
    times = ("00:00", "05:59:30", "06:00", "06:01", "07:30", "07:45", "08:46", "09:00", "15:30", "23:59:30")
    recorded.assert_firing({at(each, day=2): NOTHING for each in times} | {at("00:10", day=3): NOTHING})


def test_when_nobody_logs_in_a_person_is_called_half_an_hour_before_the_deadline_and_again_when_it_has_come(
    tmp_path: Path,
) -> None:
    login, both = ["KiteLoginRequired"], ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded = record(tmp_path, at("05:40"), at("09:30"), Replica(manual))
    recorded.assert_firing(
        {
            at("06:30"): NOTHING,
            at("07:30"): NOTHING,
            at("08:15:30"): NOTHING,
            at("08:16"): login,
            at("08:45:30"): login,
            at("08:46"): both,
            at("09:00"): both,
        }
    )


def test_it_is_over_as_soon_as_somebody_has_come(tmp_path: Path) -> None:
    came = at("08:50")
    recorded = record(
        tmp_path,
        at("08:00"),
        at("09:30"),
        Replica(lambda now: [working(now, came, "Manual") if now >= came else nobody_came(now)]),
    )
    recorded.assert_firing({at("08:49:30"): ["KiteLoginRequired", "KiteTokenNotReady"], came: NOTHING})


def test_nobody_is_woken_at_night_and_the_next_morning_begins_anew(tmp_path: Path) -> None:
    both = ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded = record(tmp_path, at("08:00"), at("09:00", day=2), Replica(manual))
    recorded.assert_firing(
        {
            at("23:44:30"): both,
            at("23:45"): NOTHING,
            at("00:00", day=2): NOTHING,
            at("05:59:30", day=2): NOTHING,
            at("06:05", day=2): NOTHING,
            at("08:15:30", day=2): NOTHING,
            at("08:16", day=2): ["KiteLoginRequired"],
            at("08:46", day=2): both,
        }
    )


@pytest.mark.parametrize("day", [1, 3, 4], ids=["a holiday", "a Saturday", "a Sunday"])
def test_a_day_without_trading_is_silent(day: int, tmp_path: Path) -> None:
    times = ("06:02", "07:32", "08:18", "08:48", "09:00", "12:00")
    start, end = at("05:32", day=day), at("12:00", day=day)
    recorded = record(tmp_path, start, end, Replica(manual_on_trading_days), step=LONG)
    recorded.assert_firing({at(each, day=day): NOTHING for each in times})


def test_the_monday_after_a_weekend_is_not(tmp_path: Path) -> None:
    start, end = at("23:00", day=4), at("09:00", day=5)
    recorded = record(tmp_path, start, end, Replica(manual_on_trading_days), step=LONG)
    recorded.assert_firing(
        {
            at("23:30", day=4): NOTHING,
            at("08:14", day=5): NOTHING,
            at("08:48", day=5): ["KiteLoginRequired", "KiteTokenNotReady"],
        }
    )


def test_a_suspended_credential_wakes_nobody(tmp_path: Path) -> None:
    suspended = credential(mode="Manual", suspended=True)
    recorded = record(tmp_path, at("08:00"), at("09:10"), Replica(lambda now: [nobody_came(now, suspended)]))
    recorded.assert_firing({at("08:20"): NOTHING, at("09:00"): NOTHING})


def test_one_that_was_suspended_in_the_middle_of_an_outage_keeps_silent(tmp_path: Path) -> None:
    def facts(now: datetime) -> Iterable[Observed]:
        found = failing(min(now, at("08:10")), YESTERDAY, 5)
        return [replace(found, now=now, credential=replace(found.credential, suspended=now >= at("08:10")))]

    recorded = record(tmp_path, at("08:00"), at("10:00"), Replica(facts))
    silent = dict.fromkeys((at("08:10"), at("08:46"), at("10:00")), NOTHING)
    recorded.assert_firing({at("08:09:30"): ["KiteRefreshFailing"], **silent})


def test_a_broker_that_is_down_all_morning_is_told_before_the_deadline_and_by_nine_it_is_urgent(
    tmp_path: Path,
) -> None:
    def facts(now: datetime) -> Iterable[Observed]:
        tries = round((now - at("07:40")) / timedelta(minutes=2))
        return [working(now, YESTERDAY) if now < at("07:40") else failing(now, YESTERDAY, max(1, tries))]

    failing_only, both = ["KiteRefreshFailing"], ["KiteRefreshFailing", "KiteTokenNotReady"]
    recorded = record(tmp_path, at("06:00"), at("09:10"), Replica(facts))
    recorded.assert_firing(
        {
            at("07:45"): NOTHING,
            at("08:00"): failing_only,
            at("08:45:30"): failing_only,
            at("08:46"): both,
            at("09:00"): both,
        }
    )


def test_gauges_that_nobody_renews_cannot_pass_an_old_token_off_as_ready(tmp_path: Path) -> None:
    # What the operator knows is of the evening before, when all was well: it is cut off from the API server.
    recorded = record(
        tmp_path, at("05:40"), at("09:00"), Replica(lambda _now: [working(at("17:00", day=0), YESTERDAY)])
    )
    recorded.assert_firing({at("06:10"): NOTHING, at("08:45:30"): NOTHING, at("08:46"): ["KiteTokenNotReady"]})


def test_an_operator_that_was_started_anew_and_cannot_look_at_a_credential_is_as_loud(tmp_path: Path) -> None:
    # Its status is of the evening before; every look fails from the start on.
    now = at("17:00", day=0)
    facts = working(now, YESTERDAY)
    stored = facts.credential.with_status(derive(facts, waited(facts)))
    recorded = record(
        tmp_path,
        at("05:40"),
        at("09:00"),
        Replica(lambda _now: [facts], runs=lambda now: now < at("06:00")),
        Replica(unseen=lambda _now: [stored], runs=lambda now: now >= at("06:10"), instance="10.0.0.2:8080"),
    )
    recorded.assert_firing({at("06:30"): NOTHING, at("08:45:30"): NOTHING, at("08:46"): ["KiteTokenNotReady"]})


def test_one_that_cannot_look_at_a_credential_that_waits_for_a_person_calls_one(tmp_path: Path) -> None:
    facts = nobody_came(at("17:00", day=0))
    stored = facts.credential.with_status(derive(facts, waited(facts)))
    recorded = record(tmp_path, at("06:10"), at("09:00"), Replica(unseen=lambda _now: [stored]))
    both = ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded.assert_firing({at("08:15:30"): NOTHING, at("08:16"): both[:1], at("08:46"): both})


def test_a_restart_within_a_for_does_not_start_it_anew_nor_end_what_fires(tmp_path: Path) -> None:
    recorded = record(tmp_path, at("08:00"), at("09:00"), down(at("08:45"), at("08:47")))
    recorded.assert_firing(
        {
            at("08:45:30"): ["KiteLoginRequired"],
            at("08:46"): ["KiteLoginRequired", "KiteTokenNotReady"],
            at("08:48"): ["KiteLoginRequired", "KiteTokenNotReady"],
        }
    )


def test_a_failover_across_a_for_keeps_one_alert_and_its_time(tmp_path: Path) -> None:
    first = Replica(manual, runs=lambda now: now < at("08:45:30"))
    second = Replica(manual, runs=lambda now: now >= at("08:48:30"), instance="10.0.0.2:8080")
    recorded = record(tmp_path, at("08:00"), at("09:00"), first, second)
    both = ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded.assert_firing({at("08:45:30"): both[:1], at("08:46"): both, at("08:49"): both, at("08:55"): both})


def test_a_failover_between_two_that_are_well_is_silent(tmp_path: Path) -> None:
    first = Replica(an_ordinary_day, runs=lambda now: now < at("08:44"))
    second = Replica(an_ordinary_day, runs=lambda now: now >= at("08:48"), instance="10.0.0.2:8080")
    recorded = record(tmp_path, at("08:00"), at("09:30"), first, second)
    recorded.assert_firing({at(each): NOTHING for each in ("08:46", "08:48", "08:50", "08:54", "09:00", "09:30")})


def test_a_standby_beside_a_leader_is_no_alert_and_a_standby_alone_is_one(tmp_path: Path) -> None:
    first = Replica(an_ordinary_day, runs=lambda now: now < at("08:30"))
    second = Replica(vitals=lambda metrics, _queue, _now: metrics.lead(leading=False), instance="10.0.0.2:8080")
    recorded = record(tmp_path, at("08:00"), at("08:40"), first, second)
    recorded.assert_firing({at("08:10"): NOTHING, at("08:35:30"): NOTHING, at("08:36"): ["KiteOperatorWithoutLeader"]})


def test_the_calmer_of_two_replicas_counts_until_the_other_is_forgotten(tmp_path: Path) -> None:
    gone = at("08:10")
    first = Replica(lambda now: [refused_password(now)], runs=lambda now: now < gone)
    second = Replica(an_ordinary_day, runs=lambda now: now >= gone, instance="10.0.0.2:8080")
    recorded = record(tmp_path, at("08:00"), at("08:30"), first, second)
    recorded.assert_firing({at("08:09:30"): ["KiteAccountBlocked"], gone: NOTHING, at("08:30"): NOTHING})


def test_an_operator_that_stays_away_is_told_and_what_it_knew_is_forgotten(tmp_path: Path) -> None:
    recorded = record(tmp_path, at("08:40"), at("09:30"), down(at("08:50"), at("09:20")))
    both = ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded.assert_firing(
        {
            at("08:54:30"): both,
            at("08:56"): ["KiteOperatorAbsent"],
            at("09:19:30"): ["KiteOperatorAbsent"],
            at("09:20"): NOTHING,
            at("09:21"): both,
        }
    )


def test_two_credentials_are_two_alerts(tmp_path: Path) -> None:
    other = credential(mode="Manual")
    beta = Key("desk", "beta")

    def facts(now: datetime) -> Iterable[Observed]:
        return [nobody_came(now), nobody_came(now, replace(other, key=beta))]

    recorded = record(tmp_path, at("08:00"), at("08:30"), Replica(facts))
    recorded.assert_firing({at("08:20"): ["KiteLoginRequired", "KiteLoginRequired"]})


def test_a_deleted_credential_is_forgotten_in_five_minutes(tmp_path: Path) -> None:
    deleted = at("09:00")
    recorded = record(tmp_path, at("08:00"), at("09:10"), Replica(lambda now: manual(now) if now < deleted else ()))
    both = ["KiteLoginRequired", "KiteTokenNotReady"]
    recorded.assert_firing({at("09:04"): both, at("09:05"): NOTHING})
