"""Seed of an attempt ledger whose Lease was lost: the block in the credential's status (P1).

A Lease may be lost in an etcd restore or deleted by mistake. A block in status then goes on, under the id in status,
for the present versions of the inputs. The number of counted entries, of every credential, is lost. As many entries as
a standing block allows count as wrong, and the day's unknown outcome counts as forgiven.
"""

from dataclasses import replace
from datetime import datetime

from kite_operator.decide.budget import LIMIT, LOGINS_PER_DAY
from kite_operator.decide.observed import Versions
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, LoginCount, Rejection
from kite_operator.model.conditions import BLOCKED
from kite_operator.model.errors import Step
from kite_operator.model.expiry import IST, session_day
from kite_operator.model.reason_facts import Entry
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential


def seeded(credential: Credential, versions: Versions | None, now: datetime) -> AttemptLedger | None:
    """Return the ledger that status stands for, or None when status holds no block."""
    condition = credential.status.condition(BLOCKED)
    if condition is None or condition.status != "True" or versions is None:
        return None
    reason = Reason.named(condition.reason) or Reason.ATTEMPT_BUDGET_EXHAUSTED
    ledger = AttemptLedger(credential.client_id, forgiven_on=now.astimezone(IST).date())
    if reason is Reason.SESSION_CONTESTED:
        return replace(ledger, logins=(LoginCount(versions.api_key, session_day(now), LOGINS_PER_DAY),))
    if reason.counts_as is None:
        return replace(ledger, rejections=(_rejection(credential, versions, reason, now),))
    step = Step.TOTP if reason is Reason.TOTP_REJECTED else Step.PASSWORD
    outcome = AttemptOutcome.UNKNOWN if reason.counts_as is Entry.UNKNOWN else AttemptOutcome.WRONG
    count = LIMIT if reason is Reason.ATTEMPT_BUDGET_EXHAUSTED else LIMIT - 1
    for number in range(count):
        block_id = _block_id(credential) if number == count - 1 else f"seeded-{number}"
        attempt = Attempt(block_id, step, versions.login, credential.ref, now, now, outcome=outcome)
        ledger = ledger.with_attempt(attempt)
    return ledger


def _block_id(credential: Credential) -> str:
    return credential.status.block_id or "seeded"


def _rejection(credential: Credential, versions: Versions, reason: Reason, now: datetime) -> Rejection:
    condition, block_id = credential.status.condition(BLOCKED), _block_id(credential)
    return Rejection(
        id=block_id,
        reason=reason,
        # The id that is appended to a block's message is appended anew.
        message=condition.message.partition(f" ({block_id})")[0] if condition is not None else "",
        by=credential.ref,
        at=now,
        inputs={}
        if reason is Reason.REVOKED
        else {"login": versions.login, "app": versions.app, "redirect": versions.redirect},
        proven=reason is Reason.REVOKED,
    )
