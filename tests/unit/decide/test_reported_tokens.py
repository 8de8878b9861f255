"""A token that a consumer reports as dead is probed soon, and once a minute at most, however many report it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kite_operator.decide.liveness import REPORT_INTERVAL, next_probe
from kite_operator.decide.observed import Observed, Probes
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.in_memory import InMemoryState
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from support.facts import NOON, alive, credential, dead, failures, grant, ist, observed, published, unanswered, waited

TODAY = published(ist("07:40"))
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ALMOST = MINUTE - timedelta(microseconds=1)


def reported(asked: Probes, at: datetime = NOON, **changes: object) -> Observed:
    """Return a state at noon, with an interval of five minutes and a report of the token since the last probe."""
    return observed(at, held=TODAY, probes=replace(asked, reported_at=at), **changes)


@pytest.mark.parametrize("asked", [alive, unanswered], ids=["alive", "unanswered"])
def test_a_minute_after_the_last_probe_it_is_probed_at_once(asked: Callable[[datetime], Probes]) -> None:
    assert Action.PROBE == decide(reported(asked(NOON - MINUTE))).action


@pytest.mark.parametrize("asked", [alive, unanswered], ids=["alive", "unanswered"])
def test_within_the_minute_the_probe_waits_for_its_end(asked: Callable[[datetime], Probes]) -> None:
    plan = waited(reported(asked(NOON - ALMOST)))
    assert (Action.WAIT, NOON + MINUTE - ALMOST) == (plan.action, plan.wake_at)


def test_without_a_report_the_interval_holds() -> None:
    plan = waited(observed(NOON, held=TODAY, probes=alive(NOON - MINUTE)))
    assert (Action.WAIT, NOON + 4 * MINUTE) == (plan.action, plan.wake_at)


def test_a_report_never_delays_a_probe() -> None:
    assert Action.PROBE == decide(reported(alive(NOON - 5 * MINUTE))).action
    due = observed(NOON, held=TODAY, probes=alive(NOON - 5 * MINUTE + SECOND))
    assert NOON + SECOND == next_probe(due)
    assert NOON + SECOND >= (next_probe(replace(due, probes=replace(due.probes, reported_at=NOON))) or NOON)


def test_after_a_restart_it_is_probed_at_once() -> None:
    assert Action.PROBE == decide(reported(Probes(known_since=NOON))).action


def test_a_clock_that_was_set_back_does_not_delay_it() -> None:
    assert Action.PROBE == decide(reported(alive(NOON + 10 * MINUTE))).action


def test_a_token_of_the_day_before_is_probed_ahead_of_its_first_scheduled_probe() -> None:
    yesterday = published(ist("07:40", day=1))
    probes = replace(alive(ist("05:58")), reported_at=ist("06:00:10"))
    assert Action.PROBE == decide(observed(ist("06:00:10"), held=yesterday, probes=probes)).action


def test_a_token_that_is_known_to_be_dead_is_not_probed() -> None:
    facts = reported(dead(NOON - 10 * MINUTE), credential=credential(mode="Manual"))
    assert next_probe(facts) is None
    assert Action.PROBE != decide(facts).action


def test_a_dead_token_of_the_day_before_still_waits_for_the_schedule() -> None:
    now = ist("06:30")
    probes = replace(dead(ist("06:10")), reported_at=now)
    facts = observed(now, held=published(ist("07:40", day=1)), probes=probes)
    plan = waited(replace(facts, target=replace(facts.target, marked_dead=True)))
    assert (Action.WAIT, Reason.TOKEN_EXPIRED, ist("07:40")) == (plan.action, plan.reason, plan.wake_at)


def test_a_suspended_credential_is_left_alone() -> None:
    assert Action.WAIT == decide(reported(alive(NOON - 2 * MINUTE), credential=credential(suspended=True))).action


def test_a_backoff_neither_delays_the_probe_nor_starts_a_login() -> None:
    waiting = Status(failures=failures(Reason.BROKER_UNAVAILABLE, last=NOON - MINUTE, retry=NOON + MINUTE))
    assert Action.PROBE == decide(reported(alive(NOON - MINUTE), credential=credential(status=waiting))).action


def test_a_report_neither_publishes_a_token_nor_exchanges_a_grant() -> None:
    plan = decide(reported(alive(NOON - SECOND), grants=(grant(),)))
    assert Action.REFUSE_GRANT == plan.action
    assert not reported(alive(NOON)).refresh_asked


def storm(clock: Callable[[int], datetime], seconds: int) -> list[datetime]:
    """Return the times of the probes under a false report every second. `clock` gives the time of each second."""
    memory, asked = InMemoryState(), []
    memory.about("session", clock(0))
    memory.learn(alive_at=clock(0), asked_at=clock(0))
    for second in range(seconds):
        now = clock(second)
        memory.report_dead(now)
        facts = observed(now, held=TODAY, probes=memory.about("session", now))
        if decide(facts).action is Action.PROBE:
            asked.append(now)
            memory.learn(asked_at=now, reported_at=None)
            memory.learn(alive_at=now, dead_at=None)
    return asked


def test_a_storm_of_false_reports_costs_one_question_a_minute() -> None:
    asked = storm(lambda second: NOON + second * SECOND, 601)
    assert [NOON + n * REPORT_INTERVAL for n in range(1, 11)] == asked


def test_in_a_storm_a_clock_that_jumps_costs_one_probe_a_jump() -> None:
    forward = storm(lambda second: NOON + second * SECOND + (timedelta(hours=1) if second >= 90 else 0 * MINUTE), 121)
    assert [NOON + MINUTE, NOON + timedelta(hours=1, seconds=90)] == forward
    back = storm(lambda second: NOON + second * SECOND - (timedelta(hours=1) if second >= 90 else 0 * MINUTE), 151)
    assert [NOON + MINUTE, NOON - timedelta(hours=1) + 90 * SECOND, NOON - timedelta(hours=1) + 150 * SECOND] == back
