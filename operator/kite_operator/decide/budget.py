"""Attempt budget of one broker account: the rules that make the operator lockout-proof (P1).

Zerodha blocks an account after five wrong entries. Entries are counted since the last *completed* login (password and
code both accepted), over every client that shares the ledger:

- a wrong password is never submitted again for that version of the login Secret;
- a wrong code is retried once, in a later TOTP window;
- a submission whose outcome is unknown counts as wrong; one a day (IST) is forgiven: it counts, but does not block;
- at most four submissions count over all versions; two for a credential that has proven nothing while another has;
- a user's acknowledgement reopens the one block that it names, twice a day at most; at the limit it allows one
  submission more, unless the remaining ones are reserved for another credential.

Every function takes a ledger and returns a new one; the compare-and-swap around it is `cluster/account.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kite_operator.decide.claims import has_proven
from kite_operator.model.account import (
    Acknowledgement,
    Attempt,
    AttemptLedger,
    AttemptOutcome,
    LoginCount,
    Ref,
)
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import ReservationRefused, Step
from kite_operator.model.expiry import IST, session_day
from kite_operator.model.reasons import Reason

LIMIT = 4
"""Counted submissions before a user has to act: one below the broker's five."""
UNPROVEN_LIMIT = 2
"""The limit for a claimant that has proven nothing, on an account that another credential has proven to hold."""
CODES_PER_VERSION = 2
"""Codes per version of the login factors: a wrong code is retried once."""
LOGINS_PER_DAY = 3
"""Completed logins per app and session day; after them the reason is SessionContested."""
ACKNOWLEDGEMENTS_PER_DAY = 2
"""Acknowledgements per client ID and IST day."""
ACKNOWLEDGEMENTS_KEPT_DAYS = 30
CARRIED_FOR = timedelta(days=1)
"""Time for which an unsettled attempt is counted in any case: a frozen process may still send it."""
REQUEST_TOKEN_LIVES = timedelta(minutes=5)
"""Longest time between a completed manual login and the exchange of its request_token."""
WINDOW_SECONDS = 30
FARTHEST = timedelta(minutes=10)
"""Longest time to the end of a lock or deadline: one further away was written before the clock was set back."""

_LATE = "-late"
_COUNTED = (AttemptOutcome.PENDING, AttemptOutcome.WRONG, AttemptOutcome.UNKNOWN, AttemptOutcome.EXPIRED)
_UNSETTLED = (AttemptOutcome.PENDING, AttemptOutcome.EXPIRED)
_UNKNOWN = (AttemptOutcome.UNKNOWN, AttemptOutcome.EXPIRED)


@dataclass(frozen=True, slots=True)
class Submission:
    """A password or a code to be submitted: by which credential, and for which version of the login factors."""

    step: Step
    version: str
    by: Ref
    window: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Reason for which nothing may be submitted until a user acts; the user acknowledges `id`.

    `version` is that of the login factors that are blocked, empty when the block does not come from the attempts;
    `reserved` is set when the remaining submissions belong to another credential: no acknowledgement reopens it.
    """

    id: str
    reason: Reason
    message: str
    version: str = ""
    reserved: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """Outcome of a reserved submission; `app` is the one through which its login was made."""

    attempt: Attempt
    outcome: AttemptOutcome
    app: str


def counted(ledger: AttemptLedger) -> int:
    """Return how many submissions may have counted against the account since the last completed login."""
    return sum(attempt.outcome in _COUNTED for attempt in ledger.attempts)


def limit_for(ledger: AttemptLedger, by: Ref) -> int:
    """Return the number of counted submissions up to which `by` may use the account."""
    proven_elsewhere = any(claim.proven and not claim.holder.same_name(by) for claim in ledger.claims)
    return UNPROVEN_LIMIT if proven_elsewhere and not has_proven(ledger, by) else LIMIT + ledger.allowed_more


def settle_expired(ledger: AttemptLedger, now: datetime) -> AttemptLedger:
    """Expire reservations whose deadline has passed without an outcome: they count; the day's first is forgiven."""
    for attempt in ledger.attempts:
        if attempt.outcome is AttemptOutcome.PENDING and not now < attempt.deadline <= now + FARTHEST:
            ledger = _settle_unknown(ledger, replace(attempt, outcome=AttemptOutcome.EXPIRED), now)
    return ledger


