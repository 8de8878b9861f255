"""Mode RefreshToken: a renewal where mode TOTP would log in; without a refresh_token it behaves as mode Manual."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.account import AttemptOutcome, LoginCount
from kite_operator.model.expiry import session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from kite_operator.model.sources import Problem
from support.facts import (
    NOON,
    account,
    alive,
    attempt,
    credential,
    dead,
    failures,
    grant,
    ist,
    leaks,
    observed,
    published,
    rejection,
    renewal,
    staged,
    waited,
)

MODE = "RefreshToken"
MINUTE = timedelta(minutes=1)
TODAY = published(NOON - timedelta(hours=4))
YESTERDAY = published(ist("07:40", day=1))
MARKED = TargetView(exists=True, matches=True, marked_dead=True)
GONE = Problem(Reason.APP_SECRET_NOT_FOUND, "Secret 'alpha-app' does not exist")


def renewing(now: Any = NOON, **changes: Any) -> Observed:
    """Return a state with a refresh_token, unless the test says otherwise."""
    subject = changes.pop("credential", None) or credential(mode=MODE, login_secret=None)
    return observed(now, **{"credential": subject, "renewal": renewal(), **changes})


def dead_at_noon(**changes: Any) -> Observed:
    return renewing(held=TODAY, probes=dead(NOON - 2 * MINUTE), target=MARKED, **changes)


def failed(retry_in: timedelta, **changes: Any) -> Observed:
    status = Status(failures=failures(Reason.BROKER_UNAVAILABLE, last=NOON - MINUTE, retry=NOON + retry_in))
    return renewing(credential=credential(mode=MODE, login_secret=None, status=status, **changes))


def used_up(count: int = 3) -> Any:
    return account(logins=(LoginCount("key-v1", session_day(NOON), count),))


SITUATIONS: dict[str, tuple[Observed, Action, Reason]] = {
    "no session yet": (renewing(), Action.RENEW, Reason.LOGIN_IN_PROGRESS),
    "no session and no refresh_token": (renewing(renewal=None), Action.WAIT, Reason.LOGIN_REQUIRED),
    "the refresh_token of another app": (
        renewing(renewal=renewal(api_key="anotherapikey000")),
        Action.WAIT,
        Reason.LOGIN_REQUIRED,
    ),
    "a session of today": (renewing(held=TODAY, probes=alive(NOON - MINUTE)), Action.WAIT, Reason.SESSION_ACTIVE),
    "a session that died in mid-day": (dead_at_noon(), Action.RENEW, Reason.LOGIN_IN_PROGRESS),
    "the same without a refresh_token": (dead_at_noon(renewal=None), Action.WAIT, Reason.LOGIN_REQUIRED),
    "a staged session": (renewing(held=staged(NOON - MINUTE)), Action.PROVE, Reason.SESSION_UNPROVEN),
    "a person's login": (renewing(grants=(grant(),)), Action.EXCHANGE, Reason.LOGIN_IN_PROGRESS),
    "a person's login without a refresh_token": (
        renewing(grants=(grant(),), renewal=None),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "dead before the schedule": (
        renewing(ist("06:30"), held=YESTERDAY, probes=dead(ist("06:29")), target=MARKED),
        Action.WAIT,
        Reason.TOKEN_EXPIRED,
    ),
    "dead before the schedule and no refresh_token": (
        renewing(ist("06:30"), held=YESTERDAY, probes=dead(ist("06:29")), target=MARKED, renewal=None),
        Action.WAIT,
        Reason.LOGIN_REQUIRED,
    ),
    "dead at the schedule": (
        renewing(ist("07:41"), held=YESTERDAY, probes=dead(ist("07:40")), target=MARKED),
        Action.RENEW,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "alive at the schedule": (
        renewing(ist("07:41"), held=YESTERDAY, probes=alive(ist("07:40"))),
        Action.WAIT,
        Reason.WAITING_FOR_SCHEDULE,
    ),
    "alive at the last call": (
        renewing(ist("08:16"), held=YESTERDAY, probes=alive(ist("08:15"))),
        Action.RENEW,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "no app Secret": (renewing(app=GONE), Action.WAIT, Reason.APP_SECRET_NOT_FOUND),
    "the app was rejected": (
        renewing(account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),))),
        Action.WAIT,
        Reason.APP_SECRET_REJECTED,
    ),
    "the app was rejected before its Secret changed": (
        renewing(account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v0"),))),
        Action.RENEW,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "three sessions were made today": (renewing(account=used_up()), Action.WAIT, Reason.SESSION_CONTESTED),
    "two sessions were made today": (renewing(account=used_up(2)), Action.RENEW, Reason.LOGIN_IN_PROGRESS),
    "three sessions were made today, and a person's login": (
        renewing(account=used_up(), grants=(grant(),)),
        Action.EXCHANGE,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "wrong entries of somebody else": (
        renewing(account=account(*[attempt(f"a{n}", AttemptOutcome.WRONG) for n in range(4)])),
        Action.RENEW,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "a used TOTP window of somebody else": (
        renewing(account=account(last_window=int(NOON.timestamp()) // 30)),
        Action.RENEW,
        Reason.LOGIN_IN_PROGRESS,
    ),
    "backing off": (failed(5 * MINUTE), Action.WAIT, Reason.BROKER_UNAVAILABLE),
    "backing off, and a person asks": (failed(5 * MINUTE, refresh="r1"), Action.RENEW, Reason.LOGIN_IN_PROGRESS),
    "the backoff is over": (failed(-MINUTE), Action.RENEW, Reason.LOGIN_IN_PROGRESS),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_has_its_decision(name: str) -> None:
    facts, action, reason = SITUATIONS[name]
    plan = decide(facts)
    assert (action, reason) == (plan.action, plan.reason)


@pytest.mark.parametrize("mode", ["Manual", "TOTP"])
def test_no_other_mode_uses_a_refresh_token(mode: str) -> None:
    login_secret = "alpha-login" if mode == "TOTP" else None
    plan = decide(observed(credential=credential(mode=mode, login_secret=login_secret), renewal=renewal()))
    assert Action.RENEW is not plan.action


def test_a_manual_login_is_requested_only_without_a_refresh_token() -> None:
    facts = renewing(ist("07:41"), held=YESTERDAY, probes=alive(ist("07:40")))
    assert (False, True) == (waited(facts).login_required, waited(replace(facts, renewal=None)).login_required)


def test_while_the_app_secret_is_missing_no_manual_login_is_requested() -> None:
    facts = renewing(ist("07:41"), held=YESTERDAY, probes=alive(ist("07:40")), app=GONE)
    assert waited(facts).login_required is False


def test_the_refresh_token_is_not_shown() -> None:
    assert [] == list(leaks(repr(renewing())))
