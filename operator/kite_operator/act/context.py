"""Services and context of every action, and the steps that several actions share."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from kite_operator.broker.limiter import RateLimiter
from kite_operator.clock import Clock
from kite_operator.cluster.account import Accounts
from kite_operator.cluster.api import Cluster
from kite_operator.cluster.gather import Gathered
from kite_operator.decide import backoff, budget, locks
from kite_operator.decide.claims import Claimant, claim
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.observed import Observed
from kite_operator.decide.outcome import ActOutcome, Failed
from kite_operator.decide.rejections import with_rejection
from kite_operator.in_memory import InMemoryState, PendingWrite
from kite_operator.model.account import AttemptLedger, Lock, Rejection
from kite_operator.model.errors import (
    BrokerError,
    ClusterError,
    OperatorError,
    OutcomeUnknown,
    ReservationRefused,
    Step,
    TransientBrokerError,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from kite_operator.observers import notify_observer

_Answer = TypeVar("_Answer")

LOCK_FOR = timedelta(seconds=90)
"""Longest duration of a login before another process may start one."""


class BrokerApi(Protocol):
    """The documented API, as `broker.session.KiteApi` offers it."""

    async def exchange(self, app: AppKeys, request_token: Sensitive) -> Session:
        """Return a session for a request_token."""
        ...

    async def renew(self, app: AppKeys, refresh_token: Sensitive) -> Session:
        """Return a session for a refresh_token, perhaps with another refresh_token."""
        ...

    async def logout(self, api_key: Sensitive, access_token: Sensitive) -> None:
        """End a session; no error when it is over already."""
        ...

    async def profile(self, api_key: Sensitive, access_token: Sensitive) -> str:
        """Return the user_id that a session belongs to; TokenDead when it is over."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services that every action uses, made once in `app.py`.

    `identity` names this process in Leases; `on_step(step, credential)` is awaited at every named point of a refresh;
    `observe(step, outcome, seconds)` is called for every broker call; `token_version` returns the version of a session.
    """

    cluster: Cluster
    accounts: Accounts
    broker: BrokerApi
    limiter: RateLimiter
    clock: Clock
    identity: str
    on_step: Callable[[str, Credential], Awaitable[None]]
    observe: Callable[[str, str, float], None]
    token_version: Callable[[Session], str]


@dataclass(slots=True)
class Context:
    """Context of one action: the gathered state, and the in-memory state of the credential.

    An action that knows the gathered state after it sets `after`; otherwise the state is gathered again.
    """

    gathered: Gathered
    in_memory: InMemoryState
    after: Gathered | None = None

    @property
    def observed(self) -> Observed:
        """The facts that the decision was based on."""
        return self.gathered.observed

    @property
    def credential(self) -> Credential:
        """The credential of this reconcile."""
        return self.gathered.observed.credential


async def observed_call(services: Services, step: Step, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Return the answer of `ask`; its duration and outcome (success, a reason, or aborted) go to the observer."""
    started, outcome = services.clock.boottime(), "aborted"
    try:
        answer = await ask()
        outcome = "success"
    except BrokerError as error:
        outcome = error.reason.value
        raise
    finally:
        notify_observer(services.observe, step, outcome, services.clock.boottime() - started)
    return answer


def new_id() -> str:
    """Return an id for locks, attempts and blocks: 64 random bits, hex."""
    return secrets.token_hex(8)


def seed_of(context: Context) -> AttemptLedger:
    """Return the initial ledger of a missing Lease: empty, or with the block that status holds (P1)."""
    return context.observed.account or AttemptLedger(context.credential.client_id)


def claimant(context: Context, *, proven: bool = False) -> Claimant:
    """Return the credential as a claimant; `proven` when the broker has just confirmed its session."""
    credential = context.credential
    return Claimant(credential.ref, credential.created, proven or is_vouched_for(context.observed))


def begin_login(ledger: AttemptLedger, services: Services, context: Context, lock_id: str) -> AttemptLedger:
    """Claim the client ID and app for this credential, and take the account's lock for one login."""
    ledger, lock = _claimed(ledger, services, context, lock_id)
    return locks.start_login(ledger, lock, services.clock.now())


def begin_exchange(ledger: AttemptLedger, services: Services, context: Context, lock_id: str) -> AttemptLedger:
    """Claim as `begin_login` does, and take the lock of the app only, for one exchange or renewal."""
    ledger, lock = _claimed(ledger, services, context, lock_id)
    return locks.start_exchange(ledger, lock, services.clock.now())


