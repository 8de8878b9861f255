"""Rules about the next session: how it is made, and what prevents it."""

from dataclasses import replace
from datetime import datetime, timedelta

from kite_operator.decide import budget, timing
from kite_operator.decide.liveness import died_in_flush, found_dead_at, may_have_lapsed
from kite_operator.decide.observed import Grant, Held, Observed, UsableApp
from kite_operator.decide.phase import Dead, Published, phase_of
from kite_operator.decide.plan import DropGrant, Exchange, Login, Plan, Probe, RefuseGrant, Renew, Wait
from kite_operator.decide.standing import RECHECK, is_within, paused, standing_block, standing_rejection, wait_on
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY
from kite_operator.model.session import LoginFactors
from kite_operator.model.sources import Problem

GRANT_PROOF_AGE = timedelta(seconds=60)
"""Age up to which an answer that the token is alive refuses a grant."""
ASKED_AGAIN = timedelta(seconds=15)
"""Time between probes while a grant waits and the broker does not answer."""
REFRESH_WINDOW = timedelta(minutes=10)
"""Time after a user's request for a refresh in which a manual login replaces even a living token."""
EXCHANGE_PAUSE = timedelta(seconds=5)


def person_logged_in(observed: Observed) -> Plan | None:
    """Exchange a manual login when a session is needed or requested; refuse it while the token works."""
    if not observed.grants:
        return None
    # A second manual login while the broker does not answer is the better one: the older one is handled after it.
    grant = next((each for each in observed.grants if not each.taken), observed.grants[0])
    request_token = grant.request_token
    if request_token is None:
        message = f"login grant {grant.name!r} has no usable key request_token: it is deleted"
        return RefuseGrant(Reason.GRANT_INVALID, message, grant)
    if _is_used(observed, grant):
        message = f"login grant {grant.name!r} is of a login that has been used: it is deleted"
        return DropGrant(Reason.LOGIN_IN_PROGRESS, message, grant)
    if isinstance(observed.app, Problem):
        return wait_on(observed, observed.app)
    asked = observed.refresh_asked or is_within(observed.probes.refreshed_at, observed.now, REFRESH_WINDOW)
    match phase_of(observed):
        case Published(held, alive=True) if not asked:
            return _not_required(observed, held, grant)
    message = "a person's login is being exchanged"
    exchange = Exchange(Reason.LOGIN_IN_PROGRESS, message, observed.app, grant, request_token)
    return _app_rejected(observed, grant) or _expired(observed, grant) or _exchange_in_time(observed, exchange)


def _is_used(observed: Observed, grant: Grant) -> bool:
    """Return whether a session was staged after its exchange began: then only its deletion failed or was killed."""
    held = observed.held
    if grant.taken_at is None or held is None or held.recovered or held.adopted:
        return False
    return grant.taken_at <= held.staged_at <= observed.now


def _not_required(observed: Observed, held: Held, grant: Grant) -> RefuseGrant | Wait | Probe:
    """Refuse a grant only when the broker has just answered that the present token works."""
    now, probes = observed.now, observed.probes
    if is_within(probes.alive_at, now, GRANT_PROOF_AGE):
        message = (
            f"login grant {grant.name!r} was not used: the present token works. To replace it all the same, set the "
            "annotation kite-operator.dev/refresh to a new value, then log in again"
        )
        return RefuseGrant(Reason.LOGIN_NOT_REQUIRED, message, grant)
    if probes.asked_at is not None and is_within(probes.asked_at, now, ASKED_AGAIN):
        message = "a login arrived, and the broker does not say whether the present token is still alive"
        return Wait(Reason.LOGIN_IN_PROGRESS, message, wake_at=probes.asked_at + ASKED_AGAIN)
    return Probe(Reason.SESSION_ACTIVE, "a login arrived: is the present token still alive?", held)


def _app_rejected(observed: Observed, grant: Grant) -> RefuseGrant | None:
    standing = standing_rejection(observed)
    if standing is None or standing.reason.manual_login is not ManualLogin.REJECTED:
        return None
    message = f"login grant {grant.name!r} was not used: {standing.message}"
    return RefuseGrant(standing.reason, message, grant)


def _expired(observed: Observed, grant: Grant) -> RefuseGrant | None:
    """Refuse a grant whose request_token expired before the broker accepted it: another login is needed."""
    ends_at = _ends_at(grant)
    if ends_at is None or timedelta(0) < ends_at - observed.now <= 2 * budget.REQUEST_TOKEN_LIVES:
        return None  # an end further away than that: it was begun before the clock was set back
    message = (
        f"login grant {grant.name!r} could not be exchanged in the few minutes for which its request_token is good: "
        "the broker did not answer. Log in once more"
    )
    return RefuseGrant(Reason.GRANT_EXPIRED, message, grant)


def _ends_at(grant: Grant) -> datetime | None:
    """Return when a request_token expires whose exchange was begun; None when it was not begun."""
    return None if grant.taken_at is None else grant.taken_at + budget.REQUEST_TOKEN_LIVES


def _exchange_in_time(observed: Observed, exchange: Exchange) -> Exchange | Wait:
    """Exchange a grant at once, and again after each backoff while its request_token may be alive.

    A backoff that began before the manual login does not delay it.
    """
    waiting, ends_at = paused(observed), _ends_at(exchange.grant)
    if waiting is None or ends_at is None or observed.refresh_asked:
        return _spaced(observed, exchange)
    return replace(waiting, wake_at=min(waiting.wake_at or ends_at, ends_at))


