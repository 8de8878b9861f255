"""What one row of the table of faults says: who meets which trouble where, and all that has to come of it."""

from dataclasses import dataclass
from enum import StrEnum

from kite_operator.model.reasons import Reason


class Mode(StrEnum):
    """The login modes, as `spec.login.mode` names them."""

    TOTP = "TOTP"
    MANUAL = "Manual"
    REFRESH_TOKEN = "RefreshToken"


class At(StrEnum):
    """Where the trouble strikes: a step of getting a session, the proof of a new one, or a probe of a published one."""

    PREFLIGHT = "preflight"
    PASSWORD = "password"
    TOTP = "totp"
    CONNECT = "connect"
    EXCHANGE = "exchange"
    RENEWAL = "renewal"
    PROOF = "proof"
    PROBE = "probe"


STEPS = {
    At.PREFLIGHT: "connect_login",
    At.PASSWORD: "login",
    At.TOTP: "twofa",
    At.CONNECT: "connect_login",
    At.EXCHANGE: "session_token",
    At.RENEWAL: "refresh_token",
    At.PROOF: "profile",
    At.PROBE: "profile",
}
"""The sandbox's name of the call that a fault is put on."""

WHERE = {
    Mode.TOTP: (At.PREFLIGHT, At.PASSWORD, At.TOTP, At.CONNECT, At.EXCHANGE, At.PROOF, At.PROBE),
    Mode.MANUAL: (At.EXCHANGE, At.PROOF, At.PROBE),
    Mode.REFRESH_TOKEN: (At.RENEWAL, At.PROOF, At.PROBE),
}
"""The places that a mode has. The one exchange of mode RefreshToken is that of mode Manual."""


class Plan(StrEnum):
    """What the operator does next."""

    IN_ORDER = "in order"
    RETRIED = "tried again at status.failures.nextRetryTime"
    BLOCKED = "nothing until an input changes or a person acknowledges"
    PERSON = "a person is asked to log in"
    ASKED_AGAIN = "the same session is asked about again"


class Holds(StrEnum):
    """What the derived Secret holds."""

    NOTHING = "nothing"
    OLD = "the old token, untouched"
    DEAD = "the old token, marked as dead"
    NEW = "a new token that works"


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    `cause` is a fault of the sandbox by name, or `kind:key=value` (`fault_subjects.py`). The rest is its result:
    `reason` of condition Ready, `plan`, the calls that `reached` the sandbox, what the derived Secret `holds`, the
    `attempts` that the metric counts (action, result and reason), and the credential's `events`. `waits` is the longest
    wait for the next try in seconds, of which the last quarter is jitter; 0 where there is none. `wrong_entries` is
    what counts towards the account's block at the broker: a refusal that a fault makes up does not.
    """

    mode: Mode
    at: At
    cause: str
    reason: Reason
    plan: Plan
    reached: str
    holds: Holds
    attempts: tuple[str, ...]
    events: tuple[str, ...]
    waits: float = 0.0
    wrong_entries: int = 0

    @property
    def id(self) -> str:
        """The test's name."""
        return f"{self.mode}-{self.at}-{self.cause}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a case, in the words of `Case`."""

    reason: str
    plan: Plan | None
    reached: str
    holds: Holds
    events: tuple[str, ...]
    gauges: dict[str, float]
    conditions: dict[str, str]
    blocked_at_broker: bool
    wrong_entries: int
    message: str
    waits: float
