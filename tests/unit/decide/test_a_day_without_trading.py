"""Decisions on a day without trading: no scheduled refresh, no request for a login; a user's request is obeyed (P2).

The calendar knows 2026. Friday is 6 March, Monday the 9th. The credential's share of the jitter is 0.5: its refresh is
at 07:40, its last call at 08:15.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from kite_operator.decide.observed import Held, Observed, Probes
from kite_operator.decide.plan import Action, Plan, Wait
from kite_operator.decide.policies import decide
from kite_operator.decide.reminder import due_reminder, needs_action
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Credential
from kite_operator.model.sources import Problem
from kite_operator.model.trading_days import EVERY_DAY, TradingCalendar
from support.facts import (
    account,
    alive,
    attempt,
    credential,
    dead,
    failures,
    grant,
    ist,
    observed,
    published,
    renewal,
    unanswered,
    waited,
)

CALENDAR = TradingCalendar((2026,), frozenset({date(2026, 3, 3)}))
FRIDAY, SATURDAY, SUNDAY, MONDAY = 6, 7, 8, 9
OF_FRIDAY = published(ist("07:40", day=FRIDAY))
MONDAYS = ist("07:40", day=MONDAY)
MINUTE = timedelta(minutes=1)
WEEKEND = [ist(at, day=day) for day in (SATURDAY, SUNDAY) for at in ("06:00", "07:40", "08:15", "08:45", "20:00")] + [
    ist("05:59", day=SUNDAY),
    ist("05:59", day=MONDAY),
]
MODES = ("TOTP", "Manual", "RefreshToken")


def on_trading_days(mode: str = "TOTP", calendar: TradingCalendar = CALENDAR, **changes: object) -> Credential:
    made = credential(mode=mode, **changes)
    return replace(made, timing=replace(made.timing, days=TRADING_DAYS, calendar=calendar))


def situation(
    now: datetime, mode: str = "TOTP", probes: Probes | None = None, held: Held | None = OF_FRIDAY, **changes: object
) -> Observed:
    """Return a state with Friday's token, in a derived Secret that is marked when the token is dead."""
    usual = {"credential": on_trading_days(mode), "renewal": renewal() if mode == "RefreshToken" else None, **changes}
    facts = observed(now, held=held, probes=probes or dead(now - MINUTE), **usual)
    if facts.probes.dead_at is None:
        return facts
    return replace(facts, target=replace(facts.target, marked_dead=True))