def _claimed(ledger: AttemptLedger, services: Services, context: Context, lock_id: str) -> tuple[AttemptLedger, Lock]:
    observed, now = context.observed, services.clock.now()
    if observed.versions is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "a login needs usable sources")
    app = observed.versions.api_key
    ledger = claim(ledger, app, claimant(context), now, holder=observed.holder)
    return ledger, Lock(lock_id, services.identity, now + LOCK_FOR, app=app, credential=str(context.credential.ref))


async def release(
    services: Services,
    context: Context,
    lock_id: str,
    rejection: Rejection | None = None,
    settlement: budget.Settlement | None = None,
) -> None:
    """Release the lock, and record a permanent rejection and a settlement that could not be written before.

    When the API server does not answer, this is a pending write, made before the next decision on the credential.
    """
    pending = PendingWrite(lock_id, rejection, settlement)
    context.in_memory.pending_writes = (*context.in_memory.pending_writes, pending)
    with suppress(ClusterError):
        await write_pending(services, context.credential.client_id, context.in_memory, seed_of(context))


@asynccontextmanager
async def release_lock_on_error(services: Services, context: Context, lock_id: str) -> AsyncIterator[None]:
    """Release the lock when an error ends the action, except a broker error: its handler releases and records it.

    The lock may be ours even if the API server did not answer the write that took it.
    """
    try:
        yield
    except BrokerError:
        raise
    except OperatorError:
        await release(services, context, lock_id)
        raise


async def write_pending(services: Services, client_id: str, in_memory: InMemoryState, seed: AttemptLedger) -> None:
    """Make the pending writes."""
    pending_writes = in_memory.pending_writes
    if not pending_writes:
        return

    def change(ledger: AttemptLedger) -> AttemptLedger:
        for pending in pending_writes:
            if pending.settlement is not None:
                ledger = budget.conclude(ledger, pending.settlement, services.clock.now())
            if pending.rejection is not None:
                ledger = with_rejection(ledger, pending.rejection)
            ledger = locks.finish(ledger, pending.lock_id)
        return ledger

    await services.accounts.change(client_id, change, seed=seed)
    in_memory.pending_writes = in_memory.pending_writes[len(pending_writes) :]


def rejection_of(services: Services, context: Context, error: BrokerError) -> Rejection | None:
    """Return the rejection to record for `error`; None for one in the attempt ledger, or a transient one."""
    versions = context.observed.versions
    if isinstance(error, TransientBrokerError) or error.reason.counts_as is not None or versions is None:
        return None
    present = versions.inputs(services.clock.now())
    inputs = {each.value: present[each] for each in error.reason.inputs}
    return Rejection(new_id(), error.reason, error.message, context.credential.ref, services.clock.now(), inputs)


def failed(context: Context, services: Services, error: BrokerError, *, asked: bool = False) -> ActOutcome:
    """Return the outcome of an action that the broker failed: with backoff when the error is transient."""
    previous, now = context.credential.status.failures, services.clock.now()
    passes = isinstance(error, (TransientBrokerError, OutcomeUnknown))
    retry_after = error.retry_after_seconds if isinstance(error, TransientBrokerError) else None
    failures = backoff.after_failure(previous, error.reason, now, context.observed.jitter, retry_after)
    return ActOutcome(
        "transient" if passes else "rejected",
        error.reason,
        # An error that is not transient is reported by the block that now stands for the credential.
        failed=Failed(failures, error.message) if passes else Failed(replace(failures, next_retry_time=None)),
        handled_refresh=asked,
    )


def passing_lapse(error: BrokerError) -> BrokerError:
    """Return a lapsed subscription as transient where asking again costs nothing: it ends when the user renews it."""
    if error.reason is not Reason.SUBSCRIPTION_INACTIVE:
        return error
    message = f"{error.message}. It is asked again by itself"
    return TransientBrokerError(
        error.reason, message, step=error.step, retry_after_seconds=backoff.LONGEST.total_seconds()
    )


def refused(refusal: ReservationRefused) -> ActOutcome:
    """Return the outcome of an action that the attempt ledger did not allow: a wait, and no failure."""
    return ActOutcome("refused", refusal.reason, retry_at=refusal.retry_at, retry_message=refusal.message)
