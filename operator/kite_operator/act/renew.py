"""Renewal: turn the held refresh_token into a session, and stage it with the refresh_token that replaces the old one.

No password and no code is submitted, so nothing is reserved in the attempt ledger. A renewal shares these with a
login: the claim, the lock, and the bound on sessions that the operator makes by itself in one day (P1).
"""

from functools import partial

from kite_operator.act.context import Context
from kite_operator.act.failures import failed, passing_lapse, refused, rejection_of
from kite_operator.act.ledger import begin_exchange, change_ledger, new_id
from kite_operator.act.pending_writes import release, release_lock_on_error
from kite_operator.act.retry import retry_write
from kite_operator.act.services import Services
from kite_operator.act.stage import renew_and_stage, require_state_unchanged
from kite_operator.cluster.api import Manifest, secrets_path
from kite_operator.cluster.state import drop_renewal, parse_renewal
from kite_operator.decide import budget, locks
from kite_operator.decide.observed import UsableApp
from kite_operator.decide.plan import Renew
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import BrokerError, Conflict, NotFound, ReservationRefused
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures
from kite_operator.record.outcome import ActOutcome, Failed, Note, Result


async def renew(services: Services, context: Context, plan: Renew) -> ActOutcome:
    """Renew and stage the session; the lock is released in any case."""
    lock_id = new_id()
    try:
        async with release_lock_on_error(services, context, lock_id):
            await _begin(services, context, plan.app, lock_id)
            present = await require_state_unchanged(services, context)
            after = await renew_and_stage(services, present, plan.app.keys, plan.refresh_token, lock_id)
            await _completed(services, context, plan.app, lock_id)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return await _failed(services, context, lock_id, error)
    return ActOutcome(Result.STAGED, Reason.SESSION_UNPROVEN, handled_refresh=True, after=after)


async def _begin(services: Services, context: Context, app: UsableApp, lock_id: str) -> None:
    """Claim and lock, unless this day's sessions are used up."""

    def change(ledger: AttemptLedger) -> AttemptLedger:
        ledger = begin_exchange(services, context, app, ledger, lock_id)
        contested = budget.contested(ledger, app.versions.api_key, services.clock.now())
        if contested is not None:
            raise ReservationRefused(contested.reason, contested.message)
        return ledger

    await change_ledger(services, context, change)


async def _completed(services: Services, context: Context, app: UsableApp, lock_id: str) -> None:
    """Count the session once and release the lock. Counts of wrong entries stay: no factor was proven right."""

    def change(ledger: AttemptLedger) -> AttemptLedger:
        if not ledger.holds(lock_id):
            return ledger
        return locks.finish(budget.count_login(ledger, app.versions.api_key, services.clock.now()), lock_id)

    await retry_write(services.clock, partial(change_ledger, services, context, change))


async def _failed(services: Services, context: Context, lock_id: str, error: BrokerError) -> ActOutcome:
    # The refresh_token itself is refused: it is dropped, and a manual login gives a new one.
    useless, error = error.reason.manual_login is ManualLogin.CORRECTS, passing_lapse(error)
    await release(services, context, lock_id, None if useless else rejection_of(services, context, error))
    if not useless:
        return failed(services, context, error, asked=True)
    if context.gathered.state is not None:
        await retry_write(services.clock, partial(_forget_token, services, context, context.gathered.state))
    count = (context.credential.status.failures.count if context.credential.status.failures else 0) + 1
    failures = Failures(count, error.reason, services.clock.now(), None)
    note = Note(error.reason, f"{error.message}: a login by a person brings another")
    return ActOutcome(Result.REJECTED, error.reason, notes=(note,), failed=Failed(failures), handled_refresh=True)


async def _forget_token(services: Services, context: Context, state: Manifest) -> None:
    """Drop the useless refresh_token; our own earlier write, whose answer was lost, is no Conflict."""
    credential = context.credential
    try:
        await drop_renewal(services.cluster, credential, state)
    except (Conflict, NotFound):
        present = await services.cluster.find(secrets_path(credential.key.namespace, credential.state_secret))
        if parse_renewal(present, credential) is not None:
            raise
