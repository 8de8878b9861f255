"""Rules about the next session: who brings it, and what stands in its way."""

from dataclasses import replace
from datetime import datetime, timedelta

from kite_operator.decide import budget, timing
from kite_operator.decide.liveness import (
    Liveness,
    died_in_flush,
    found_dead_at,
    is_due,
    is_of_other_app,
    liveness,
    may_have_lapsed,
)
from kite_operator.decide.observed import Grant, Observed
from kite_operator.decide.plan import Action, Plan
from kite_operator.decide.standing import RECHECK, is_within, paused, rest_on, standing_block, standing_rejection
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY
from kite_operator.model.sources import Problem

GRANT_PROOF_AGE = timedelta(seconds=60)
"""A grant is refused only when the token was seen alive this recently."""
ASKED_AGAIN = timedelta(seconds=15)
"""While a grant waits and the broker does not answer, it is asked about the token this often."""
REFRESH_WINDOW = timedelta(minutes=10)
"""How long after a refresh that a person asked for a login replaces even a living token."""
EXCHANGE_PAUSE = timedelta(seconds=5)
APP_REASONS = (Reason.APP_SECRET_REJECTED, Reason.APP_REJECTED)
"""Rejections of the app itself: another login would meet the same."""


def person_logged_in(observed: Observed) -> Plan | None:
    """A person's login is taken when a session is needed or asked for, and refused while the token works."""
    if not observed.grants:
        return None
    # Who logs in once more while the broker does not answer has the better login: the older one is dealt with after it.
    grant = next((each for each in observed.grants if not each.taken), observed.grants[0])
    if grant.request_token is None:
        message = f"login grant {grant.name!r} has no usable key request_token: it is deleted"
        return Plan(Action.REFUSE_GRANT, Reason.GRANT_INVALID, message, grant=grant)
    if _is_used(observed, grant):
        message = f"login grant {grant.name!r} is of a login that has been used: it is deleted"
        return Plan(Action.DROP_GRANT, Reason.LOGIN_IN_PROGRESS, message, grant=grant)
    if isinstance(observed.app, Problem):
        return rest_on(observed.app, observed)
    asked = observed.refresh_asked or is_within(observed.probes.refreshed_at, observed.now, REFRESH_WINDOW)
    if not asked and _is_good(observed):
        return _not_required(observed, grant)
    return _app_rejected(observed, grant) or _expired(observed, grant) or _exchange_in_time(observed, grant)


def _is_used(observed: Observed, grant: Grant) -> bool:
    """Whether a session has been staged since its exchange was begun: its deletion was what failed, or was killed."""
    held = observed.held
    if grant.taken_at is None or held is None or held.adopted or held.brought:
        return False
    return grant.taken_at <= held.staged_at <= observed.now


def _is_good(observed: Observed) -> bool:
    """Return whether the held session is of today and of this app, and lives as far as is known."""
    return liveness(observed) is Liveness.ALIVE and not is_due(observed) and not is_of_other_app(observed)


def _not_required(observed: Observed, grant: Grant) -> Plan:
    """A grant is refused only when the broker has just said that the present token works."""
    now, probes = observed.now, observed.probes
    if is_within(probes.alive_at, now, GRANT_PROOF_AGE):
        message = (
            f"login grant {grant.name!r} was not used: the present token works. To replace it all the same, set the "
            "annotation kite-operator.dev/refresh to a new value, then log in again"
        )
        return Plan(Action.REFUSE_GRANT, Reason.LOGIN_NOT_REQUIRED, message, grant=grant)
    if probes.asked_at is not None and is_within(probes.asked_at, now, ASKED_AGAIN):
        message = "a login arrived, and the broker does not say whether the present token is still alive"
        return Plan(Action.REST, Reason.LOGIN_IN_PROGRESS, message, wake_at=probes.asked_at + ASKED_AGAIN)
    return Plan(Action.PROBE, Reason.SESSION_ACTIVE, "a login arrived: is the present token still alive?")