def _spaced(observed: Observed, exchange: Exchange) -> Exchange | Wait:
    """Exchange one manual login of a credential in five seconds."""
    before = observed.probes.exchanged_at
    if before is not None and is_within(before, observed.now, EXCHANGE_PAUSE):
        message = "logins of this credential are exchanged one in five seconds"
        return Wait(Reason.LOGIN_IN_PROGRESS, message, wake_at=before + EXCHANGE_PAUSE)
    return exchange


def app_secret_unusable(observed: Observed) -> Wait | None:
    """Wait while the app's keys cannot be used: no login is possible."""
    return wait_on(observed, observed.app) if isinstance(observed.app, Problem) else None


def login_by_person(observed: Observed) -> Wait | None:
    """Request a manual login and wait, in mode Manual and in mode RefreshToken without a refresh_token.

    A standing rejection of the app is the reason: another login would be rejected too.
    """
    if not observed.needs_manual_login:
        return None
    standing = standing_rejection(observed)
    if standing is None and may_have_lapsed(observed):
        return _renew_the_subscription(observed)
    return _login_required(observed, standing.reason if standing is not None else Reason.LOGIN_REQUIRED)


def _renew_the_subscription(observed: Observed) -> Wait:
    """Request a renewal of the subscription: before it no login helps, and after it perhaps none is needed."""
    plan = _login_required(observed, Reason.SUBSCRIPTION_INACTIVE)
    hint = (
        "the broker's answer reads like that of a lapsed Kite Connect subscription. If it has lapsed, renew it in the "
        "developer console: the token is asked about again by itself. If it has not, "
    )
    return replace(plan, message=hint + plan.message)


def _login_required(observed: Observed, reason: Reason) -> Wait:
    standing = standing_rejection(observed)
    hint = f" Before that: {standing.message}." if standing is not None else ""
    last = observed.credential.status.failures
    failure = f" The last login was not usable ({last.reason})." if last is not None and not hint else ""
    upcoming = timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)
    return Wait(
        reason,
        f"{how_to_log_in(observed)}{hint}{failure}",
        # The rejected input may be corrected in a Secret that is not watched.
        wake_at=upcoming if standing is None else min(upcoming, observed.now + RECHECK),
        login_required=True,
        block_id=standing.id if standing is not None else "",
    )


def how_to_log_in(observed: Observed) -> str:
    """Return the sentence that says where to log in."""
    if observed.login_url:
        return f"log in at {observed.login_url}."
    return (
        "log in at https://kite.zerodha.com/connect/login?v=3&api_key=<your api_key>, then create a Secret of type "
        f"kite-operator.dev/login-grant with label kite-operator.dev/credential={observed.credential.key.name} and the "
        "request_token of the URL that you are sent to."
    )


def relogin_by_person(observed: Observed) -> Wait | None:
    """Wait for a user, with relogin Daily, when the session was ended in mid-day.

    A session that was minted in the flush window and died in the flush is replaced: no user ended it. A block is
    reported as a block: another refresh would not help.
    """
    if observed.credential.relogin != ONCE_A_DAY or observed.refresh_asked:
        return None
    match phase_of(observed):
        case Dead(due=False):
            return _session_ended(observed)
    return None


def _session_ended(observed: Observed) -> Wait | None:
    if died_in_flush(observed) or standing_block(observed) is not None or _is_tried_again(observed):
        return None
    plan = _login_required(observed, Reason.SESSION_ENDED)
    hint = (
        "the session was ended before its time, and spec.login.relogin is Daily: set the annotation "
        "kite-operator.dev/refresh to a new value to have the operator log in, or "
    )
    return replace(plan, message=hint + plan.message)


def _is_tried_again(observed: Observed) -> bool:
    """Return whether the login that a user requested has failed since the session died, and is to be retried.

    A failed manual login does not count. Status has whole seconds: a failure in the same second counts as later.
    """
    status, found = observed.credential.status, found_dead_at(observed)
    failures, last = status.failures, status.last_login
    if failures is None or failures.last_time is None or failures.next_retry_time is None or found is None:
        return False
    by_hand = last is not None and last.time is not None and last.time >= failures.last_time
    return not by_hand and failures.last_time + timedelta(seconds=1) > found


def login_secret_unusable(observed: Observed) -> Wait | None:
    """Wait while the login factors cannot be used: no login is possible."""
    return wait_on(observed, observed.factors) if isinstance(observed.factors, Problem) else None


def blocked(observed: Observed) -> Wait | None:
    """Submit nothing while a block stands: only a changed input or a user's acknowledgement lifts it."""
    block = standing_block(observed)
    if block is None:
        return None
    return Wait(block.reason, f"{block.message} ({block.id})", wake_at=observed.now + RECHECK, block_id=block.id)


def backing_off(observed: Observed) -> Wait | None:
    """Wait for the end of a backoff; a user's request for a refresh ends it sooner."""
    return None if observed.refresh_asked else paused(observed)


def renew_session(observed: Observed) -> Renew | None:
    """Renew the session with the held refresh_token, in mode RefreshToken; no password is submitted."""
    app, renewal = observed.app, observed.renewable
    if renewal is None or isinstance(app, Problem):
        return None
    return Renew(Reason.LOGIN_IN_PROGRESS, "the session is being renewed", app, renewal.refresh_token)


def window_used(observed: Observed) -> Wait | None:
    """Wait for the next TOTP window, before the password is sent, when this window's code has been used."""
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
    return Wait(Reason.WAITING_FOR_TOTP_WINDOW, message, wake_at=wake_at)


def log_in(observed: Observed) -> Login | Wait:
    """Log in: there is no living session, and no other rule applies. Without factors only a manual login is left."""
    match observed.app, observed.factors:
        case UsableApp() as app, LoginFactors() as factors:
            return Login(Reason.LOGIN_IN_PROGRESS, "logging in", app, factors)
    return _login_required(observed, Reason.LOGIN_REQUIRED)
