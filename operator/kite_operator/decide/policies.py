"""The rules, in order: the first that has something to say decides.

Each rule is one small question about the observed world. They are ordered so that what a person wrote wrongly comes
before any call to the broker, reading comes before logging in, and a person's login comes before the operator's own.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from kite_operator.decide import backoff, budget, timing
from kite_operator.decide.former import fate
from kite_operator.decide.liveness import Liveness, is_due, is_of_other_app, liveness, next_probe
from kite_operator.decide.observed import Grant, Observed
from kite_operator.decide.plan import Action, Plan
from kite_operator.model.conditions import READY
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem

RECHECK = timedelta(seconds=30)
"""How soon a blocked or failing credential looks at its Secrets again."""
GRANT_PROOF_AGE = timedelta(seconds=60)
"""A grant is refused only when the token was seen alive this recently."""
ASKED_AGAIN = timedelta(seconds=15)
"""While a grant waits and the broker does not answer, it is asked about the token this often."""
MOST_DRIFT_HEALS = 3
"""Heals of the derived Secret within an hour before the operator stops fighting."""
CONTESTED_PAUSE = timedelta(minutes=15)
REFRESH_WINDOW = timedelta(minutes=10)
"""How long after a refresh that a person asked for a login replaces even a living token."""
EXCHANGE_PAUSE = timedelta(seconds=5)
FRESH_ANSWER = timedelta(seconds=60)
"""An answer about the token this young is not asked for again."""
VERY_NEXT_CALL = timedelta(minutes=2)
"""A refusal this soon after a login is not an expiry: the subscription has lapsed."""
NO_PROBES = (Reason.INVALID_SPEC, Reason.SUSPENDED, Reason.CONFLICT)
"""Rests in which the broker is not called at all."""
APP_REASONS = (Reason.APP_SECRET_REJECTED, Reason.APP_REJECTED)
"""Rejections of the app itself: another login would meet the same."""

Policy = Callable[[Observed], Plan | None]


def decide(observed: Observed) -> Plan:
    """The plan for this credential now; a rest ends at the latest when the published token is to be probed."""
    plan = next(plan for policy in CHAIN if (plan := policy(observed)) is not None)
    probe_at = next_probe(observed)
    if plan.action is not Action.REST or probe_at is None or plan.reason in NO_PROBES:
        return plan
    if probe_at <= observed.now:
        return _probe()  # a rest on something else does not leave the published token unwatched
    return replace(plan, wake_at=probe_at if plan.wake_at is None else min(plan.wake_at, probe_at))


def _rest_on(problem: Problem, observed: Observed) -> Plan:
    return Plan(Action.REST, problem.reason, problem.message, wake_at=observed.now + RECHECK)


def spec_unusable(observed: Observed) -> Plan | None:
    """A spec with problems is never acted on."""
    if not observed.credential.problems:
        return None
    told = "; ".join(observed.credential.problems)
    return Plan(Action.REST, Reason.INVALID_SPEC, told, wake_at=_expiry_to_come(observed))


def suspended(observed: Observed) -> Plan | None:
    """Nothing is done for a suspended credential; what is published stays."""
    if not observed.credential.suspended:
        return None
    told = "spec.suspend is true: no login and no probe until it is removed"
    return Plan(Action.REST, Reason.SUSPENDED, told, wake_at=_expiry_to_come(observed))


def _expiry_to_come(observed: Observed) -> datetime | None:
    """When a token that nobody looks after is no longer known to work: it is not told to be ready for ever."""
    expires_at = observed.held.session.expires_at if observed.held is not None else observed.now
    return expires_at if expires_at > observed.now else None


def state_not_ours(observed: Observed) -> Plan | None:
    """Without a place to stage a session no login may happen."""
    return _rest_on(observed.state_problem, observed) if observed.state_problem else None


def account_unreadable(observed: Observed) -> Plan | None:
    """With an attempt ledger that cannot be understood nothing is submitted."""
    return _rest_on(observed.account_problem, observed) if observed.account_problem else None


def target_unwritable(observed: Observed) -> Plan | None:
    """A target that could not be written is found before a login, not after."""
    return _rest_on(observed.target.problem, observed) if observed.target.problem else None


def rival_first(observed: Observed) -> Plan | None:
    """Two credentials never act for the same client ID and app, nor write the same Secret."""
    credential = observed.credential
    if observed.rival is not None:
        message = (
            f"spec.target.name {credential.target.name!r} is also the target of {observed.rival}, which came first"
        )
        return _conflict(observed, f"{message}: choose another name or delete one of the two")
    if observed.account is None or observed.versions is None:
        return None
    claim = observed.account.claim_for(observed.versions.api_key)
    if claim is None or claim.holder.same_name(credential.ref) or claim.holder == observed.holder_gone:
        return None
    message = f"client ID {credential.client_id} with this app is already handled by {claim.holder}"
    return _conflict(observed, f"{message}: delete one of the two")


def _conflict(observed: Observed, message: str) -> Plan:
    return Plan(Action.REST, Reason.CONFLICT, message, wake_at=observed.now + RECHECK)


def acknowledged(observed: Observed) -> Plan | None:
    """A person's acknowledgement is honoured, or answered, before anything else is tried."""
    if not observed.acknowledge_asked:
        return None
    return Plan(Action.ACKNOWLEDGE, Reason.UNBLOCKED, "a person acknowledged a block")


