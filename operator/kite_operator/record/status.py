"""Status, derived from facts each time, and written only when it differs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kite_operator.cluster.api import Cluster, credentials_path
from kite_operator.decide import timing
from kite_operator.decide.observed import Observed
from kite_operator.decide.phase import Liveness, liveness
from kite_operator.decide.plan import Wait
from kite_operator.decide.revocation import is_asked as revoke_asked
from kite_operator.model.conditions import (
    AUTHENTICATED,
    BLOCKED,
    LOGIN_REQUIRED,
    LONGEST_MESSAGE,
    READY,
    Condition,
    with_transition,
)
from kite_operator.model.expiry import rfc3339
from kite_operator.model.manifest import as_manifest, without_nulls
from kite_operator.model.parse import parse_credential
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Status

_LONGEST_QUIET = timedelta(minutes=3)
"""Longest quiet wait; a longer one is written to status."""


def is_quiet(plan: Wait, now: datetime) -> bool:
    """Return whether a wait is too short to be written to status."""
    return plan.reason.brief and (plan.wake_at is None or plan.wake_at - now <= _LONGEST_QUIET)


def derive(observed: Observed, plan: Wait) -> Status:
    """Return the status of a credential after the decision `plan`."""
    credential, old = observed.credential, observed.credential.status
    state = liveness(observed)
    held = observed.held if state is not Liveness.NONE else None
    alive = state in (Liveness.ALIVE, Liveness.UNKNOWN)
    conditions = tuple(
        replace(
            with_transition(new, old.condition(new.type), observed.now),
            observed_generation=credential.generation,
        )
        for new in _conditions(observed, plan, state)
    )
    published = held is not None and observed.target.exists and observed.target.problem is None
    return replace(
        old,
        observed_generation=credential.generation,
        conditions=conditions,
        user_id=held.session.user_id if held else old.user_id,
        expires_time=held.session.expires_at if held and alive else None,
        next_refresh_time=_next_refresh(observed, plan),
        secret_name=credential.target.name if published else _previous_target(observed),
        block_id=plan.block_id,
        login_url=observed.login_url if plan.login_required or plan.block_id else "",
        # A value that was acknowledged before is handled, even if a re-created credential has lost its status.
        last_handled_revoke=old.last_handled_revoke
        if revoke_asked(observed)
        else credential.revoke or old.last_handled_revoke,
        rollout=old.rollout if credential.rollout is not None else None,
    )


def _previous_target(observed: Observed) -> str:
    """Return the name of the previous target, while the new one does not exist yet."""
    name = observed.credential.status.secret_name
    return name if any(previous.name == name for previous in observed.previous_targets) else ""


def _next_refresh(observed: Observed, plan: Wait) -> datetime | None:
    failures = observed.credential.status.failures
    if failures is not None and failures.next_retry_time == plan.wake_at:
        return plan.wake_at
    if not plan.healthy and not plan.reason.scheduled:
        return None
    return timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)


def _conditions(observed: Observed, plan: Wait, state: Liveness) -> tuple[Condition, ...]:
    ready = plan.healthy or (plan.reason is Reason.SUSPENDED and state is Liveness.ALIVE)
    return (
        Condition(READY, _status(ready), plan.reason, _with_gap(plan.message, calendar_gap(observed))),
        _authenticated(observed, state),
        Condition(
            LOGIN_REQUIRED,
            _status(plan.login_required),
            plan.reason if plan.login_required else "NotRequired",
            _why(plan),
        ),
        Condition(
            BLOCKED,
            _status(bool(plan.block_id)),
            plan.reason if plan.block_id else "NotBlocked",
            _how_to_reopen(plan) if plan.block_id else "",
        ),
    )


def calendar_gap(observed: Observed) -> str:
    """Return the gap of the calendar for today and tomorrow, in words; empty without a gap or without a calendar."""
    day = timing.unknown_day(observed.credential.timing, observed.now)
    if day is None:
        return ""
    return (
        f"the operator's calendar does not have the holidays of {day.year}: every day of which it knows nothing is "
        "refreshed, as with spec.schedule.days Daily"
    )


def _with_gap(message: str, gap: str) -> str:
    """Return both, cut to the length of a condition. The gap is never cut: its Event is recognised by it."""
    return f"{message[: LONGEST_MESSAGE - len(gap) - 2]}; {gap}" if gap else message


def _why(plan: Wait) -> str:
    return plan.message if plan.login_required else ""


def _how_to_reopen(plan: Wait) -> str:
    return (
        f"{plan.message}. To acknowledge: kubectl annotate kitecredential <name> "
        f"kite-operator.dev/acknowledge={plan.block_id} --overwrite"
    )


def _status(truth: bool) -> str:  # noqa: FBT001 - a boolean in, a word out
    return "True" if truth else "False"


def _authenticated(observed: Observed, state: Liveness) -> Condition:
    held = observed.held
    until = rfc3339(held.session.expires_at) if held is not None else ""
    match state:
        case Liveness.ALIVE:
            return Condition(
                AUTHENTICATED, "True", Reason.SESSION_ACTIVE, f"the broker accepts the published token ({until})"
            )
        case Liveness.UNKNOWN:
            return Condition(
                AUTHENTICATED, "Unknown", Reason.TOKEN_EXPIRED, f"past its conservative expiry {until}, to be probed"
            )
        case Liveness.DEAD:
            return Condition(AUTHENTICATED, "False", Reason.TOKEN_DEAD, "the broker refuses the published token")
        case Liveness.NONE:
            return Condition(AUTHENTICATED, "False", Reason.NOT_YET_LOGGED_IN, "no session has been proven yet")


@dataclass(frozen=True, slots=True)
class StatusWriter:
    """Writes a credential's status when it has changed."""

    cluster: Cluster

    async def write(self, credential: Credential, status: Status, *, only_if_unchanged: bool = False) -> Credential:
        """Return the credential with its new status; NotFound or Conflict when it is not the same object any more.

        With `only_if_unchanged` a Conflict also if the object was written since it was read.
        """
        if status == credential.stored:
            return credential.with_status(status)
        before, after = manifest_of(credential.stored), manifest_of(status)
        patch = after | dict.fromkeys(before.keys() - after.keys())
        path = f"{credentials_path(credential.key.namespace, credential.key.name)}/status"
        seen = {"uid": credential.uid} | ({"resourceVersion": credential.resource_version} if only_if_unchanged else {})
        body = await self.cluster.merge_patch(path, {"metadata": seen, "status": patch})
        return replace(parse_credential(body), status=status, stored=status)


def manifest_of(status: Status) -> dict[str, Any]:
    """Return the status as the API server stores it; absent values are left out."""
    return without_nulls(as_manifest(status))