def _app_rejected(observed: Observed, grant: Grant) -> Plan | None:
    standing = standing_rejection(observed)
    if standing is None or standing.reason not in APP_REASONS:
        return None
    message = f"login grant {grant.name!r} was not used: {standing.message}"
    return Plan(Action.REFUSE_GRANT, standing.reason, message, grant=grant)


def _expired(observed: Observed, grant: Grant) -> Plan | None:
    """A request_token that the broker did not take in its life is dead by now, and another login is needed."""
    ends_at = _ends_at(grant)
    if ends_at is None or timedelta(0) < ends_at - observed.now <= 2 * budget.REQUEST_TOKEN_LIVES:
        return None  # further away than that it was begun before the clock was set back
    message = (
        f"login grant {grant.name!r} could not be exchanged in the few minutes for which its request_token is good: "
        "the broker did not answer. Log in once more"
    )
    return Plan(Action.REFUSE_GRANT, Reason.GRANT_EXPIRED, message, grant=grant)


def _ends_at(grant: Grant) -> datetime | None:
    """Return when a request_token whose exchange was begun can be alive no longer; None before that."""
    return None if grant.taken_at is None else grant.taken_at + budget.REQUEST_TOKEN_LIVES


def _exchange_in_time(observed: Observed, grant: Grant) -> Plan:
    """A grant is exchanged at once, and again after each backoff while its request_token may be alive.

    A backoff that began before the person logged in is not theirs to wait for.
    """
    waiting, ends_at = paused(observed), _ends_at(grant)
    if waiting is None or ends_at is None or observed.refresh_asked:
        return _exchange(observed, grant)
    return replace(waiting, wake_at=min(waiting.wake_at or ends_at, ends_at))


def _exchange(observed: Observed, grant: Grant) -> Plan:
    before = observed.probes.exchanged_at
    if before is not None and is_within(before, observed.now, EXCHANGE_PAUSE):
        message = "logins of this credential are exchanged one in five seconds"
        return Plan(Action.REST, Reason.LOGIN_IN_PROGRESS, message, wake_at=before + EXCHANGE_PAUSE)
    return Plan(Action.EXCHANGE, Reason.LOGIN_IN_PROGRESS, "a person's login is being exchanged", grant=grant)


def app_secret_unusable(observed: Observed) -> Plan | None:
    """No login without the app's keys."""
    return rest_on(observed.app, observed) if isinstance(observed.app, Problem) else None


def login_by_person(observed: Observed) -> Plan | None:
    """Mode Manual asks a person and waits; so does mode RefreshToken while there is no refresh_token.

    What the broker refused of the app is the reason while it stands: another login would meet the same.
    """
    if not observed.by_person:
        return None
    standing = standing_rejection(observed)
    if standing is None and may_have_lapsed(observed):
        return _renew_the_subscription(observed)
    return _login_required(observed, standing.reason if standing is not None else Reason.LOGIN_REQUIRED)


def _renew_the_subscription(observed: Observed) -> Plan:
    """What ended the token reads like a lapse: no login helps before that is over, and perhaps none is needed then."""
    plan = _login_required(observed, Reason.SUBSCRIPTION_INACTIVE)
    told = (
        "the broker's answer reads like that of a lapsed Kite Connect subscription. If it has lapsed, renew it in the "
        "developer console: the token is asked about again by itself. If it has not, "
    )
    return replace(plan, message=told + plan.message)


def _login_required(observed: Observed, reason: Reason) -> Plan:
    standing = standing_rejection(observed)
    hint = f" Before that: {standing.message}." if standing is not None else ""
    last = observed.credential.status.failures
    told = f" The last login was not usable ({last.reason})." if last is not None and not hint else ""
    upcoming = timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)
    return Plan(
        Action.REST,
        reason,
        f"{how_to_log_in(observed)}{hint}{told}",
        # What was refused may be mended in a Secret that nobody watches.
        wake_at=upcoming if standing is None else min(upcoming, observed.now + RECHECK),
        person=True,
        block_id=standing.id if standing is not None else "",
    )


