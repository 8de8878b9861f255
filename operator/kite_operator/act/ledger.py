"""Changes of the attempt ledger that several actions share: the claim and the lock that a new session needs."""

import secrets
from collections.abc import Callable
from datetime import timedelta

from kite_operator.act.context import Context
from kite_operator.act.services import Services
from kite_operator.decide import locks
from kite_operator.decide.claims import Claimant, claim
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.observed import UsableApp
from kite_operator.model.account import AttemptLedger, Lock

LOCK_FOR = timedelta(seconds=90)
"""Longest duration of a login before another process may start one."""


def new_id() -> str:
    """Return an id for locks, attempts and blocks: 64 random bits, hex."""
    return secrets.token_hex(8)


async def change_ledger(
    services: Services, context: Context, change: Callable[[AttemptLedger], AttemptLedger]
) -> AttemptLedger:
    """Return the attempt ledger of the credential's account after `change`, which may run several times."""
    return await services.accounts.change(context.credential.client_id, change, seed=_seed_of(context))


def _seed_of(context: Context) -> AttemptLedger:
    """Return the initial ledger of a missing Lease: empty, or with the block that status holds (P1)."""
    return context.observed.account or AttemptLedger(context.credential.client_id)


def claimant(context: Context, *, proven: bool = False) -> Claimant:
    """Return the credential as a claimant; `proven` when the broker has just confirmed its session."""
    credential = context.credential
    return Claimant(credential.ref, credential.created, proven or is_vouched_for(context.observed))


def begin_login(
    services: Services, context: Context, app: UsableApp, ledger: AttemptLedger, lock_id: str
) -> AttemptLedger:
    """Claim the client ID and app for this credential, and take the account's lock for one login."""
    ledger, lock = _claimed(services, context, app, ledger, lock_id)
    return locks.start_login(ledger, lock, services.clock.now())


def begin_exchange(
    services: Services, context: Context, app: UsableApp, ledger: AttemptLedger, lock_id: str
) -> AttemptLedger:
    """Claim as `begin_login` does, and take the lock of the app only, for one exchange or renewal."""
    ledger, lock = _claimed(services, context, app, ledger, lock_id)
    return locks.start_exchange(ledger, lock, services.clock.now())


def _claimed(
    services: Services, context: Context, app: UsableApp, ledger: AttemptLedger, lock_id: str
) -> tuple[AttemptLedger, Lock]:
    now, version = services.clock.now(), app.versions.api_key
    ledger = claim(ledger, version, claimant(context), now, holder=context.observed.holder)
    lock = Lock(lock_id, services.identity, now + LOCK_FOR, app=version, credential=str(context.credential.ref))
    return ledger, lock
