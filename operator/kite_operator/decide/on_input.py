"""Rules about what people wrote and who else is there: they come before any call to the broker."""

from datetime import datetime

from kite_operator.decide import budget
from kite_operator.decide.claims import Claimant, may_hold
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Action, Plan
from kite_operator.decide.standing import RECHECK, rest_on, standing_block
from kite_operator.model.reasons import Reason


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
    """Return when a token that nobody looks after is no longer known to work: it is not told to be ready for ever."""
    expires_at = observed.held.session.expires_at if observed.held is not None else observed.now
    return expires_at if expires_at > observed.now else None


def client_not_allowed(observed: Observed) -> Plan | None:
    """A client ID that the Namespace does not list is nobody's business here."""
    return rest_on(observed.client_problem, observed) if observed.client_problem else None


def state_not_ours(observed: Observed) -> Plan | None:
    """Without a place to stage a session no login may happen."""
    return rest_on(observed.state_problem, observed) if observed.state_problem else None


def account_unreadable(observed: Observed) -> Plan | None:
    """With an attempt ledger that cannot be understood nothing is submitted."""
    return rest_on(observed.account_problem, observed) if observed.account_problem else None


def target_unwritable(observed: Observed) -> Plan | None:
    """A target that could not be written is found before a login, not after."""
    return rest_on(observed.target.problem, observed) if observed.target.problem else None


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
    app, account = observed.versions.api_key, observed.account
    claim, me = account.claim_for(app), Claimant(credential.ref, credential.created, is_vouched_for(observed))
    if claim is None or may_hold(account, app, me, observed.holder):
        return None
    message = f"client ID {credential.client_id} with this app is already handled by {claim.holder}"
    return _conflict(observed, f"{message}: delete one of the two")


def _conflict(observed: Observed, message: str) -> Plan:
    return Plan(Action.REST, Reason.CONFLICT, message, wake_at=observed.now + RECHECK)


def acknowledged(observed: Observed) -> Plan | None:
    """A person's acknowledgement is honoured, or answered, before anything else is tried."""
    if not (observed.acknowledge_asked or _is_honoured_now(observed)):
        return None
    return Plan(Action.ACKNOWLEDGE, Reason.UNBLOCKED, "a person acknowledged a block")


def _is_honoured_now(observed: Observed) -> bool:
    """Whether the annotation names the block that stands, and nothing is in the way any more: it came too early."""
    block, account = standing_block(observed), observed.account
    if block is None or account is None or block.id != observed.credential.acknowledge:
        return False
    return not budget.why_not_acknowledged(account, block, observed.now)