def session_staged(observed: Observed) -> Plan | None:
    """A session that was answered but not yet proven is proven before anything new is asked for (P3)."""
    held = observed.held
    if held is None or held.published:
        return None
    if is_due(observed):
        return Plan(Action.DISCARD, Reason.TOKEN_EXPIRED, "the staged session is of the day before")
    if is_of_other_app(observed):
        message = "the staged session belongs to another app than the app Secret"
        return Plan(Action.DISCARD, Reason.TOKEN_EXPIRED, message)
    if observed.grants and observed.probes.dead_at is not None:
        return None
    return _paused(observed) or _prove_staged(observed)


def _prove_staged(observed: Observed) -> Plan:
    """A staged session is proven at once and, when the broker refuses it, again at every `probe.interval`."""
    now, dead_at = observed.now, observed.probes.dead_at
    probe_at = (dead_at or now) + observed.credential.timing.probe_interval
    just_asked = _is_within(dead_at, now, FRESH_ANSWER)
    if dead_at is not None and just_asked and (observed.refresh_asked or not _is_lapse(observed, dead_at)):
        return Plan(Action.DISCARD, Reason.TOKEN_DEAD, "the staged session has been ended")
    if dead_at is None or not dead_at <= now < probe_at or observed.refresh_asked:
        return Plan(Action.PROVE, Reason.SESSION_UNPROVEN, "a new session is being proven")
    return Plan(
        Action.REST,
        Reason.SUBSCRIPTION_INACTIVE,
        "the broker accepted a login and refused the very next call: the app's Kite Connect subscription has lapsed. "
        "Renew it in the developer console; the same session is tried again by itself, without another login",
        wake_at=probe_at,
    )


def _is_lapse(observed: Observed, dead_at: datetime) -> bool:
    """Whether the session was refused on its very first call, or has been found so before a restart.

    One that was staged long ago, before a crash, may have been ended by anything.
    """
    ready = observed.credential.status.condition(READY)
    told = ready is not None and ready.reason == Reason.SUBSCRIPTION_INACTIVE
    return told or (observed.held is not None and dead_at - observed.held.staged_at <= VERY_NEXT_CALL)


def person_logged_in(observed: Observed) -> Plan | None:
    """A person's login is taken when a session is needed or asked for, and refused while the token works."""
    if not observed.grants:
        return None
    grant = observed.grants[0]
    if grant.request_token is None:
        message = f"login grant {grant.name!r} has no usable key request_token: it is deleted"
        return Plan(Action.REFUSE_GRANT, Reason.GRANT_INVALID, message, grant=grant)
    if isinstance(observed.app, Problem):
        return _rest_on(observed.app, observed)
    asked = observed.refresh_asked or _is_within(observed.probes.refreshed_at, observed.now, REFRESH_WINDOW)
    if not asked and _is_good(observed):
        return _not_required(observed, grant)
    waiting = None if asked else _paused(observed)
    return waiting or _app_rejected(observed, grant) or _exchange(observed, grant)


