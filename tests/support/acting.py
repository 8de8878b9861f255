"""The actions with all around them in memory (API server, broker, clock); a test may meddle at every named step."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from kite_operator.act.acknowledge import acknowledge
from kite_operator.act.context import Context
from kite_operator.act.exchange import exchange_grant
from kite_operator.act.login import WebLogins, log_in
from kite_operator.act.proof import probe, prove
from kite_operator.act.renew import renew
from kite_operator.act.revoke import revoke
from kite_operator.act.rollout import restart
from kite_operator.act.services import Services
from kite_operator.broker.limiter import RateLimiter, RateLimits
from kite_operator.broker.webdriver import Transport
from kite_operator.broker.wire import HttpResponse
from kite_operator.cluster.account import Accounts, lease_name
from kite_operator.cluster.api import leases_path, secrets_path
from kite_operator.cluster.gather import Gathered
from kite_operator.decide.observed import Grant, Observed, UsableApp
from kite_operator.decide.on_input import acknowledged
from kite_operator.decide.plan import Exchange, Login, Probe, Prove, Renew, Restart, Revoke
from kite_operator.decide.revocation import sessions_to_end
from kite_operator.in_memory import InMemoryState
from kite_operator.model.account import AttemptLedger
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, LoginFactors, Session
from kite_operator.record.outcome import ActOutcome
from support.broker_fakes import FakeClock, ScriptedTransport
from support.facts import CLIENT_ID, observed, session
from support.memory_cluster import MemoryCluster

ACCOUNT_NAMESPACE = "kite-system"
STATE = secrets_path("desk", "alpha-kite-state")
LEASE = leases_path(ACCOUNT_NAMESPACE, lease_name(CLIENT_ID))


async def _go_on() -> None:
    """Nothing happens at this step."""


@dataclass
class Stage:
    """`at[step]` is awaited when an action passes that step; the broker answers `profile`, `exchanged`, `renewed`."""

    script: Sequence[HttpResponse | BaseException] = ()
    exchanged: Session | Exception | None = None
    renewed: Session | Exception | None = None
    profile: str | Exception = CLIENT_ID
    logout: Exception | None = None
    at: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)

    def __post_init__(self) -> None:
        self.transport = ScriptedTransport(list(self.script))
        self.renewals: list[Sensitive] = []
        self.exchanges: list[Sensitive] = []
        self.logouts: list[Sensitive] = []
        self.accounts = Accounts(self.cluster, self.clock, ACCOUNT_NAMESPACE)
        self.services = Services(
            cluster=self.cluster,
            accounts=self.accounts,
            broker=_Broker(self),
            limiter=RateLimiter(RateLimits(), self.clock),
            clock=self.clock,
            identity="pod-1",
            on_step=self._on_step,
            observe=lambda _step, _outcome, _seconds: None,
            token_version=lambda made: made.access_token.reveal()[:4],
        )
        self.logins = WebLogins("https://login.example", (), self._open)

    def context(self, **changes: Any) -> Context:
        facts: Observed = observed(self.clock.now(), **changes)
        return Context(Gathered(facts, self.cluster.objects.get(STATE), None, ""), InMemoryState())

    async def log_in(self, context: Context) -> ActOutcome:
        """Log in with the sources that this context has."""
        app, factors = context.observed.app, context.observed.factors
        assert isinstance(app, UsableApp)
        assert isinstance(factors, LoginFactors)
        return await log_in(self.services, context, Login(Reason.LOGIN_IN_PROGRESS, "", app, factors), self.logins)

    async def renew(self, context: Context) -> ActOutcome:
        """Renew with the refresh_token that this context has."""
        app, renewal = context.observed.app, context.observed.renewable
        assert isinstance(app, UsableApp)
        assert renewal is not None
        plan = Renew(Reason.LOGIN_IN_PROGRESS, "", app, renewal.refresh_token)
        return await renew(self.services, context, plan)

    async def exchange(self, context: Context, grant: Grant) -> ActOutcome:
        """Exchange this grant."""
        app, request_token = context.observed.app, grant.request_token
        assert isinstance(app, UsableApp)
        assert request_token is not None
        plan = Exchange(Reason.LOGIN_IN_PROGRESS, "", app, grant, request_token)
        return await exchange_grant(self.services, context, plan)

    async def probe(self, context: Context) -> ActOutcome:
        """Probe the session that this context holds."""
        held = context.observed.held
        assert held is not None
        return await probe(self.services, context, Probe(Reason.SESSION_ACTIVE, "", held))

    async def prove(self, context: Context, reason: Reason = Reason.SESSION_UNPROVEN) -> ActOutcome:
        """Prove the session that this context holds, for this reason."""
        held = context.observed.held
        assert held is not None
        return await prove(self.services, context, Prove(reason, "", held))

    async def acknowledge(self, context: Context) -> ActOutcome:
        """Handle the acknowledgement of this context's credential."""
        plan = acknowledged(context.observed)
        assert plan is not None
        return await acknowledge(self.services, context, plan)

    async def revoke(self, context: Context) -> ActOutcome:
        """Revoke the sessions that this context knows."""
        plan = Revoke(Reason.REVOKED, "", sessions_to_end(context.observed))
        return await revoke(self.services, context, plan)

    async def restart(self, context: Context) -> ActOutcome:
        """Examine the workloads of this context's credential."""
        rollout = context.credential.rollout
        assert rollout is not None
        plan = Restart(Reason.ROLLOUT_RESTARTED, "", rollout, context.observed.rollout_allowed)
        return await restart(self.services, context, plan)

    async def ledger(self) -> AttemptLedger:
        ledger = await self.accounts.read(CLIENT_ID)
        assert ledger is not None
        return ledger

    async def somebody_else_locks(self) -> None:
        """Another process takes over what is under way: the account's login, or an exchange or renewal."""

        def change(ledger: AttemptLedger) -> AttemptLedger:
            assert ledger.locks
            login, exchanges = (ledger.lock,) if ledger.lock else (), ledger.app_locks
            theirs = [replace(each, id="of-another", by="pod-2") for each in (*login, *exchanges)]
            return replace(ledger, lock=theirs[0] if login else None, app_locks=tuple(theirs[len(login) :]))

        await self.accounts.change(CLIENT_ID, change, seed=AttemptLedger(CLIENT_ID))

    async def _on_step(self, step: str, _credential: Credential) -> None:
        await self.at.get(step, _go_on)()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Transport]:
        yield self.transport


@dataclass
class _Broker:
    stage: Stage

    async def exchange(self, _app: AppKeys, request_token: Sensitive) -> Session:
        self.stage.exchanges.append(request_token)
        answer = self.stage.exchanged or session(self.stage.clock.now())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def renew(self, _app: AppKeys, refresh_token: Sensitive) -> Session:
        self.stage.renewals.append(refresh_token)
        answer = self.stage.renewed or session(self.stage.clock.now())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def logout(self, _api_key: Sensitive, access_token: Sensitive) -> None:
        self.stage.logouts.append(access_token)
        if self.stage.logout is not None:
            raise self.stage.logout

    async def profile(self, _api_key: Sensitive, _access_token: Sensitive) -> str:
        if isinstance(self.stage.profile, Exception):
            raise self.stage.profile
        return self.stage.profile


def is_staged(stage: Stage) -> bool:
    """Whether the state Secret holds a session; an empty one only makes room for it."""
    return bool((stage.cluster.objects.get(STATE) or {}).get("data"))
