"""Rules in order: the first one that returns a plan decides.

Each rule is one small predicate over the observed state. The order puts invalid user input before any call to the
broker, reads before logins, and a manual login before the operator's own.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from kite_operator.decide import timing
from kite_operator.decide.liveness import next_probe
from kite_operator.decide.observed import Observed
from kite_operator.decide.on_input import (
    account_unreadable,
    acknowledged,
    client_not_allowed,
    rival_first,
    spec_unusable,
    state_not_ours,
    suspended,
    target_unwritable,
)
from kite_operator.decide.on_login import (
    app_secret_unusable,
    backing_off,
    blocked,
    log_in,
    login_by_person,
    login_secret_unusable,
    person_logged_in,
    relogin_by_person,
    renew_session,
    window_used,
)
from kite_operator.decide.on_session import (
    dead_unmarked,
    market_closed,
    previous_target_left,
    probe_due,
    refresh_asked,
    still_good,
    target_differs,
    yesterday_at_schedule,
    yesterday_before_schedule,
)
from kite_operator.decide.on_staged import session_staged
from kite_operator.decide.plan import Plan, Wait
from kite_operator.decide.revocation import revoke_asked, revoked
from kite_operator.decide.rollout import next_check, restart_owed
from kite_operator.model.resource import TRADING_DAYS

Policy = Callable[[Observed], Plan | None]


def decide(observed: Observed) -> Plan:
    """Return the plan for this credential now.

    A wait ends at the next probe of the published token and at the next check of workloads at the latest; with `days`
    TradingDays, also at the end of the session day.
    """
    plan = next(plan for policy in CHAIN if (plan := policy(observed)) is not None)
    if not isinstance(plan, Wait):
        return plan
    if observed.credential.timing.days == TRADING_DAYS:
        plan = _up_to(plan, timing.day_end(observed.now))
    if not plan.reason.calls_broker:
        return plan
    # The published token is probed during every other wait.
    return probe_due(observed) or _up_to(plan, next_probe(observed), next_check(observed))


def _up_to(plan: Wait, *moments: datetime | None) -> Wait:
    """Return a wait that ends at the first of these moments at the latest."""
    return replace(plan, wake_at=min((at for at in (plan.wake_at, *moments) if at is not None), default=None))


CHAIN: tuple[Policy, ...] = (
    spec_unusable,
    client_not_allowed,
    revoke_asked,
    suspended,
    state_not_ours,
    account_unreadable,
    target_unwritable,
    rival_first,
    acknowledged,
    revoked,
    session_staged,
    person_logged_in,
    target_differs,
    previous_target_left,
    refresh_asked,
    dead_unmarked,
    probe_due,
    restart_owed,
    still_good,
    market_closed,
    yesterday_before_schedule,
    yesterday_at_schedule,
    app_secret_unusable,
    login_by_person,
    relogin_by_person,
    login_secret_unusable,
    blocked,
    backing_off,
    renew_session,
    window_used,
    log_in,
)