def _is_good(observed: Observed) -> bool:
    """Whether the held session is of today and of this app, and lives as far as is known."""
    return liveness(observed) is Liveness.ALIVE and not is_due(observed) and not is_of_other_app(observed)


def _is_within(moment: datetime | None, now: datetime, span: timedelta) -> bool:
    """Whether `moment` was less than `span` ago; one that is yet to come (the clock was set back) was not."""
    return moment is not None and timedelta(0) <= now - moment < span


def _not_required(observed: Observed, grant: Grant) -> Plan:
    """A grant is refused only when the broker has just said that the present token works."""
    now, probes = observed.now, observed.probes
    if _is_within(probes.alive_at, now, GRANT_PROOF_AGE):
        message = (
            f"login grant {grant.name!r} was not used: the present token works. To replace it all the same, set the "
            "annotation kite-operator.dev/refresh to a new value, then log in again"
        )
        return Plan(Action.REFUSE_GRANT, Reason.LOGIN_NOT_REQUIRED, message, grant=grant)
    if probes.asked_at is not None and _is_within(probes.asked_at, now, ASKED_AGAIN):
        message = "a login arrived, and the broker does not say whether the present token is still alive"
        return Plan(Action.REST, Reason.LOGIN_IN_PROGRESS, message, wake_at=probes.asked_at + ASKED_AGAIN)
    return Plan(Action.PROBE, Reason.SESSION_ACTIVE, "a login arrived: is the present token still alive?")


def _app_rejected(observed: Observed, grant: Grant) -> Plan | None:
    standing = _standing_rejection(observed)
    if standing is None or standing.reason not in APP_REASONS:
        return None
    message = f"login grant {grant.name!r} was not used: {standing.message}"
    return Plan(Action.REFUSE_GRANT, standing.reason, message, grant=grant)


def _exchange(observed: Observed, grant: Grant) -> Plan:
    before = observed.probes.exchanged_at
    if before is not None and _is_within(before, observed.now, EXCHANGE_PAUSE):
        message = "logins of this credential are exchanged one in five seconds"
        return Plan(Action.REST, Reason.LOGIN_IN_PROGRESS, message, wake_at=before + EXCHANGE_PAUSE)
    return Plan(Action.EXCHANGE, Reason.LOGIN_IN_PROGRESS, "a person's login is being exchanged", grant=grant)


def target_differs(observed: Observed) -> Plan | None:
    """A derived Secret that is not what it should be is written from the held session, without a login."""
    if liveness(observed) not in (Liveness.ALIVE, Liveness.UNKNOWN) or is_of_other_app(observed):
        return None
    if observed.target.matches:
        return _adopted(observed)
    waiting = _paused(observed)
    if waiting is not None:
        return waiting
    if observed.drift_heals >= MOST_DRIFT_HEALS and not observed.target_edited:
        message = (
            f"Secret {observed.credential.target.name!r} was changed {observed.drift_heals} times within an hour by "
            "somebody else: find out who writes it; the operator tries again later"
        )
        return Plan(Action.REST, Reason.TARGET_CONTESTED, message, wake_at=observed.now + CONTESTED_PAUSE)
    if observed.target.outdated:
        return Plan(Action.PROVE, Reason.REPUBLISHED, "the derived Secret was written for another spec.target")
    return Plan(Action.PROVE, Reason.TARGET_DRIFTED, "the derived Secret differs from what was published")


def _adopted(observed: Observed) -> Plan | None:
    """A session that was found in the derived Secret, its state Secret lost, is proven and then kept as usual."""
    if observed.held is None or not observed.held.adopted:
        return None
    waiting = _paused(observed)
    return waiting or Plan(Action.PROVE, Reason.REPUBLISHED, "the session is taken over from the derived Secret")


def former_left(observed: Observed) -> Plan | None:
    """A Secret that was the target before is removed, kept or marked once the present one has taken its place."""
    if all(fate(observed, former) is None for former in observed.formers):
        return None
    return Plan(Action.RETIRE, Reason.TARGET_REPLACED, "a Secret that was the target before is dealt with")


