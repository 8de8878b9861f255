"""Restarts of workloads in spec.rollout: whether one is owed, and when it may be made."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.decide.rollout import (
    RETRY,
    RETRY_SOON,
    Finding,
    WorkloadView,
    concluded,
    is_news,
    judge,
    market_closes,
    remembered,
    restart_owed,
    was_restarted_unheard,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from kite_operator.model.rollout import ALWAYS, Rollout, RolloutStatus, Stamp, Workload, WorkloadState
from support.facts import alive, as_recorded, credential, dead, ist, observed, published, staged, waited

TRADER = Workload("Deployment", "trader")
OLD, NEW = "aaaaaaaa.11", "aaaaaaaa.22"
OTHER_KEY = "bbbbbbbb.33"
LOGIN = ist("07:40")
BEFORE, AFTER = LOGIN - timedelta(hours=20), LOGIN + timedelta(minutes=1)
EARLY, IN_MARKET, CLOSE = ist("08:00"), ist("11:00"), ist("15:30")


def status(*seen: WorkloadState, version: str = OLD, **changes: Any) -> RolloutStatus:
    return replace(RolloutStatus(1, version, workloads=seen), **changes)


def seen(mark: Stamp | None = None, result: Finding = Finding.CURRENT, uid: str = "uid-1") -> WorkloadState:
    return WorkloadState(TRADER, uid, mark or Stamp(OLD, BEFORE), result)


def situation(
    now: datetime = EARLY, *, last: RolloutStatus | None = None, rollout: Rollout | None = None, **changes: Any
) -> Observed:
    subject = credential(rollout=rollout or Rollout((TRADER,)), status=Status(rollout=last))
    usual = {"held": published(LOGIN), "probes": alive(now), "token_version": NEW, "rollout_allowed": True}
    return observed(now, credential=subject, **{**usual, **changes})


def view(**changes: Any) -> WorkloadView:
    usual = {"uid": "uid-1", "created": BEFORE, "consents_to": "alpha"}
    return WorkloadView(TRADER, **{**usual, **changes})


@pytest.mark.parametrize(
    ("why", "now", "expected"),
    [
        ("the stamp is of the present token", view(stamp=Stamp(NEW, AFTER)), Finding.CURRENT),
        ("the stamp is of a former token", view(stamp=Stamp(OLD, BEFORE)), Finding.OWED),
        ("it was stamped under another key, after the login", view(stamp=Stamp(OTHER_KEY, AFTER)), Finding.CURRENT),
        ("it was stamped under another key, before the login", view(stamp=Stamp(OTHER_KEY, BEFORE)), Finding.OWED),
        ("a person restarted it after the login", view(stamp=Stamp(OLD, BEFORE), by_hand=AFTER), Finding.CURRENT),
        ("a person restarted it before the login", view(stamp=Stamp(OLD, BEFORE), by_hand=BEFORE), Finding.OWED),
        ("a person's clock is ahead", view(stamp=Stamp(OLD, BEFORE), by_hand=EARLY + RETRY), Finding.OWED),
        ("it does not consent", view(consents_to=""), Finding.NOT_ALLOWED),
        ("it consents to another credential", view(consents_to="beta"), Finding.NOT_ALLOWED),
        ("it is paused and current", view(stamp=Stamp(NEW, AFTER), paused=True), Finding.CURRENT),
        ("it is paused and owed a restart", view(stamp=Stamp(OLD, BEFORE), paused=True), Finding.PAUSED),
        ("it is not there", WorkloadView(TRADER, trouble=Finding.NOT_FOUND), Finding.NOT_FOUND),
        ("it may not be read", WorkloadView(TRADER, trouble=Finding.REFUSED), Finding.REFUSED),
    ],
)
def test_a_workload_without_an_entry_in_status_has_its_finding(why: str, now: WorkloadView, expected: Finding) -> None:
    assert expected == judge(situation(), now), why


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, view(), Finding.CURRENT),
        (status(version=""), view(), Finding.CURRENT),
        (status(version=NEW), view(), Finding.CURRENT),
        (status(version=OLD), view(created=AFTER), Finding.CURRENT),
        (status(version=OLD), view(created=None), Finding.CURRENT),
        (status(version=OLD), view(created=BEFORE), Finding.OWED),
        (status(seen()), view(), Finding.OWED),
        (status(seen(Stamp(NEW, AFTER))), view(), Finding.CURRENT),
        (status(seen(), version=NEW), view(), Finding.OWED),
        (status(seen(uid="uid-0")), view(created=AFTER), Finding.CURRENT),
        (status(seen(uid="uid-0")), view(created=BEFORE), Finding.OWED),
        (status(seen(Stamp(OTHER_KEY, AFTER))), view(), Finding.CURRENT),
        (status(seen(Stamp(OTHER_KEY, BEFORE))), view(), Finding.OWED),
    ],
)
def test_a_workload_without_a_stamp_is_judged_by_its_entry_in_status(
    last: RolloutStatus | None, now: WorkloadView, expected: Finding
) -> None:
    assert expected == judge(situation(last=last), now)


def test_a_workload_created_between_login_and_publication_started_with_the_previous_token() -> None:
    last = status()
    subject = credential(rollout=Rollout((TRADER,)), status=Status(rollout=last, last_refresh_time=AFTER))
    assert Finding.OWED == judge(replace(situation(), credential=subject), view(created=LOGIN + timedelta(seconds=30)))


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        (ist("08:59:59"), None),
        (ist("09:00"), CLOSE),
        (ist("15:29:59"), CLOSE),
        (CLOSE, None),
        (ist("23:59"), None),
        (ist("11:00", day=7), ist("15:30", day=7)),
        (ist("11:00", day=8), ist("15:30", day=8)),
    ],
)
def test_market_hours_are_indian_time_and_count_on_every_day(now: datetime, closes: datetime | None) -> None:
    assert closes == market_closes(Rollout((TRADER,)), now)


def test_market_hours_may_be_others_or_none() -> None:
    hours = (time(8), time(23, 55))
    assert ist("23:55") == market_closes(Rollout((TRADER,), market_hours=hours), EARLY)
    assert market_closes(Rollout((TRADER,), when=ALWAYS), IN_MARKET) is None


@pytest.mark.parametrize(("when", "expected"), [("OutsideMarketHours", Finding.WAITING), (ALWAYS, Finding.OWED)])
def test_in_market_hours_a_restart_waits_unless_asked(when: str, expected: Finding) -> None:
    assert expected == judge(situation(IN_MARKET, last=status(seen()), rollout=Rollout((TRADER,), when)), view())


SETTLED = status(seen(Stamp(NEW, AFTER)), version=NEW)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (situation(), Action.RESTART),
        (situation(last=SETTLED), None),
        (situation(last=status(seen())), Action.RESTART),
        (situation(IN_MARKET, last=replace(SETTLED, next_time=CLOSE)), None),
        (situation(CLOSE, last=replace(SETTLED, next_time=CLOSE)), Action.RESTART),
        (situation(EARLY, last=replace(SETTLED, next_time=ist("15:30", day=3))), Action.RESTART),
        (situation(last=replace(SETTLED, observed_generation=0)), Action.RESTART),
        (situation(held=None), None),
        (situation(held=staged(LOGIN)), None),
        (situation(probes=dead(EARLY)), None),
        (situation(held=published(BEFORE)), None),
        (situation(target=TargetView(exists=True)), None),
        (situation(rollout_allowed=False), Action.RESTART),
        (situation(rollout_allowed=False, held=None), Action.RESTART),
    ],
)
def test_workloads_are_examined_when_there_is_a_reason(facts: Observed, expected: Action | None) -> None:
    plan = restart_owed(facts)
    assert expected == (None if plan is None else plan.action)


def test_without_a_rollout_in_the_spec_nothing_is_examined() -> None:
    subject = credential(status=Status(rollout=status(seen())))
    assert restart_owed(replace(situation(), credential=subject)) is None


def test_a_rollout_that_is_not_allowed_is_reported_once_for_each_spec() -> None:
    answered = RolloutStatus(1, reason=Reason.ROLLOUT_NOT_ALLOWED)
    assert restart_owed(situation(last=answered, rollout_allowed=False)) is None
    assert restart_owed(situation(last=replace(answered, observed_generation=0), rollout_allowed=False)) is not None
    assert restart_owed(situation(last=answered)) is not None
    assert restart_owed(situation(last=replace(SETTLED, reason=Reason.ROLLOUT_NOT_ALLOWED), rollout_allowed=False))


def test_a_restart_comes_after_the_token_and_before_a_wait() -> None:
    assert Action.RESTART == decide(situation()).action
    assert Action.PROVE == decide(situation(target=TargetView())).action
    assert Action.WAIT == decide(situation(last=SETTLED)).action


def test_a_wait_ends_at_the_latest_when_the_market_closes() -> None:
    almost = CLOSE - timedelta(seconds=20)
    plan = waited(situation(almost, last=replace(SETTLED, next_time=CLOSE)))
    assert (Action.WAIT, CLOSE) == (plan.action, plan.wake_at)


def test_a_next_time_in_the_past_does_not_end_a_wait() -> None:
    plan = as_recorded(situation(probes=dead(EARLY), last=replace(SETTLED, next_time=EARLY)))
    assert plan.wake_at is None or plan.wake_at > EARLY


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Finding.RESTARTED, WorkloadState(TRADER, "uid-1", Stamp(NEW, EARLY), "Restarted")),
        (Finding.CURRENT, WorkloadState(TRADER, "uid-1", Stamp(NEW, BEFORE), "Current")),
        (Finding.WAITING, WorkloadState(TRADER, "uid-1", Stamp(OLD, BEFORE), "Waiting")),
        (Finding.PAUSED, WorkloadState(TRADER, "uid-1", Stamp(OLD, BEFORE), "Paused")),
        (Finding.NOT_ALLOWED, WorkloadState(TRADER, "uid-1", None, "NotAllowed")),
        (Finding.NOT_FOUND, WorkloadState(TRADER, "", None, "NotFound")),
    ],
)
def test_each_finding_has_its_entry_in_status(result: Finding, expected: WorkloadState) -> None:
    assert expected == remembered(situation(last=status(seen())), view(), result)


def test_a_workload_that_cannot_be_read_keeps_its_entry_in_status() -> None:
    lost = WorkloadView(TRADER, trouble=Finding.UNAVAILABLE)
    last = status(seen())
    assert WorkloadState(TRADER, "uid-1", Stamp(OLD, BEFORE), "Unavailable") == remembered(
        situation(last=last), lost, Finding.UNAVAILABLE
    )
    assert WorkloadState(TRADER, "", None, "Refused") == remembered(
        situation(), replace(lost, trouble=Finding.REFUSED), Finding.REFUSED
    )


@pytest.mark.parametrize(
    ("results", "reason", "next_time"),
    [
        ([Finding.CURRENT, Finding.RESTARTED], "", None),
        ([Finding.CURRENT, Finding.WAITING], "RolloutWaiting", CLOSE),
        ([Finding.NOT_ALLOWED, Finding.WAITING], "RolloutNotAllowed", IN_MARKET + RETRY),
        ([Finding.NOT_FOUND, Finding.NOT_ALLOWED], "RolloutFailed", IN_MARKET + RETRY),
        ([Finding.PAUSED], "RolloutFailed", IN_MARKET + RETRY),
        ([Finding.REFUSED], "RolloutFailed", IN_MARKET + RETRY),
        ([Finding.UNAVAILABLE, Finding.REFUSED], "RolloutFailed", IN_MARKET + RETRY_SOON),
    ],
)
def test_a_pending_restart_has_a_reason_and_a_time(
    results: list[Finding], reason: str, next_time: datetime | None
) -> None:
    came_of_it = [
        WorkloadState(Workload("Deployment", f"t{n}"), "uid", None, result) for n, result in enumerate(results)
    ]
    new = concluded(situation(IN_MARKET), came_of_it, "in words")
    assert (reason, next_time, NEW, 1) == (new.reason, new.next_time, new.token_version, new.observed_generation)


def test_the_time_of_the_last_restart_is_kept() -> None:
    last = status(restarted_time=BEFORE)
    assert BEFORE == concluded(situation(last=last), [seen()], "").restarted_time
    assert EARLY == concluded(situation(last=last), [seen(result=Finding.RESTARTED)], "").restarted_time


def test_a_problem_is_reported_once_for_each_token_and_again_when_it_changes() -> None:
    paused = seen(result=Finding.PAUSED)
    assert is_news(situation(), paused)
    assert is_news(situation(last=status(paused)), paused)
    assert not is_news(situation(last=status(paused, version=NEW)), paused)
    assert is_news(situation(last=status(paused, version=NEW)), seen(result=Finding.NOT_FOUND))


def test_a_stamp_that_is_not_in_status_was_set_before_a_crash() -> None:
    stamped = view(stamp=Stamp(NEW, EARLY))
    assert was_restarted_unheard(situation(last=status(seen())), stamped)
    assert not was_restarted_unheard(situation(last=status(seen(Stamp(NEW, EARLY)))), stamped)
    assert not was_restarted_unheard(situation(), stamped)
    assert not was_restarted_unheard(situation(last=status(seen(uid="uid-0"))), stamped)
    assert not was_restarted_unheard(situation(last=status(seen())), view())
