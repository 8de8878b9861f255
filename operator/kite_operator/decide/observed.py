"""Everything that a decision rests on, gathered once: the input of the policies."""

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
    """Keyed hashes of the inputs of a login: what a rejection is bound to.

    `login` is empty in every mode but TOTP, and while the login Secret cannot be used.
    """

    login: str
    app: str
    api_key: str
    redirect: str

    def inputs(self, now: datetime) -> dict[str, str]:
        """Return what a rejection may be bound to, by name: versions of what the user wrote, and the session day."""
        return {"login": self.login, "app": self.app, "redirect": self.redirect, "day": session_day(now).isoformat()}


@dataclass(frozen=True, slots=True)
class TargetView:
    """The derived Secret as it is now.

    `problem` says why it cannot be written (not ours, immutable, of another type). `session` is what it holds, if that
    parses; `matches` whether it is exactly what would be published for the held session; `marked_dead` its annotation;
    `outdated` whether it was written for another `spec.target` than the present one, or under another name.
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

    `owned` when Kubernetes collects it after this very credential; `replaced_by` is the name in its annotation, of the
    Secret that takes its place.
    """

    name: str
    session: Session | None = None
    owned: bool = False
    marked_dead: bool = False
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The session that the state Secret holds. `published` is False while it is staged: answered, not yet proven.

    `adopted` when there is no state Secret that holds it, and the session was read back from the derived Secret.
    `brought` when that Secret was made by somebody else who gave it to this credential: nothing of it has been proven.
    """

    session: Session
    published: bool
    staged_at: datetime
    adopted: bool = False
    brought: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """The refresh_token that the state Secret holds, and the app that it is of."""

    api_key: Sensitive
    refresh_token: Sensitive


@dataclass(frozen=True, slots=True)
class Grant:
    """A login-grant Secret: a person has logged in.

    `taken_at` is when an exchange of it was first begun; `misfit` when it bears the labels of one, and is of another
    type: it may be anything, so that it is neither used nor deleted.
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
        """Return whether an exchange of it was begun before."""
        return self.taken_at is not None


@dataclass(frozen=True, slots=True)
class Probes:
    """What this process has learned from the broker about the held session.

    `alive_at` and `dead_at` are the times of the last definite answers about the session, `asked_at` of the last
    question; `known_since` is when this process first saw the session, `refreshed_at` when a refresh that a person
    asked for was last handled, `exchanged_at` when a grant was last exchanged, `reported_at` when a consumer said that
    the session is dead, if the broker has not been asked since.
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
    """The world, as one credential sees it, at `now`.

    `jitter` is the credential's own share, in [0, 1); `holder` another credential that holds the claim; `rival` another
    credential that wants the same target and came first; `login_url` where a person logs in for it, empty while there
    is no login page; `client_problem` why it may not act for its client ID; `token_version` tells the held session from
    others, `rollout_allowed` whether the operator's administrator allows `spec.rollout`.
    """

    now: datetime
    jitter: float
    credential: Credential
    app: AppKeys | Problem
    factors: LoginFactors | Problem | None
    versions: Versions | None
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
    def target_edited(self) -> bool:
        """Whether the derived Secret differs since somebody edited `spec.target`, and not since somebody wrote to it.

        An old copy of the Secret that somebody puts back looks outdated too: an edit counts as such once.
        """
        edited = self.credential.generation != self.credential.status.observed_generation
        return self.target.outdated and edited

    @property
    def renewable(self) -> Renewal | None:
        """Return what a session can be renewed with: a refresh_token of the app that the app Secret names."""
        renewal, app = self.renewal, self.app
        if not self.credential.renews or renewal is None:
            return None
        return renewal if not isinstance(app, AppKeys) or renewal.api_key == app.api_key else None

    @property
    def by_person(self) -> bool:
        """Whether only a person brings the next session: mode Manual, or RefreshToken without a refresh_token."""
        return self.credential.mode == "Manual" or (self.credential.renews and self.renewable is None)

    @property
    def refresh_asked(self) -> bool:
        """Return whether a person asked for a refresh that has not been handled."""
        return self.credential.refresh_asked

    @property
    def acknowledge_asked(self) -> bool:
        """Return whether a person acknowledged a block and has had no answer yet."""
        acknowledged = self.credential.acknowledge
        return bool(acknowledged) and acknowledged != self.credential.status.last_handled_acknowledge
