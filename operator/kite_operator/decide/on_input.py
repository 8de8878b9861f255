"""Rules about user input and other credentials: they come before any call to the broker."""

from datetime import datetime

from kite_operator.decide import budget
from kite_operator.decide.claims import Claimant, may_hold
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Acknowledge, Wait
from kite_operator.decide.standing import RECHECK, standing_block, wait_on
from kite_operator.model.reasons import Reason


def spec_unusable(observed: Observed) -> Wait | None:
    """Wait while the spec has problems: it is never acted on."""
    if not observed.credential.problems:
        return None
    message = "; ".join(observed.credential.problems)
    return Wait(Reason.INVALID_SPEC, message, wake_at=_next_expiry(observed))


def suspended(observed: Observed) -> Wait | None:
    """Wait while the credential is suspended; the published Secret stays."""
    if not observed.credential.suspended:
        return None
    message = "spec.suspend is true: no login and no probe until it is removed"
    return Wait(Reason.SUSPENDED, message, wake_at=_next_expiry(observed))


def _next_expiry(observed: Observed) -> datetime | None:
    """Return the expiry of an unprobed token, None after it: from then on it is not reported as ready."""
    expires_at = observed.held.session.expires_at if observed.held is not None else observed.now
    return expires_at if expires_at > observed.now else None


def client_not_allowed(observed: Observed) -> Wait | None:
    """Wait while the Namespace does not list the client ID."""
    return wait_on(observed, observed.client_problem) if observed.client_problem else None


def state_not_ours(observed: Observed) -> Wait | None:
    """Wait without a place to stage a session: no login may happen."""
    return wait_on(observed, observed.state_problem) if observed.state_problem else None


def account_unreadable(observed: Observed) -> Wait | None:
    """Wait while the attempt ledger cannot be parsed: nothing is submitted."""
    return wait_on(observed, observed.account_problem) if observed.account_problem else None


def target_unwritable(observed: Observed) -> Wait | None:
    """Wait while the target cannot be written: that is checked before a login, not after."""
    return wait_on(observed, observed.target.problem) if observed.target.problem else None


def rival_first(observed: Observed) -> Wait | None:
    """Wait for a rival: two credentials never act for the same client ID and app, nor write the same Secret."""
    credential = observed.credential
    if observed.rival is not None:
        message = (
            f"spec.target.name {credential.target.name!r} is also the target of {observed.rival}, which came first"
        )
        return _conflict(observed, f"{message}: choose another name or delete one of the two")
    if observed.account is None or observed.versions is None:
        return None
    app, account = observed.versions.api_key, observed.account
    claim, me = account.claim_for(app), Claimant(credential.ref, credential.created, is_vouched_for(observed))
    if claim is None or may_hold(account, app, me, observed.holder):
        return None
    message = f"client ID {credential.client_id} with this app is already handled by {claim.holder}"
    return _conflict(observed, f"{message}: delete one of the two")


def _conflict(observed: Observed, message: str) -> Wait:
    return Wait(Reason.CONFLICT, message, wake_at=observed.now + RECHECK)


def acknowledged(observed: Observed) -> Acknowledge | None:
    """Honour or answer a user's acknowledgement before anything else is tried."""
    if not (observed.acknowledge_asked or _is_honoured_now(observed)):
        return None
    block, versions = standing_block(observed), observed.versions
    named = block if block is not None and block.id == observed.credential.acknowledge else None
    app = versions.api_key if versions is not None else ""
    return Acknowledge(Reason.UNBLOCKED, "a person acknowledged a block", named, app)


def _is_honoured_now(observed: Observed) -> bool:
    """Return whether an acknowledgement that came too early can be honoured now: the annotation names the block."""
    block, account = standing_block(observed), observed.account
    if block is None or account is None or block.id != observed.credential.acknowledge:
        return False
    return not budget.why_not_acknowledged(account, block, observed.now)
