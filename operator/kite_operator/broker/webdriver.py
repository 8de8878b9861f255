"""Driver of `login_flow` over a transport, with the attempt ledger's gate around each submission (P1).

Per submission: reserve, check, send, settle. A reservation is settled exactly once, with the known outcome. Two exits
leave it pending on purpose, and a pending reservation that outlives its deadline counts as unknown: the task is
cancelled (nothing may be awaited then), or a hook of `LoginHooks.on_step` raises (it simulates a crash).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from kite_operator.broker.verdicts import SUBMISSIONS, outcome_of
from kite_operator.broker.weblogin import CodeNeeded, Flow, WebLogin, connect_flow, login_flow
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.clock import Clock
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerError, ReservationLost, Step, TransientBrokerError
from kite_operator.model.sensitive import Sensitive
from kite_operator.observers import notify_observer


class SubmissionGate(Protocol):
    """Attempt ledger as the driver uses it; one gate serves one login."""

    async def reserve_password(self, offset: ClockOffset | None) -> None:
        """Reserve one submission of the password; raises ReservationRefused.

        `offset` is the offset of our clock from the broker's at the preflight: where no code can be right, nothing is
        sent, and a TransientBrokerError reports it.
        """
        ...

    async def reserve_code(self) -> Sensitive:
        """Reserve one submission of a code and return the code; may wait for a window; raises ReservationRefused."""
        ...

    def check(self) -> None:
        """Check a submission before it is connected and again before its first byte is sent; raises ReservationLost."""
        ...

    async def settle(self, step: Step, outcome: AttemptOutcome) -> None:
        """Record the outcome of the reservation of `step`: once per reservation."""
        ...


class Transport(Protocol):
    """Sends one request."""

    async def send(self, request: HttpRequest, *, before_write: Callable[[], None]) -> HttpResponse:
        """Return the answer, redirects not followed; raises `verdicts.unreachable` or `verdicts.answer_lost`.

        `before_write` is called when the connection stands, before the first byte; its exceptions end the request.
        """
        ...


def _observe_nothing(_step: Step, _outcome: str, _seconds: float) -> None:
    """Default observer."""


def _check_nothing() -> None:
    """Default check, before a request that spends no attempt."""


async def _no_hook(_point: str) -> None:
    """Default hook."""


@dataclass(frozen=True, slots=True)
class LoginHooks:
    """Hooks that the composition root may add to a login.

    `observe(step, outcome, seconds)` is called for every request: outcome is "success", a Reason's value, or "aborted"
    (cancelled, or the reservation was lost). `on_step(point)` is awaited at the points before-password-send,
    after-password-answer, before-totp-send, after-totp-answer (judged, not yet settled) and after-request-token.
    """

    observe: Callable[[Step, str, float], None] = _observe_nothing
    on_step: Callable[[str], Awaitable[None]] = _no_hook


CONNECT_PAUSES_SECONDS = (2.0, 8.0)
"""Pauses before retries of the app's login: once a code was accepted, only this last part is repeated."""
CONNECT_WITHIN_SECONDS = 40.0
"""Time of a login after which no further retry begins."""


async def run_login(
    login: WebLogin, *, gate: SubmissionGate, transport: Transport, clock: Clock, hooks: LoginHooks | None = None
) -> Sensitive:
    """Log in; return the request_token. Raises the errors of `login_flow`, the gate and the transport."""
    driver = _Driver(login_flow(login), gate, transport, clock, hooks or LoginHooks())
    try:
        token = await driver.run_with_retries(login)
    finally:
        driver.flow.close()
    await driver.hooks.on_step("after-request-token")
    return token


@dataclass(slots=True)
class _Driver:
    flow: Flow[Sensitive]
    gate: SubmissionGate
    transport: Transport
    clock: Clock
    hooks: LoginHooks
    offset: ClockOffset | None = None

    async def run_with_retries(self, login: WebLogin) -> Sensitive:
        """Run the whole login; when only the app's login failed, with a transient error, retry that part alone."""
        started = self.clock.boottime()
        for pause in CONNECT_PAUSES_SECONDS:
            try:
                return await self.run()
            except TransientBrokerError as error:
                late = self.clock.boottime() - started > CONNECT_WITHIN_SECONDS
                if error.step is not Step.CONNECT or late or (error.retry_after_seconds or 0.0) > pause:
                    raise
            await self.clock.sleep(pause)
            self.flow = connect_flow(login)
        return await self.run()

    async def run(self) -> Sensitive:
        """Answer the requests of the flow until it returns."""
        asked: HttpRequest | CodeNeeded | Sensitive = next(self.flow)
        while not isinstance(asked, Sensitive):
            if isinstance(asked, CodeNeeded):
                asked = self._advance(await self.gate.reserve_code())
            elif asked.step in SUBMISSIONS:
                asked = await self._submit(asked)
            else:
                asked = await self._ask(asked, _check_nothing)
        return asked

    def _advance(self, answer: HttpResponse | Sensitive) -> HttpRequest | CodeNeeded | Sensitive:
        """Return the next request of the flow, or the request_token with which it ends."""
        try:
            return self.flow.send(answer)
        except StopIteration as end:
            token = end.value
        if not isinstance(token, Sensitive):
            raise TypeError("a login ends with a request_token")
        return token

    async def _ask(self, request: HttpRequest, check: Callable[[], None]) -> HttpRequest | CodeNeeded | Sensitive:
        """Send a request, let the flow judge the answer, and report the outcome to the observer."""
        started = self.clock.boottime()
        outcome = "aborted"
        try:
            check()
            answer = await self.transport.send(request, before_write=check)
            if request.step is Step.PREFLIGHT:
                self.offset = answer.clock_offset
            asked = self._advance(answer)
            outcome = "success"
        except BrokerError as error:
            outcome = error.reason.value
            raise
        finally:
            notify_observer(self.hooks.observe, request.step, outcome, self.clock.boottime() - started)
        return asked

    async def _submit(self, request: HttpRequest) -> HttpRequest | CodeNeeded | Sensitive:
        """Reserve, check, send, settle; the code's reservation was made when the flow asked for the code."""
        step = request.step
        if step is Step.PASSWORD:
            await self.gate.reserve_password(self.offset)
        await self.hooks.on_step(f"before-{step}-send")
        try:
            asked = await self._ask(request, self.gate.check)
        except Exception as error:
            await self._settle(step, error)
            raise
        await self._settle(step, None)
        return asked

    async def _settle(self, step: Step, error: Exception | None) -> None:
        """Settle with the known outcome: a lost reservation was not sent, and an error of ours may have been."""
        if isinstance(error, ReservationLost):
            await self.gate.settle(step, AttemptOutcome.UNSENT)
            return
        await self.hooks.on_step(f"after-{step}-answer")
        if error is None or isinstance(error, BrokerError):
            await self.gate.settle(step, outcome_of(error))
        else:
            await self.gate.settle(step, AttemptOutcome.UNKNOWN)