def how_to_log_in(observed: Observed) -> str:
    """Return where a person logs in, in a sentence."""
    if observed.login_url:
        return f"log in at {observed.login_url}."
    return (
        "log in at https://kite.zerodha.com/connect/login?v=3&api_key=<your api_key>, then create a Secret of type "
        f"kite-operator.dev/login-grant with label kite-operator.dev/credential={observed.credential.key.name} and the "
        "request_token of the URL that you are sent to."
    )


def relogin_by_person(observed: Observed) -> Plan | None:
    """With relogin Daily a session that somebody ended in mid-day is not replaced before a person says so.

    The daily flush is nobody's doing: what was minted in its window and died in it is replaced. A block is told as
    such: another refresh would not help.
    """
    held = observed.held
    if observed.credential.relogin != ONCE_A_DAY or observed.refresh_asked or held is None:
        return None
    if liveness(observed) is not Liveness.DEAD or is_due(observed) or is_of_other_app(observed):
        return None
    if died_in_flush(observed) or standing_block(observed) is not None or _is_tried_again(observed):
        return None
    plan = _login_required(observed, Reason.SESSION_ENDED)
    told = (
        "the session was ended before its time, and spec.login.relogin is Daily: set the annotation "
        "kite-operator.dev/refresh to a new value to have the operator log in, or "
    )
    return replace(plan, message=told + plan.message)


def _is_tried_again(observed: Observed) -> bool:
    """Return whether the login that a person asked for has failed since the session died, and is to be tried again.

    Not the login of a person that failed. Status has whole seconds: a failure of the same second is taken to be later.
    """
    status, found = observed.credential.status, found_dead_at(observed)
    failures, last = status.failures, status.last_login
    if failures is None or failures.last_time is None or failures.next_retry_time is None or found is None:
        return False
    by_hand = last is not None and last.time is not None and last.time >= failures.last_time
    return not by_hand and failures.last_time + timedelta(seconds=1) > found


def login_secret_unusable(observed: Observed) -> Plan | None:
    """No login without both factors."""
    return rest_on(observed.factors, observed) if isinstance(observed.factors, Problem) else None


def blocked(observed: Observed) -> Plan | None:
    """Nothing is submitted while a block stands: only a changed input or a person's acknowledgement lifts it."""
    block = standing_block(observed)
    if block is None:
        return None
    return Plan(
        Action.REST, block.reason, f"{block.message} ({block.id})", wake_at=observed.now + RECHECK, block_id=block.id
    )


def backing_off(observed: Observed) -> Plan | None:
    """Return what passes by itself is tried again at its time; a person may ask sooner."""
    return None if observed.refresh_asked else paused(observed)


def renew_session(observed: Observed) -> Plan | None:
    """Mode RefreshToken asks for the next session with the refresh_token that it holds; no password is involved."""
    if observed.renewable is None:
        return None
    return Plan(Action.RENEW, Reason.LOGIN_IN_PROGRESS, "the session is being renewed")


def window_used(observed: Observed) -> Plan | None:
    """A code is never used twice: with this window's spent, the next is awaited before the password is sent."""
    account = observed.account
    if account is None or account.last_window is None:
        return None
    window = int(observed.now.timestamp()) // budget.WINDOW_SECONDS
    if window > account.last_window:
        return None
    seconds = (account.last_window + 1) * budget.WINDOW_SECONDS - observed.now.timestamp()
    wake_at = observed.now + timedelta(seconds=seconds)
    message = "this TOTP window's code has been used: the next window is awaited"
    if seconds > 2 * budget.WINDOW_SECONDS:
        message = f"the clock was set back: codes up to {rfc3339(wake_at)} have been used, and none is sent before that"
    return Plan(Action.REST, Reason.WAITING_FOR_TOTP_WINDOW, message, wake_at=wake_at)


def log_in(_: Observed) -> Plan:
    """There is no living session, and nothing speaks against a login."""
    return Plan(Action.LOGIN, Reason.LOGIN_IN_PROGRESS, "logging in")
