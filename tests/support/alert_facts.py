"""What an operator observes of a credential on the days of January 1970 that promtool knows, as alerts see them."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Credential, Status
from kite_operator.model.rollout import Rollout, RolloutStatus, Workload
from kite_operator.model.trading_days import TradingCalendar
from support.facts import account, alive, attempt, credential, dead, failures, observed, published
from support.promtool import at

HOLIDAY = date(1970, 1, 1)
CALENDAR = TradingCalendar((1970,), frozenset({HOLIDAY}))
_MARKED = TargetView(exists=True, matches=True, marked_dead=True)


def on_trading_days(who: Credential) -> Credential:
    """The same, refreshed on trading days only; Thursday the 1st is none."""
    return replace(who, timing=replace(who.timing, days=TRADING_DAYS, calendar=CALENDAR))


def having(who: Credential, minted: datetime, **status: Any) -> Credential:
    """With a status that says when its last token was new."""
    return who.with_status(replace(Status(last_refresh_time=minted), **status))


def working(now: datetime, minted: datetime, mode: str = "TOTP") -> Observed:
    """Its token lives."""
    return observed(now, credential=having(credential(mode=mode), minted), held=published(minted), probes=alive(now))


def nobody_came(now: datetime, who: Credential | None = None) -> Observed:
    """Mode Manual; the token is of the day before, and dead."""
    minted = at("07:40", day=0)
    manual = having(who or credential(mode="Manual"), minted)
    return observed(now, credential=manual, held=published(minted), probes=dead(now), target=_MARKED)


def failing(now: datetime, minted: datetime, tries: int, reason: Reason = Reason.BROKER_UNAVAILABLE) -> Observed:
    """Mode TOTP; the token is dead, and so many tries in a row have failed."""
    record = failures(reason, last=now, retry=now + timedelta(minutes=10), count=tries)
    who = having(credential(), minted, failures=record)
    return observed(now, credential=who, held=published(minted), probes=dead(now), target=_MARKED)


def refused_password(now: datetime) -> Observed:
    """Blocked: the password of this login Secret was wrong."""
    minted = at("07:40", day=0)
    record = account(attempt("wrong", at=at("07:40")))
    who = having(credential(), minted)
    return observed(now, credential=who, held=published(minted), probes=dead(now), target=_MARKED, account=record)


def nearly_spent(now: datetime, minted: datetime) -> Observed:
    """Its token lives, and three entries of former versions of the login Secret are counted."""
    record = account(*(attempt(f"wrong-{each}", version=f"former-{each}") for each in range(3)))
    return replace(working(now, minted), account=record)


def hindered(now: datetime, minted: datetime) -> Observed:
    """Its token lives, and the operator does not allow the restart that the spec asks for."""
    told = RolloutStatus(1, reason=Reason.ROLLOUT_NOT_ALLOWED)
    who = replace(having(credential(), minted, rollout=told), rollout=Rollout((Workload("Deployment", "trader"),)))
    return replace(working(now, minted), credential=who)


def misspelt(now: datetime) -> Observed:
    """A spec that cannot be used."""
    return observed(now, credential=credential(problems=("spec.target.labels: a prefix is not allowed",)))