def outline(plan: Plan) -> tuple[Action, Reason, bool, bool]:
    assert isinstance(plan, Wait), plan.action
    return plan.action, plan.reason, plan.healthy, plan.login_required


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("now", WEEKEND, ids=str)
def test_a_dead_token_is_not_replaced_and_no_manual_login_is_requested(now: datetime, mode: str) -> None:
    assert (Action.WAIT, Reason.MARKET_CLOSED, False, False) == outline(decide(situation(now, mode)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("now", WEEKEND, ids=str)
def test_a_living_token_is_used_for_as_long_as_it_lives_and_is_probed_as_usual(now: datetime, mode: str) -> None:
    plan = waited(situation(now, mode, alive(now)))
    assert (Action.WAIT, Reason.MARKET_CLOSED, True, False) == outline(plan)
    assert plan.wake_at is not None
    assert now < plan.wake_at <= now + 5 * MINUTE
    assert Action.PROBE is decide(situation(now + 5 * MINUTE, mode, alive(now))).action


@pytest.mark.parametrize("now", WEEKEND, ids=str)
def test_an_unanswered_probe_is_repeated_and_causes_no_login(now: datetime) -> None:
    probes = unanswered(now - MINUTE, alive_at=ist("05:58", day=SATURDAY))
    assert (Action.WAIT, Reason.MARKET_CLOSED, False, False) == outline(decide(situation(now, probes=probes)))
    assert Action.PROBE is decide(situation(now + 4 * MINUTE, probes=probes)).action


@pytest.mark.parametrize("mode", ["TOTP", "RefreshToken"])
def test_before_saturday_and_on_monday_a_dead_token_is_replaced_as_on_any_day(mode: str) -> None:
    login = {"TOTP": Action.LOGIN, "RefreshToken": Action.RENEW}[mode]
    for now, action in (
        (ist("05:59", day=SATURDAY), login),
        (ist("06:00", day=SATURDAY), Action.WAIT),
        (ist("05:59", day=MONDAY), Action.WAIT),
        (MONDAYS - MINUTE, Action.WAIT),
        (MONDAYS, login),
    ):
        assert (now, action) == (now, decide(situation(now, mode)).action)


def test_a_manual_login_is_requested_until_saturday_and_from_monday_on() -> None:
    for now, reason in (
        (ist("05:59", day=SATURDAY), Reason.LOGIN_REQUIRED),
        (ist("06:00", day=SATURDAY), Reason.MARKET_CLOSED),
        (ist("05:59", day=MONDAY), Reason.MARKET_CLOSED),
        (ist("06:00", day=MONDAY), Reason.LOGIN_REQUIRED),
    ):
        plan = waited(situation(now, "Manual"))
        assert (now, reason, reason is Reason.LOGIN_REQUIRED) == (now, plan.reason, plan.login_required)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clock_time", ["08:15", "08:45", "13:00"])
def test_no_reminder_is_sent(mode: str, clock_time: str) -> None:
    facts = situation(ist(clock_time, day=SATURDAY), mode)
    assert not needs_action(facts, waited(facts))
    assert None is due_reminder(facts, waited(facts))
    blocked = situation(ist(clock_time, day=SATURDAY), account=account(attempt("block-1")))
    assert None is due_reminder(blocked, waited(blocked))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clock_time", ["06:00", "12:00", "23:00"])
def test_the_next_reconcile_is_at_the_end_of_the_day_at_the_latest(mode: str, clock_time: str) -> None:
    for day in (FRIDAY, SATURDAY, SUNDAY):
        now = ist(clock_time, day=day)
        plan = decide(situation(now, mode, held=OF_FRIDAY if day != FRIDAY else None))
        assert not isinstance(plan, Wait) or (plan.wake_at and plan.wake_at <= ist("06:00", day=day + 1))


def test_the_message_names_the_day_and_the_next_refresh() -> None:
    plan = decide(situation(ist("09:00", day=SATURDAY)))
    assert (
        "Saturday 2026-03-07 is a weekend, and not refreshed: there is no working token, the next refresh is at "
        "2026-03-09T07:40:00+05:30"
    ) == plan.message
    holi = situation(ist("09:00", day=3), held=published(ist("07:40", day=2)))
    assert decide(holi).message.startswith("Tuesday 2026-03-03 is an exchange holiday, and not refreshed")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("calendar", [EVERY_DAY, replace(CALENDAR, extra_sessions=frozenset({date(2026, 3, 7)}))])
def test_a_saturday_of_an_unknown_year_or_with_a_session_is_a_day_like_others(
    mode: str, calendar: TradingCalendar
) -> None:
    for clock_time in ("06:30", "07:40", "08:15", "20:00"):
        now = ist(clock_time, day=SATURDAY)
        usual = decide(situation(now, mode, credential=credential(mode=mode)))
        with_calendar = decide(situation(now, mode, credential=on_trading_days(mode, calendar)))
        assert (usual.action, usual.reason, getattr(usual, "login_required", False)) == (
            with_calendar.action,
            with_calendar.reason,
            getattr(with_calendar, "login_required", False),
        )


@pytest.mark.parametrize(("mode", "action"), [("TOTP", Action.LOGIN), ("RefreshToken", Action.RENEW)])
def test_a_new_credential_gets_its_first_token_at_once(mode: str, action: Action) -> None:
    assert action is decide(situation(ist("12:00", day=SUNDAY), mode, Probes(), held=None)).action


def test_a_new_credential_in_mode_manual_reports_that_a_login_is_required() -> None:
    plan = decide(situation(ist("12:00", day=SUNDAY), "Manual", Probes(), held=None))
    assert (Action.WAIT, Reason.LOGIN_REQUIRED, False, True) == outline(plan)


@pytest.mark.parametrize("mode", MODES)
def test_the_token_of_a_first_login_on_a_sunday_is_good_for_the_day(mode: str) -> None:
    now = ist("12:00", day=SUNDAY)
    plan = decide(situation(now, mode, alive(now - MINUTE), held=published(now - MINUTE)))
    assert (Action.WAIT, Reason.SESSION_ACTIVE, True, False) == outline(plan)


@pytest.mark.parametrize("mode", MODES)
def test_a_manual_login_is_exchanged_on_any_day(mode: str) -> None:
    for probes in (dead, alive):
        now = ist("12:00", day=SUNDAY)
        facts = situation(now, mode, probes(now - MINUTE), grants=(grant(),))
        assert Action.EXCHANGE is decide(facts).action


@pytest.mark.parametrize(("mode", "action"), [("TOTP", Action.LOGIN), ("RefreshToken", Action.RENEW)])
def test_a_refresh_that_a_user_requested_is_made_and_retried(mode: str, action: Action) -> None:
    now = ist("12:00", day=SUNDAY)
    asked = replace(on_trading_days(mode), refresh="now")
    assert action is decide(situation(now, mode, dead(now), credential=asked)).action
    tried = replace(asked.status, last_handled_refresh="now")
    for last, expected in ((now - MINUTE, action), (ist("05:59", day=SUNDAY), Action.WAIT)):
        ledger = failures(Reason.BROKER_UNAVAILABLE, last=last, retry=now)
        facts = situation(now, mode, credential=asked.with_status(replace(tried, failures=ledger)))
        assert expected is decide(facts).action


def test_a_requested_refresh_probes_a_token_that_may_live() -> None:
    now = ist("12:00", day=SUNDAY)
    asked = replace(on_trading_days(), refresh="now")
    assert Action.PROVE is decide(situation(now, probes=alive(now - MINUTE), credential=asked)).action


def test_a_requested_refresh_in_mode_manual_requests_no_manual_login() -> None:
    now = ist("12:00", day=SUNDAY)
    asked = replace(on_trading_days("Manual"), refresh="now")
    plan = decide(situation(now, "Manual", dead(now), credential=asked))
    assert (Action.WAIT, Reason.MARKET_CLOSED, False, False) == outline(plan)


def test_a_problem_that_a_user_has_to_fix_before_monday_is_reported() -> None:
    now = ist("12:00", day=SUNDAY)
    missing = Problem(Reason.APP_SECRET_NOT_FOUND, "Secret 'alpha-app' is not there")
    factors = Problem(Reason.LOGIN_SECRET_INVALID, "Secret 'alpha-login' has no key password")
    for mode in MODES:
        plan = waited(situation(now, mode, app=missing, renewal=None))
        assert (Action.WAIT, Reason.APP_SECRET_NOT_FOUND, False) == (plan.action, plan.reason, plan.login_required)
    assert Reason.LOGIN_SECRET_INVALID is decide(situation(now, factors=factors)).reason
    blocked = waited(situation(now, account=account(attempt("block-1"))))
    assert (Action.WAIT, Reason.PASSWORD_REJECTED) == (blocked.action, blocked.reason)
    assert blocked.block_id