def refresh_asked(observed: Observed) -> Plan | None:
    """A person's wish for a refresh probes at once; a living token is published anew, a dead one is replaced."""
    if not observed.refresh_asked or liveness(observed) is Liveness.NONE or is_of_other_app(observed):
        return None
    if _is_within(observed.probes.dead_at, observed.now, FRESH_ANSWER):
        return None
    waiting = _paused(observed)
    return waiting or Plan(Action.PROVE, Reason.REPUBLISHED, "a refresh was asked for by annotation")


def dead_unmarked(observed: Observed) -> Plan | None:
    """A token that is known to be dead is called dead where its readers see it, in the Secret that spec asks for."""
    target = observed.target
    if liveness(observed) is not Liveness.DEAD or not target.exists:
        return None
    outdated = target.outdated and observed.drift_heals < MOST_DRIFT_HEALS
    if target.marked_dead and not outdated:
        return None
    return Plan(Action.MARK_DEAD, Reason.TOKEN_DEAD, "the published token is dead")


def probe_due(observed: Observed) -> Plan | None:
    """The published token is probed at its times, whatever else is the matter."""
    probe_at = next_probe(observed)
    if probe_at is None or observed.now < probe_at:
        return None
    return _probe()


def _probe() -> Plan:
    return Plan(Action.PROBE, Reason.SESSION_ACTIVE, "the published token is being probed")


def still_good(observed: Observed) -> Plan | None:
    """A session of today that lives is left alone."""
    held = observed.held
    if held is None or not _is_good(observed):
        return None
    problem = next((source for source in (observed.app, observed.factors) if isinstance(source, Problem)), None)
    if problem is not None:
        return _rest_on(problem, observed)
    message = f"the token works and is good until {rfc3339(held.session.expires_at)}"
    upcoming = timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)
    return Plan(Action.REST, Reason.SESSION_ACTIVE, message, wake_at=upcoming, healthy=True)


def yesterday_before_schedule(observed: Observed) -> Plan | None:
    """Between 06:00 IST and the schedule a token of the day before is watched, never replaced: the flush is on.

    What a person has to mend before the scheduled login is told at once.
    """
    refresh_at = timing.refresh_at(observed.credential.timing, observed.jitter, observed.now)
    state = liveness(observed)
    if state is Liveness.NONE or not is_due(observed) or is_of_other_app(observed):
        return None
    if observed.now >= refresh_at or observed.refresh_asked:
        return None
    person = observed.by_person
    if state is Liveness.DEAD:
        if person or _is_hindered(observed):
            return None
        message = f"the token died in the broker's daily flush; the next one is fetched at {rfc3339(refresh_at)}"
        return Plan(Action.REST, Reason.TOKEN_EXPIRED, message, wake_at=refresh_at)
    message = f"a token of the day before is in use until the refresh at {rfc3339(refresh_at)}"
    healthy = state is Liveness.ALIVE
    return Plan(Action.REST, Reason.WAITING_FOR_SCHEDULE, message, wake_at=refresh_at, healthy=healthy, person=person)


def _is_hindered(observed: Observed) -> bool:
    """Whether a login at the scheduled time could not be made as things stand."""
    unusable = isinstance(observed.app, Problem) or isinstance(observed.factors, Problem)
    return unusable or standing_block(observed) is not None


def yesterday_at_schedule(observed: Observed) -> Plan | None:
    """After the schedule a token of the day before that may still work is kept until the last call before readyBy."""
    state = liveness(observed)
    if state not in (Liveness.ALIVE, Liveness.UNKNOWN) or not is_due(observed) or is_of_other_app(observed):
        return None
    last = timing.last_call(observed.credential.timing, observed.jitter, observed.now)
    if observed.now >= last:
        return None
    alive, person = state is Liveness.ALIVE, observed.by_person
    known = "still works" if alive else "may still work: the broker does not say"
    message = f"a token of the day before {known}; it is replaced at {rfc3339(last)} at the latest"
    return Plan(Action.REST, Reason.WAITING_FOR_SCHEDULE, message, wake_at=last, healthy=alive, person=person)


def app_secret_unusable(observed: Observed) -> Plan | None:
    """No login without the app's keys."""
    return _rest_on(observed.app, observed) if isinstance(observed.app, Problem) else None