def _settle_unknown(ledger: AttemptLedger, attempt: Attempt, now: datetime) -> AttemptLedger:
    today = now.astimezone(IST).date()
    forgiven = ledger.forgiven_on is None or ledger.forgiven_on < today
    ledger = _with_outcome(ledger, replace(attempt, forgiven=forgiven))
    return replace(ledger, forgiven_on=today) if forgiven else ledger


def _with_outcome(ledger: AttemptLedger, attempt: Attempt) -> AttemptLedger:
    """Return the ledger with `attempt` updated, under a new id when its id names a block acknowledged before."""
    acknowledged = {a.block_id for a in ledger.acknowledgements}
    if attempt.id not in acknowledged:
        return ledger.with_attempt(attempt)
    renamed = replace(attempt, id=attempt.id + _LATE)
    others = tuple(renamed if a.id == attempt.id else a for a in ledger.attempts)
    return replace(ledger, attempts=others).with_attempt(renamed)


def _same(attempt: Attempt, other: Attempt) -> bool:
    return attempt.id in (other.id, other.id + _LATE)


def block_for(ledger: AttemptLedger, version: str, by: Ref) -> Block | None:
    """Return why no login with this version of the factors may be started by `by`, or None."""
    if counted(ledger) >= limit_for(ledger, by):
        return _exhausted(ledger, version, reserved=limit_for(ledger, by) == UNPROVEN_LIMIT)
    mine = [a for a in ledger.attempts if a.version == version and not a.acknowledged]
    wrong_password = [a for a in mine if a.step is Step.PASSWORD and a.outcome is AttemptOutcome.WRONG]
    if wrong_password:
        return Block(
            wrong_password[-1].id,
            Reason.PASSWORD_REJECTED,
            "the broker refused this client ID and password, and they are not submitted again: correct key `password` "
            "in the login Secret (or spec.clientID), or acknowledge this block",
            version,
        )
    wrong_codes = wrong_codes_of(ledger, version)
    if len(wrong_codes) >= CODES_PER_VERSION:
        return Block(wrong_codes[-1].id, Reason.TOTP_REJECTED, _codes_refused(wrong_codes), version)
    unknown = [a for a in mine if a.outcome in _UNKNOWN and not a.forgiven]
    if unknown:
        return Block(
            unknown[-1].id,
            Reason.ATTEMPT_OUTCOME_UNKNOWN,
            "a password or code was submitted and its answer never arrived, for the second time today: it may have "
            "counted as wrong. Check that the account is not blocked at the broker, then acknowledge this block",
            version,
        )
    return None


def wrong_codes_of(ledger: AttemptLedger, version: str) -> list[Attempt]:
    """Return the codes of this version that the broker refused and that no user has acknowledged."""
    mine = [a for a in ledger.attempts if a.version == version and not a.acknowledged]
    return [a for a in mine if a.step is Step.TOTP and a.outcome is AttemptOutcome.WRONG]


def _codes_refused(wrong: Sequence[Attempt]) -> str:
    """Return the message for two refused codes, with the clock offset as evidence where it was measured.

    A second code is sent only where the clock offset allows it (`act/login.py`), so the last code is conclusive.
    """
    refused = f"the broker refused {len(wrong)} codes made from this TOTP secret"
    fix = "correct key `totp_secret` in the login Secret"
    ahead = wrong[-1].clock_ahead
    if ahead is None:
        return f"{refused}: {fix}, or set the node's clock by NTP and acknowledge this block"
    return (
        f"{refused}. The secret is what is wrong, not the clock: by the broker's Date this node's clock was "
        f"{ClockOffset(ahead, 0.0)} when the last of them was sent, which was allowed for. So {fix}"
    )


def _exhausted(ledger: AttemptLedger, version: str, *, reserved: bool) -> Block:
    total = counted(ledger)
    last = [a for a in ledger.attempts if a.outcome in _COUNTED][-1]
    cause = f"{total} wrong or unanswered entries have been counted for this client ID since its last completed login"
    if reserved:
        message = (
            f"{cause}. Another KiteCredential has proven to hold it and needs what is left: nothing more is submitted "
            "for this one before a login of the other has been completed"
        )
        return Block(last.id, Reason.ATTEMPT_BUDGET_EXHAUSTED, message, version, reserved=True)
    message = (
        f"{cause}, and the broker blocks an account at 5: nothing more is submitted. Log in once by hand at the broker "
        "(that starts a new count), mend the login Secret, then acknowledge this block"
    )
    return Block(last.id, Reason.ATTEMPT_BUDGET_EXHAUSTED, message, version)


