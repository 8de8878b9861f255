"""Gathers the observed state once, for one credential; decides nothing and writes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from kite_operator.clock import Clock
from kite_operator.cluster.account import Accounts
from kite_operator.cluster.api import Cluster, Manifest, credentials_path, secrets_path
from kite_operator.cluster.client_ids import ClientIDList
from kite_operator.cluster.grants import read_grants
from kite_operator.cluster.keyring import Keyring
from kite_operator.cluster.previous_target import read_previous, view_previous
from kite_operator.cluster.state import parse_renewal, parse_state, state_problem
from kite_operator.cluster.target import adoptable_session, view_target
from kite_operator.decide.claims import Holder
from kite_operator.decide.observed import Grant, Held, Observed, Probes, TargetView, UsableApp, Versions
from kite_operator.decide.seed import seeded
from kite_operator.decide.timing import jitter_share
from kite_operator.model.account import AttemptLedger, Ref
from kite_operator.model.errors import Forbidden, OperatorError, ReservationRefused
from kite_operator.model.links import login_link
from kite_operator.model.resource import Credential
from kite_operator.model.session import LoginFactors
from kite_operator.model.sources import Problem, parse_app_secret, parse_login_secret


@dataclass(frozen=True, slots=True)
class Hints:
    """Facts from the watches about a credential: its grants, its previous targets, and the rival for its target."""

    grants: frozenset[str] = frozenset()
    rival: Ref | None = None
    previous_targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The observed state, with the Secrets as they were read (for preconditions), and the session's token version."""

    observed: Observed
    state: Manifest | None = field(repr=False)
    target: Manifest | None = field(repr=False)
    token_version: str
    previous_targets: tuple[Manifest, ...] = field(default=(), repr=False)

    def of(self, credential: Credential) -> Self:
        """Return the same state with this credential."""
        return replace(self, observed=replace(self.observed, credential=credential))

    def with_staged(self, state: Manifest, held: Held, token_version: str) -> Self:
        """Return the same state after `held` was staged."""
        target = replace(self.observed.target, matches=False)
        renewal = parse_renewal(state, self.observed.credential)
        observed = replace(self.observed, held=held, target=target, renewal=renewal, token_version=token_version)
        return replace(self, observed=observed, state=state, token_version=token_version)

    def without_grant(self, grant: Grant) -> Self:
        """Return the same state after a grant was used."""
        grants = tuple(each for each in self.observed.grants if each != grant)
        return replace(self, observed=replace(self.observed, grants=grants))

    def with_published(self, target: Manifest, state: Manifest | None, held: Held) -> Self:
        """Return the same state after the held session was published."""
        view = TargetView(exists=True, session=held.session, matches=True)
        return replace(self, observed=replace(self.observed, held=held, target=view), state=state, target=target)

    def updated_for(self, credential: Credential, now: datetime, recall: "Recall") -> Self:
        """Return the same state at `now`, with the credential's new status and the current probes of its session."""
        probes, heals = recall(self.token_version, now)
        observed = replace(self.observed, credential=credential, now=now, probes=probes, drift_heals=heals)
        return replace(self, observed=observed)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads the objects that a credential names.

    `normalise_totp` canonicalises a TOTP secret or raises ValueError; `metadata_prefixes` are those that labels and
    annotations of a derived Secret may have; `login_page` is the public address of the login page, if there is one;
    `rollout_allowed` is true when `spec.rollout` is allowed.
    """

    cluster: Cluster
    accounts: Accounts
    keyring: Keyring
    clock: Clock
    normalise_totp: Callable[[str], str]
    allowance: ClientIDList
    metadata_prefixes: tuple[str, ...] = ()
    login_page: str = ""
    rollout_allowed: bool = False

    async def gather(self, credential: Credential, hints: Hints, recall: "Recall") -> Gathered:
        """Gather the observed state once; the reads run in parallel, and their first error is raised."""
        try:
            return await self._gather(credential, hints, recall)
        except* OperatorError as group:
            first = group
        raise _leaf(first)

    async def _gather(self, credential: Credential, hints: Hints, recall: "Recall") -> Gathered:
        async with asyncio.TaskGroup() as reads:
            keys = reads.create_task(self._data(credential, credential.app_secret))
            login = reads.create_task(self._data(credential, credential.login_secret))
            target = reads.create_task(self._secret(credential, credential.target.name))
            state = reads.create_task(self._secret(credential, credential.state_secret))
            account = reads.create_task(self._account(credential))
            allowed = reads.create_task(self.allowance.problem(credential.key.namespace, credential.client_id))
            grants = reads.create_task(read_grants(self.cluster, credential, hints.grants))
            previous_targets = reads.create_task(read_previous(self.cluster, credential, hints.previous_targets))
        now = self.clock.now()
        factors = self._factors(credential, login.result())
        app = self._app(credential, keys.result(), factors)
        held = self._held(credential, state.result(), target.result(), app, now)
        token_version = self.keyring.token_version(held.session) if held else ""
        probes, heals = recall(token_version, now)
        versions = None if isinstance(app, Problem) else app.versions
        ledger = account.result()
        readable = None if isinstance(ledger, Problem) else ledger or seeded(credential, versions, now)
        observed = Observed(
            now=now,
            jitter=jitter_share(credential.uid),
            credential=credential,
            app=app,
            factors=factors,
            target=view_target(target.result(), credential, held.session if held else None, self.metadata_prefixes),
            held=held,
            state_problem=state_problem(state.result(), credential),
            grants=tuple(grant for grant in grants.result() if not grant.misfit),
            misfits=tuple(grant.name for grant in grants.result() if grant.misfit),
            account=readable,
            account_problem=ledger if isinstance(ledger, Problem) else None,
            holder=await self._holder(credential, readable, versions),
            rival=hints.rival,
            probes=probes,
            drift_heals=heals,
            previous_targets=tuple(view_previous(secret, credential) for secret in previous_targets.result()),
            renewal=parse_renewal(state.result(), credential),
            login_url=login_link(self.login_page, credential.key),
            client_problem=allowed.result(),
            token_version=token_version,
            rollout_allowed=self.rollout_allowed,
        )
        return Gathered(observed, state.result(), target.result(), token_version, previous_targets.result())

    async def _secret(self, credential: Credential, name: str | None) -> Manifest | None:
        return await self.cluster.find(secrets_path(credential.key.namespace, name)) if name else None

    async def _data(self, credential: Credential, name: str | None) -> dict[str, str] | None:
        secret = await self._secret(credential, name)
        return None if secret is None else dict(secret.get("data") or {})

    async def _account(self, credential: Credential) -> AttemptLedger | Problem | None:
        if not credential.client_id:
            return None
        try:
            return await self.accounts.read(credential.client_id)
        except ReservationRefused as refusal:
            return Problem(refusal.reason, refusal.message)

    async def _holder(
        self, credential: Credential, account: AttemptLedger | None, versions: Versions | None
    ) -> Holder | None:
        """Return the claim's holder, if it is another credential; one that we may not read is assumed to exist."""
        claim = account.claim_for(versions.api_key) if account is not None and versions is not None else None
        if claim is None or claim.holder.same_name(credential.ref):
            return None
        ref = claim.holder
        try:
            found = await self.cluster.find(credentials_path(ref.namespace, ref.name))
        except Forbidden:
            return Holder(ref)
        if found is None or (found.get("spec") or {}).get("clientID") != credential.client_id:
            return Holder(ref, gone=True)
        forbidden = await self.allowance.problem(ref.namespace, credential.client_id)
        return Holder(ref, found["metadata"].get("creationTimestamp", ""), gone=forbidden is not None)

    def _factors(self, credential: Credential, data: dict[str, str] | None) -> LoginFactors | Problem | None:
        if credential.login_secret is None:
            return None
        return parse_login_secret(credential.login_secret, data, self.normalise_totp)

    def _held(
        self,
        credential: Credential,
        state: Manifest | None,
        target: Manifest | None,
        app: UsableApp | Problem,
        now: datetime,
    ) -> Held | None:
        """Return the session of the state Secret; else an adoptable session or the one in the derived Secret."""
        held = parse_state(state, credential)
        if held is not None:
            return held
        keys = app if isinstance(app, Problem) else app.keys
        adoptable = adoptable_session(target, credential, keys, now)
        if adoptable is not None:
            return Held(adoptable, published=True, staged_at=now, recovered=True, adopted=True)
        session = view_target(target, credential, None).session
        if session is None or session.user_id != credential.client_id:
            return None
        return Held(session, published=True, staged_at=now, recovered=True)

    def _app(
        self, credential: Credential, data: dict[str, str] | None, factors: LoginFactors | Problem | None
    ) -> UsableApp | Problem:
        keys = parse_app_secret(credential.app_secret, data)
        if isinstance(keys, Problem):
            return keys
        login = ""
        if isinstance(factors, LoginFactors):
            login = self.keyring.version("login", factors.password, factors.totp_secret)
        versions = Versions(
            login=login,
            app=self.keyring.version("app", keys.api_key, keys.api_secret),
            api_key=self.keyring.version("api_key", keys.api_key),
            redirect=self.keyring.version("redirect", credential.redirect_url),
        )
        return UsableApp(keys, versions)


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


Recall = Callable[[str, datetime], tuple[Probes, int]]