def login_by_person(observed: Observed) -> Plan | None:
    """Mode Manual asks a person and waits; so does mode RefreshToken while there is no refresh_token."""
    return _login_required(observed, Reason.LOGIN_REQUIRED) if observed.by_person else None


def _login_required(observed: Observed, reason: Reason) -> Plan:
    standing = _standing_rejection(observed)
    hint = f" Before that: {standing.message}." if standing is not None else ""
    last = observed.credential.status.failures
    told = f" The last login was not usable ({last.reason})." if last is not None and not hint else ""
    return Plan(
        Action.REST,
        reason,
        "log in at https://kite.zerodha.com/connect/login?v=3&api_key=<your api_key>, then create a Secret of type "
        f"kite-operator.dev/login-grant with label kite-operator.dev/credential={observed.credential.key.name} and the "
        f"request_token of the URL that you are sent to.{hint}{told}",
        wake_at=timing.next_refresh(observed.credential.timing, observed.jitter, observed.now),
        person=True,
        block_id=standing.id if standing is not None else "",
    )


def login_secret_unusable(observed: Observed) -> Plan | None:
    """No login without both factors."""
    return _rest_on(observed.factors, observed) if isinstance(observed.factors, Problem) else None


def blocked(observed: Observed) -> Plan | None:
    """Nothing is submitted while a block stands: only a changed input or a person's acknowledgement lifts it."""
    block = standing_block(observed)
    if block is None:
        return None
    return Plan(
        Action.REST, block.reason, f"{block.message} ({block.id})", wake_at=observed.now + RECHECK, block_id=block.id
    )


def standing_block(observed: Observed) -> budget.Block | None:
    """The block that rests upon this credential with its present inputs, from the account's record."""
    account, versions = observed.account, observed.versions
    if account is None or versions is None:
        return None
    rejection = _standing_rejection(observed)
    if rejection is not None or not (versions.login or observed.credential.renews):
        return rejection
    settled = budget.settle_expired(account, observed.now)
    # A renewal submits no password and no code: what is counted of those does not hinder it.
    by_ledger = budget.block_for(settled, versions.login, observed.credential.ref) if versions.login else None
    return by_ledger or budget.contested(account, versions.api_key, observed.now)


def _standing_rejection(observed: Observed) -> budget.Block | None:
    """The newest rejection of this credential whose inputs have not changed since."""
    if observed.account is None or observed.versions is None:
        return None
    present = observed.versions.inputs(observed.now)
    for rejection in reversed(observed.account.rejections):
        same = all(present.get(name) == value for name, value in rejection.inputs.items())
        if same and rejection.by.same_name(observed.credential.ref):
            return budget.Block(rejection.id, rejection.reason, rejection.message)
    return None


def backing_off(observed: Observed) -> Plan | None:
    """What passes by itself is tried again at its time; a person may ask sooner."""
    return None if observed.refresh_asked else _paused(observed)


def _paused(observed: Observed) -> Plan | None:
    failures = observed.credential.status.failures
    if failures is None or failures.next_retry_time is None or observed.now >= failures.next_retry_time:
        return None
    if failures.next_retry_time - observed.now > backoff.LONGEST_RETRY_AFTER:
        return None  # the clock was set back: a wait of ours is never longer
    reason = Reason(failures.reason) if failures.reason in set(Reason) else Reason.INTERNAL_ERROR
    ready = observed.credential.status.condition("Ready")
    told = ready.message if ready is not None and ready.reason == reason else "the last try failed"
    return Plan(Action.REST, reason, told, wake_at=failures.next_retry_time)


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


CHAIN: tuple[Policy, ...] = (
    spec_unusable,
    suspended,
    state_not_ours,
    account_unreadable,
    target_unwritable,
    rival_first,
    acknowledged,
    session_staged,
    person_logged_in,
    target_differs,
    former_left,
    refresh_asked,
    dead_unmarked,
    probe_due,
    still_good,
    yesterday_before_schedule,
    yesterday_at_schedule,
    app_secret_unusable,
    login_by_person,
    login_secret_unusable,
    blocked,
    backing_off,
    renew_session,
    window_used,
    log_in,
)
