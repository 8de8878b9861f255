"""Plan: the one action that was decided, with everything that it needs.

A rule makes the plan when it has established the facts, so an action does not check them again. The secrets in a plan
are `Sensitive`: no repr shows them (P4).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from kite_operator.decide.budget import Block
from kite_operator.decide.observed import Grant, Held, UsableApp
from kite_operator.decide.previous_target import PreviousTargetAction
from kite_operator.model.reasons import Reason
from kite_operator.model.rollout import Rollout
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import LoginFactors, Session


class Action(StrEnum):
    """Name of the action of a plan: a label of the attempts metric, and a field of the log."""

    WAIT = "wait"
    PROBE = "probe"
    PROVE = "prove"
    LOGIN = "login"
    RENEW = "renew"
    EXCHANGE = "exchange"
    REFUSE_GRANT = "refuse-grant"
    DROP_GRANT = "drop-grant"
    DISCARD = "discard"
    MARK_DEAD = "mark-dead"
    RETIRE = "retire"
    RESTART = "restart"
    ACKNOWLEDGE = "acknowledge"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class _Decided:
    """What all plans have: the reason, and a message for users and the log."""

    action: ClassVar[Action]
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Wait(_Decided):
    """Wait until `wake_at`, or until something changes.

    `reason` and `message` are set in the conditions while it lasts; `healthy` is whether all is in order;
    `login_required` whether a manual login is missing; `block_id` names the block of the credential.
    """

    action: ClassVar[Action] = Action.WAIT
    wake_at: datetime | None = None
    healthy: bool = False
    login_required: bool = False
    block_id: str = ""


@dataclass(frozen=True, slots=True)
class Probe(_Decided):
    """Probe: ask the broker whether the held session is alive, and keep the answer."""

    action: ClassVar[Action] = Action.PROBE
    held: Held


@dataclass(frozen=True, slots=True)
class Prove(_Decided):
    """Probe the held session, and publish it if it is alive."""

    action: ClassVar[Action] = Action.PROVE
    held: Held


@dataclass(frozen=True, slots=True)
class Login(_Decided):
    """Log in with the login Secret's factors."""

    action: ClassVar[Action] = Action.LOGIN
    app: UsableApp
    factors: LoginFactors


@dataclass(frozen=True, slots=True)
class Renew(_Decided):
    """Renew: exchange the held refresh_token for a session."""

    action: ClassVar[Action] = Action.RENEW
    app: UsableApp
    refresh_token: Sensitive


@dataclass(frozen=True, slots=True)
class Exchange(_Decided):
    """Exchange the grant of a manual login, which has this request_token, for a session."""

    action: ClassVar[Action] = Action.EXCHANGE
    app: UsableApp
    grant: Grant
    request_token: Sensitive


@dataclass(frozen=True, slots=True)
class RefuseGrant(_Decided):
    """Delete a grant that must not be used, and report the reason."""

    action: ClassVar[Action] = Action.REFUSE_GRANT
    grant: Grant


@dataclass(frozen=True, slots=True)
class DropGrant(_Decided):
    """Delete a grant that was used, without an Event: its session was reported."""

    action: ClassVar[Action] = Action.DROP_GRANT
    grant: Grant


@dataclass(frozen=True, slots=True)
class Discard(_Decided):
    """Discard a staged session that can no longer be published."""

    action: ClassVar[Action] = Action.DISCARD


@dataclass(frozen=True, slots=True)
class MarkDead(_Decided):
    """Mark the derived Secret: its token is known to be dead.

    `rewritten` is the session to write it from, where it was written for another `spec.target` than the present one.
    """

    action: ClassVar[Action] = Action.MARK_DEAD
    rewritten: Session | None


@dataclass(frozen=True, slots=True)
class Retire(_Decided):
    """Remove, keep or mark previous targets.

    `steps` has the action on each of them, in their observed order; None for one that stays as it is.
    """

    action: ClassVar[Action] = Action.RETIRE
    steps: tuple[PreviousTargetAction | None, ...]


@dataclass(frozen=True, slots=True)
class Restart(_Decided):
    """Examine the workloads of `spec.rollout`, and restart those that run with a previous token.

    Where the operator's administrator does not allow that (`allowed`), report it instead.
    """

    action: ClassVar[Action] = Action.RESTART
    rollout: Rollout
    allowed: bool


@dataclass(frozen=True, slots=True)
class Acknowledge(_Decided):
    """Reopen the block that a user acknowledged; `block` is None when the one that was named does not stand.

    `app` is the api_key's version; without an app, no block of an app stands.
    """

    action: ClassVar[Action] = Action.ACKNOWLEDGE
    block: Block | None
    app: str


@dataclass(frozen=True, slots=True)
class Revoke(_Decided):
    """Log the sessions out at the broker, and block."""

    action: ClassVar[Action] = Action.REVOKE
    sessions: tuple[Session, ...]


GrantPlan = Exchange | RefuseGrant | DropGrant
ActionPlan = Probe | Prove | Login | Renew | GrantPlan | Discard | MarkDead | Retire | Restart | Acknowledge | Revoke
"""Plans that are carried out; the state is gathered again after it, or is what the action returned."""
Plan = Wait | ActionPlan
