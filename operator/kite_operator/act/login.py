"""Login with both factors: each submission is reserved in the account Lease before it is sent (P1)."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from kite_operator import spans
from kite_operator.act.context import Context
from kite_operator.act.failures import failed, refused, rejection_of
from kite_operator.act.ledger import begin_login, change_ledger, new_id
from kite_operator.act.pending_writes import release
from kite_operator.act.retry import retry_write
from kite_operator.act.services import Services
from kite_operator.act.stage import require_state_unchanged
from kite_operator.act.unexchanged import exchange_again, exchange_new, kept_token
from kite_operator.broker.codes import code_for, usable_window
from kite_operator.broker.codes import window as window_of
from kite_operator.broker.webdriver import LoginHooks, Transport, run_login
from kite_operator.broker.weblogin import WebLogin
from kite_operator.cluster.gather import Gathered
from kite_operator.decide import backoff, budget, locks
from kite_operator.decide.observed import Versions
from kite_operator.decide.plan import Login
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, Rejection
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import (
    BrokerError,
    OperatorError,
    ReservationLost,
    ReservationRefused,
    Step,
    TransientBrokerError,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.record.outcome import ActOutcome, Result

SEND_WITHIN_SECONDS = 10.0
"""Age (by boot-time) from which a reservation is not sent any more."""
RESERVED_FOR = timedelta(seconds=45)
"""Time after which an unsettled reservation counts as unknown; longer than sending and answering take."""
LONGEST_WINDOW_WAIT_SECONDS = 4.0
"""Longest wait for a code within a login (the margin at a window's end); for a longer one the login is requeued."""


@dataclass(frozen=True, slots=True)
class WebLogins:
    """Settings of web logins: where they go, and over which transport; `open_transport` makes one per login."""

    login_base_url: str
    allowed_hosts: tuple[str, ...]
    open_transport: Callable[[], AbstractAsyncContextManager[Transport]]


@dataclass(slots=True)
class LedgerGate:
    """Attempt ledger of one login (`broker.webdriver.SubmissionGate`).

    `context` has the state as it is known under the lock. `unsettled` is what the ledger may lack about a submission,
    because the API server did not answer.
    """

    services: Services
    context: Context
    plan: Login
    lock_id: str = field(default_factory=new_id)
    unsettled: budget.Settlement | None = None
    _offset: ClockOffset | None = None
    _reserved: Attempt | None = None
    _reserved_at: float = 0.0
    _last_window: int | None = None

    @property
    def versions(self) -> Versions:
        """Return the versions of the inputs of this login."""
        return self.plan.app.versions

    async def reserve_password(self, offset: ClockOffset | None) -> None:
        """Claim, lock and reserve in one write; then check that no other login came before the lock (P2).

        Nothing is reserved when the clocks are too far apart for the code that would have to follow.
        """
        by, versions = self.context.credential.ref, self.versions
        self._offset = offset
        self._await_shared_window()
        attempt = self._attempt(Step.PASSWORD)

        def change(ledger: AttemptLedger) -> AttemptLedger:
            now = self.services.clock.now()
            require_right_clock(offset, budget.wrong_codes_of(ledger, versions.login))
            ledger = begin_login(self.services, self.context, self.plan.app, ledger, self.lock_id)
            contested = budget.contested(ledger, versions.api_key, now)
            if contested is not None:
                raise ReservationRefused(contested.reason, contested.message)
            return budget.reserve(ledger, budget.Submission(Step.PASSWORD, versions.login, by), attempt, now)

        await self._reserve(attempt, change)
        try:
            self.context = await require_state_unchanged(self.services, self.context)
        except OperatorError:
            await self.settle(Step.PASSWORD, AttemptOutcome.UNSENT)
            raise

    async def take_lock(self) -> None:
        """Claim and lock without a submission; then check that no other login came before the lock (P2)."""
        await self._change(lambda ledger: begin_login(self.services, self.context, self.plan.app, ledger, self.lock_id))
        self.context = await require_state_unchanged(self.services, self.context)

    async def reserve_code(self) -> Sensitive:
        """Reserve a code of an unused window; waits for the next window near a window's end."""
        window, wait = usable_window(self.services.clock.now(), self._last_window, self._offset)
        if wait > LONGEST_WINDOW_WAIT_SECONDS:
            retry_at = self.services.clock.now() + timedelta(seconds=wait)
            message = "this TOTP window's code has been used: the next window is awaited"
            raise ReservationRefused(Reason.WAITING_FOR_TOTP_WINDOW, message, retry_at=retry_at)
        if wait > 0:
            await self.services.clock.sleep(wait)
        by, attempt = self.context.credential.ref, self._attempt(Step.TOTP, window)

        def change(ledger: AttemptLedger) -> AttemptLedger:
            locks.require_lock(ledger, self.lock_id)
            submission = budget.Submission(Step.TOTP, self.versions.login, by, window)
            return budget.reserve(ledger, submission, attempt, self.services.clock.now())

        await self._reserve(attempt, change)
        if window_of(self.services.clock.now()) > window:
            await self.settle(Step.TOTP, AttemptOutcome.UNSENT)
            message = "the code's TOTP window closed while it was being reserved"
            retry_at = self.services.clock.now() + timedelta(seconds=LONGEST_WINDOW_WAIT_SECONDS)
            raise ReservationRefused(Reason.WAITING_FOR_TOTP_WINDOW, message, retry_at=retry_at)
        return code_for(self.plan.factors.totp_secret, window)

    def check(self) -> None:
        """Check the reservation just before a send: ReservationLost when it is too old (boot-time counts sleep)."""
        if self._reserved is None or self.services.clock.boottime() - self._reserved_at > SEND_WITHIN_SECONDS:
            raise ReservationLost("the reservation ran out before it was used")

    async def settle(self, step: Step, outcome: AttemptOutcome) -> None:
        """Record the outcome; an accepted code completes a login. ReservationLost when another client has the lock."""
        attempt, self._reserved = self._reserved, None
        if attempt is None or attempt.step is not step:
            raise ReservationLost("there is no reservation to settle")
        settlement = budget.Settlement(attempt, outcome, self.versions.api_key)

        def change(ledger: AttemptLedger) -> AttemptLedger:
            return budget.conclude(ledger, settlement, self.services.clock.now())

        self.unsettled = settlement
        ledger = await retry_write(self.services.clock, lambda: self._change(change))
        self.unsettled = None
        if outcome is AttemptOutcome.ACCEPTED:
            locks.require_lock(ledger, self.lock_id)

    def _await_shared_window(self) -> None:
        """Refuse to send while our clock and the broker's are in different windows; requeue when they share one."""
        now = self.services.clock.now()
        shared = usable_window(now, None, self._offset)[1]
        if shared > usable_window(now, None)[1]:
            message = (
                "the broker's clock is in another TOTP window than this node's: the next one that they share is awaited"
            )
            raise ReservationRefused(Reason.WAITING_FOR_TOTP_WINDOW, message, retry_at=now + timedelta(seconds=shared))

    def _attempt(self, step: Step, window: int | None = None) -> Attempt:
        now, by = self.services.clock.now(), self.context.credential.ref
        ahead = round(self._offset.ahead, 1) if window is not None and self._offset is not None else None
        return Attempt(
            new_id(), step, self.versions.login, by, now, now + RESERVED_FOR, window=window, clock_ahead=ahead
        )

    async def _reserve(self, attempt: Attempt, change: Callable[[AttemptLedger], AttemptLedger]) -> None:
        """Reserve; if the answer is lost, nothing is sent, and a reservation that was written is removed."""
        self.unsettled = budget.Settlement(attempt, AttemptOutcome.UNSENT, self.versions.api_key)
        await self._change(change)
        self.unsettled = None
        self._reserved, self._reserved_at = attempt, self.services.clock.boottime()

    async def _change(self, change: Callable[[AttemptLedger], AttemptLedger]) -> AttemptLedger:
        with spans.step("ledger"):
            ledger = await change_ledger(self.services, self.context, change)
        self._last_window = ledger.last_window
        return ledger


def require_right_clock(offset: ClockOffset | None, wrong_codes: Sequence[Attempt]) -> None:
    """Raise ClockSkew where no code can be right, and where the clock may be the reason for a refused code.

    Nothing is blocked: the error ends once the clock is right, and every attempt measures the clock again.
    """
    if offset is None or not (offset.is_hopeless or (wrong_codes and not offset.is_bearable)):
        return
    what = "a code was refused, and none is sent any more" if wrong_codes else "nothing was submitted"
    message = f"this node's clock is {offset}, too far for TOTP codes: {what}. Set the node's clock by NTP"
    raise TransientBrokerError(Reason.CLOCK_SKEW, message, step=Step.PREFLIGHT)


async def log_in(services: Services, context: Context, plan: Login, logins: WebLogins) -> ActOutcome:
    """Log in and stage the session; the lock is released in any case."""
    gate = LedgerGate(services, context, plan)
    try:
        async with _ending(gate):
            after = await _to_session(services, context, plan, logins, gate)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return failed(services, context, _costly(context, error), asked=True)
    # One login handles a requested refresh: if its session were refused, a second one would be refused as well.
    return ActOutcome(Result.STAGED, Reason.SESSION_UNPROVEN, handled_refresh=True, after=after)


async def _to_session(
    services: Services, context: Context, plan: Login, logins: WebLogins, gate: LedgerGate
) -> Gathered:
    """Stage a session: from the request_token that an earlier login has left, or by a whole login."""
    kept = kept_token(context, plan.app)
    if kept is not None:
        await gate.take_lock()
        after = await exchange_again(services, gate.context, plan.app, kept, gate.lock_id)
        if after is not None:
            return after
    request_token = await _web_login(services, context, plan, logins, gate)
    return await exchange_new(services, gate.context, plan.app, request_token, gate.lock_id)


def _costly(context: Context, error: BrokerError) -> BrokerError:
    """Return the same error; if the next attempt takes a whole login, one of a few a day, it backs off longer."""
    spent = error.step in (Step.CONNECT, Step.EXCHANGE) and context.in_memory.unexchanged is None
    if spent and isinstance(error, TransientBrokerError):
        error.retry_after_seconds = max(error.retry_after_seconds or 0.0, backoff.LONGEST.total_seconds())
    return error


@asynccontextmanager
async def _ending(gate: LedgerGate) -> AsyncIterator[None]:
    """Release the lock at the end, with the rejection that a BrokerError stands for."""
    try:
        yield
    except BrokerError as error:
        await _release(gate, rejection_of(gate.services, gate.context, error))
        raise
    except ReservationRefused as refusal:
        if refusal.reason is not Reason.CONFLICT:
            await _release(gate)
        raise
    except OperatorError:
        await _release(gate)
        raise
    await _release(gate)


async def _release(gate: LedgerGate, rejection: Rejection | None = None) -> None:
    await release(gate.services, gate.context, gate.lock_id, rejection, gate.unsettled)


async def _web_login(
    services: Services, context: Context, plan: Login, logins: WebLogins, gate: LedgerGate
) -> Sensitive:
    credential = context.credential
    login = WebLogin(
        client_id=credential.client_id,
        password=plan.factors.password,
        api_key=plan.app.keys.api_key,
        redirect_url=credential.redirect_url,
        login_base_url=logins.login_base_url,
        allowed_hosts=logins.allowed_hosts,
    )

    async def on_step(point: str) -> None:
        await services.on_step(point, credential)

    hooks = LoginHooks(observe=services.observe, on_step=on_step)
    async with logins.open_transport() as transport:
        return await run_login(login, gate=gate, transport=transport, clock=services.clock, hooks=hooks)
