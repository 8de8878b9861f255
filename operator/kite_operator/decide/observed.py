"""Observed state: the facts that one decision uses, gathered once; the input of the policies."""

from dataclasses import dataclass
from datetime import datetime

from kite_operator.decide.claims import Holder
from kite_operator.model.account import AttemptLedger, Ref
from kite_operator.model.expiry import session_day
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, LoginFactors, Session
from kite_operator.model.sources import Problem


@dataclass(frozen=True, slots=True)
class Versions:
    """Keyed hashes of the inputs of a login; a rejection is bound to them.

    `login` is empty in every mode but TOTP, and while the login Secret cannot be used.
    """

    login: str
    app: str
    api_key: str
    redirect: str

    def inputs(self, now: datetime) -> dict[str, str]:
        """Return the inputs to which a rejection may be bound, by name: versions of user input, and the session day."""
        return {"login": self.login, "app": self.app, "redirect": self.redirect, "day": session_day(now).isoformat()}


@dataclass(frozen=True, slots=True)
class UsableApp:
    """The app that the app Secret names: its keys, and the versions of the inputs of a login through it."""

    keys: AppKeys
    versions: Versions


@dataclass(frozen=True, slots=True)
class TargetView:
    """The derived Secret as it is now.

    `problem` says why it cannot be written (not ours, immutable, of another type). `session` is the one that it holds,
    if that parses; `matches` whether it is exactly the Secret that would be published for the held session;
    `marked_dead` its annotation; `outdated` whether it was written for another `spec.target` than the present one, or
    under another name.
    """

    exists: bool = False
    problem: Problem | None = None
    session: Session | None = None
    matches: bool = False
    marked_dead: bool = False
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class PreviousTarget:
    """A Secret of ours that was the target before `spec.target.name` was changed.

    `owned` when Kubernetes garbage-collects it after this credential; `replaced_by` is the name in its annotation, of
    the Secret that replaces it.
    """

    name: str
    session: Session | None = None
    owned: bool = False
    marked_dead: bool = False
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The session that the state Secret holds. `published` is False while it is staged: answered, not yet proven.

    `recovered` when no state Secret holds it, and the session was read back from the derived Secret. `adopted` when
    another client made that Secret for this credential to adopt: nothing of it has been proven.
    """

    session: Session
    published: bool
    staged_at: datetime
    recovered: bool = False
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """The refresh_token that the state Secret holds, and the api_key of its app."""

    api_key: Sensitive
    refresh_token: Sensitive


@dataclass(frozen=True, slots=True)
class Grant:
    """A login-grant Secret, made after a manual login.

    `taken_at` is when an exchange of it was first begun. `misfit` when the Secret has the labels of a grant and another
    type: it may be anything, so it is neither used nor deleted.
    """

    name: str
    uid: str
    resource_version: str
    request_token: Sensitive | None
    taken_at: datetime | None
    created: str
    misfit: bool = False

    @property
    def taken(self) -> bool:
        """Return whether an exchange of the grant was begun before."""
        return self.taken_at is not None


@dataclass(frozen=True, slots=True)
class Probes:
    """Answers of the broker to this process about the held session, as times.

    `alive_at` and `dead_at` are the times of the last definite answers about the session, `asked_at` of the last
    probe. `known_since` is when this process first saw the session, `refreshed_at` when a refresh that a user requested
    was last handled, `exchanged_at` when a grant was last exchanged, `reported_at` when a consumer reported the session
    as dead, if it has not been probed since.
    """

    alive_at: datetime | None = None
    dead_at: datetime | None = None
    asked_at: datetime | None = None
    known_since: datetime | None = None
    refreshed_at: datetime | None = None
    exchanged_at: datetime | None = None
    reported_at: datetime | None = None
    lapsed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """Observed state of one credential at `now`.

    `jitter` is the credential's own share, in [0, 1); `holder` another credential that holds the claim; `rival` another
    credential that wants the same target and came first; `login_url` the address for its manual login, empty while
    there is no login page; `client_problem` why it may not act for its client ID; `token_version` distinguishes the
    held session from others; `rollout_allowed` is whether the operator's administrator allows `spec.rollout`.
    """

    now: datetime
    jitter: float
    credential: Credential
    app: UsableApp | Problem
    factors: LoginFactors | Problem | None
    target: TargetView
    held: Held | None
    state_problem: Problem | None
    grants: tuple[Grant, ...]
    account: AttemptLedger | None
    account_problem: Problem | None
    holder: Holder | None
    rival: Ref | None
    probes: Probes
    drift_heals: int = 0
    previous_targets: tuple[PreviousTarget, ...] = ()
    renewal: Renewal | None = None
    login_url: str = ""
    misfits: tuple[str, ...] = ()
    client_problem: Problem | None = None
    token_version: str = ""
    rollout_allowed: bool = False

    @property
    def versions(self) -> Versions | None:
        """Return the versions of the inputs of a login, or None while the app Secret cannot be used."""
        return None if isinstance(self.app, Problem) else self.app.versions

    @property
    def target_edited(self) -> bool:
        """Return whether an edit of `spec.target` is the cause of the drift, and not a write to the derived Secret.

        A restored old copy of the Secret is outdated too, so an edit counts as the cause only once.
        """
        edited = self.credential.generation != self.credential.status.observed_generation
        return self.target.outdated and edited

    @property
    def renewable(self) -> Renewal | None:
        """Return the refresh_token with which a session can be renewed: one of the app that the app Secret names."""
        renewal, app = self.renewal, self.app
        if not self.credential.renews or renewal is None:
            return None
        return renewal if isinstance(app, Problem) or renewal.api_key == app.keys.api_key else None

    @property
    def needs_manual_login(self) -> bool:
        """Return whether the next session needs a manual login: mode Manual, or RefreshToken without refresh_token."""
        return self.credential.mode == "Manual" or (self.credential.renews and self.renewable is None)

    @property
    def refresh_asked(self) -> bool:
        """Return whether a user requested a refresh that has not been handled."""
        return self.credential.refresh_asked

    @property
    def acknowledge_asked(self) -> bool:
        """Return whether a user's acknowledgement of a block has not been answered yet."""
        acknowledged = self.credential.acknowledge
        return bool(acknowledged) and acknowledged != self.credential.status.last_handled_acknowledge