def reserve(ledger: AttemptLedger, submission: Submission, attempt: Attempt, now: datetime) -> AttemptLedger:
    """Return the ledger with `attempt` reserved; raise ReservationRefused when a rule forbids it."""
    ledger = settle_expired(ledger, now)
    pending = [a for a in ledger.attempts if a.outcome is AttemptOutcome.PENDING]
    if pending:
        raise ReservationRefused(
            Reason.LOGIN_IN_PROGRESS,
            "the outcome of another submission for this client ID is still awaited",
            retry_at=max(a.deadline for a in pending),
        )
    block = block_for(ledger, submission.version, submission.by)
    if block is not None:
        raise ReservationRefused(block.reason, block.message)
    if submission.step is Step.TOTP:
        ledger = _take_window(ledger, submission)
    return ledger.with_attempt(attempt)


def _take_window(ledger: AttemptLedger, submission: Submission) -> AttemptLedger:
    window = submission.window
    if window is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "a code needs its TOTP window")
    if ledger.last_window is not None and window <= ledger.last_window:
        raise ReservationRefused(
            Reason.WAITING_FOR_TOTP_WINDOW,
            "a code of this TOTP window has been used: the next window is awaited",
            retry_at=datetime.fromtimestamp((ledger.last_window + 1) * WINDOW_SECONDS, tz=IST),
        )
    return replace(ledger, last_window=window)


def settle(ledger: AttemptLedger, attempt: Attempt, outcome: AttemptOutcome, now: datetime) -> AttemptLedger:
    """Return the ledger with the attempt's outcome.

    An answer may come late: after the reservation expired, or after another client's completed login removed it. The
    ledger then gets (back) what counts at the broker. A wrong entry blocks even if it was acknowledged before. An
    accepted code stays in its place for `complete`.
    """
    known = next((a for a in ledger.attempts if _same(a, attempt)), None)
    if outcome is AttemptOutcome.ACCEPTED and attempt.step is Step.TOTP:
        accepted = replace(known or attempt, outcome=outcome)
        # An attempt that the ledger no longer has is older than all that it has: it completes none of those.
        return ledger.with_attempt(accepted) if known else replace(ledger, attempts=(accepted, *ledger.attempts))
    if outcome in (AttemptOutcome.ACCEPTED, AttemptOutcome.UNSENT):
        return replace(ledger, attempts=tuple(a for a in ledger.attempts if a is not known))
    known = known or attempt
    if outcome is AttemptOutcome.WRONG:
        return _with_outcome(ledger, replace(known, outcome=outcome, forgiven=False, acknowledged=False))
    if known.outcome in _UNKNOWN:
        return ledger
    return _settle_unknown(ledger, replace(known, outcome=outcome), now)


def conclude(ledger: AttemptLedger, settlement: Settlement, now: datetime) -> AttemptLedger:
    """Return the ledger with `settlement`: an accepted code is a completed login, and counted as one.

    A write whose answer was lost is made again: a settlement that the ledger has already changes nothing.
    """
    attempt, outcome = settlement.attempt, settlement.outcome
    in_ledger = any(_same(each, attempt) for each in ledger.attempts)
    ledger = settle(ledger, attempt, outcome, now)
    if outcome is not AttemptOutcome.ACCEPTED or attempt.step is not Step.TOTP:
        return ledger
    ledger = complete(ledger, attempt.by, now)
    return count_login(ledger, settlement.app, now) if in_ledger else ledger


def complete(ledger: AttemptLedger, by: Ref, now: datetime) -> AttemptLedger:
    """Reset the counts after a login whose password and code were both accepted: the broker's counters are at zero.

    An attempt that was reserved after the accepted code stays: it may have been refused after that login. A manual
    login has no place in that order: after one, an attempt stays that is younger than a request_token can be. An
    expired reservation stays counted for a day, without blocking: a frozen process may still send it.
    """
    accepted = [number for number, a in enumerate(ledger.attempts) if a.outcome is AttemptOutcome.ACCEPTED]
    kept: list[Attempt] = []
    for number, attempt in enumerate(ledger.attempts):
        if attempt.outcome is AttemptOutcome.ACCEPTED:
            continue
        if (number > accepted[-1]) if accepted else (attempt.at > now - REQUEST_TOKEN_LIVES):
            kept.append(attempt)
        elif attempt.outcome in _UNSETTLED and attempt.at > now - CARRIED_FOR:
            kept.append(replace(attempt, acknowledged=True))
    # A revocation that came during the login stands: only a user's acknowledgement lifts it.
    rejections = tuple(r for r in ledger.rejections if r.reason is Reason.REVOKED or not r.by.same_name(by))
    completed = replace(ledger, attempts=tuple(kept), rejections=rejections)
    return replace(completed, allowed_more=min(ledger.allowed_more, max(0, counted(completed) - LIMIT + 1)))


def count_login(ledger: AttemptLedger, app: str, now: datetime) -> AttemptLedger:
    """Count one more login that the operator completed by itself, and drop the counts of earlier days.

    The counts of later days stay: the clock was set back.
    """
    day = session_day(now)
    today = logins_today(ledger, app, now)
    others = tuple(entry for entry in ledger.logins if entry.day > day or (entry.day == day and entry.app != app))
    return replace(ledger, logins=(*others, replace(today, count=today.count + 1)))


def logins_today(ledger: AttemptLedger, app: str, now: datetime) -> LoginCount:
    """Return the count of completed logins through `app` on the session day of `now`."""
    day = session_day(now)
    return next((e for e in ledger.logins if e.app == app and e.day == day), LoginCount(app, day, 0))


def contested(ledger: AttemptLedger, app: str, now: datetime) -> Block | None:
    """Return the block of a day whose completed logins are used up (each session was ended again), or None."""
    today = logins_today(ledger, app, now)
    if today.count < LOGINS_PER_DAY + today.allowed_more:
        return None
    return Block(
        f"contested-{app[:8]}-{today.day:%Y%m%d}-{today.count}",
        Reason.SESSION_CONTESTED,
        f"{today.count} logins have been completed today and none brought a session that lasts: somebody logs out on "
        "purpose, another program logs in with the same app, or the broker failed behind each login. Find out which, "
        "then acknowledge this block",
    )


def why_not_acknowledged(ledger: AttemptLedger, block: Block, now: datetime) -> str:
    """Return the message that refuses a user's acknowledgement of `block` now; empty when it is honoured.

    It was honoured before, today's are used up, or the block cannot be reopened by a user.
    """
    today = now.astimezone(IST).date()
    if block.reserved:
        return block.message
    if any(a.block_id == block.id for a in ledger.acknowledgements):
        return "this block was acknowledged before, and an acknowledgement is honoured once"
    if sum(a.day == today for a in ledger.acknowledgements) >= ACKNOWLEDGEMENTS_PER_DAY:
        return (
            f"{ACKNOWLEDGEMENTS_PER_DAY} blocks of this client ID were acknowledged today: this one is honoured "
            "tomorrow, if the annotation is still there and the block still stands"
        )
    return ""


def acknowledge(ledger: AttemptLedger, block: Block, app: str, now: datetime) -> AttemptLedger:
    """Reopen `block`, and no other one, on a user's request.

    Raise ReservationRefused with `why_not_acknowledged`. `app` is the api_key's version, for SessionContested only.
    """
    today, refusal = now.astimezone(IST).date(), why_not_acknowledged(ledger, block, now)
    if refusal:
        raise ReservationRefused(block.reason, refusal)
    ledger = settle_expired(ledger, now)
    kept = tuple(a for a in ledger.acknowledgements if (today - a.day).days < ACKNOWLEDGEMENTS_KEPT_DAYS)
    ledger = replace(ledger, acknowledgements=(*kept, Acknowledgement(block.id, today)))
    if block.reason is Reason.SESSION_CONTESTED:
        entry = logins_today(ledger, app, now)
        others = tuple(e for e in ledger.logins if e is not entry)
        return replace(ledger, logins=(*others, replace(entry, allowed_more=entry.allowed_more + 1)))
    if not block.version:
        return replace(ledger, rejections=tuple(r for r in ledger.rejections if r.id != block.id))
    return replace(
        ledger,
        attempts=tuple(_acknowledged(a) if a.version == block.version else a for a in ledger.attempts),
        allowed_more=max(ledger.allowed_more, counted(ledger) - LIMIT + 1),
    )


def _acknowledged(attempt: Attempt) -> Attempt:
    """Return the attempt reopened; one whose outcome is still awaited stays as it is."""
    return replace(attempt, acknowledged=attempt.outcome is not AttemptOutcome.PENDING)
