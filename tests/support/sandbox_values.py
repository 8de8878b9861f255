"""What the sandbox's admin API says, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyotp

_WRONG_ENTRIES = tuple(
    (step + form, outcome)
    for form in ("", "_form")
    for step, outcome in (("login", "wrong_password"), ("twofa", "wrong_code"), ("twofa", "reused_code"))
)
"""The steps of a headless client and those of a person count alike."""


@dataclass(frozen=True, slots=True)
class SandboxApp:
    """A registered app with its secret."""

    api_key: str
    api_secret: str = field(repr=False)
    redirect_url: str


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """An account with its credentials."""

    client_id: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)

    def code(self, at: datetime) -> str:
        """The TOTP code at an instant."""
        return pyotp.TOTP(self.totp_secret).at(at)


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call that reached the sandbox; `outcome` is what it did, `answered` what the caller was told."""

    number: int
    at: datetime
    step: str
    outcome: str
    status: int
    answered: str
    client_id: str | None
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Counters:
    """The calls of one account (or of all): arrivals per step, outcomes per step, and the log in order."""

    calls: Mapping[str, int]
    outcomes: Mapping[str, Mapping[str, int]]
    log: tuple[LoggedCall, ...]
    login_calls_at_once: int
    wrong_passwords: int = 0
    wrong_codes: int = 0
    blocked: bool = False

    def count(self, step: str, outcome: str | None = None) -> int:
        """How many calls of a step arrived, or how many of them ended in one outcome."""
        return self.calls.get(step, 0) if outcome is None else self.outcomes.get(step, {}).get(outcome, 0)

    @property
    def wrong_entries(self) -> int:
        """All wrong passwords and codes that were counted against the account since the counters were last reset."""
        return sum(self.count(step, outcome) for step, outcome in _WRONG_ENTRIES)


def app_of(made: Mapping[str, Any]) -> SandboxApp:
    """An app from the registry's answer."""
    return SandboxApp(made["api_key"], made["api_secret"], made["redirect_url"])


def account_of(made: Mapping[str, Any]) -> SandboxAccount:
    """An account from the registry's answer."""
    return SandboxAccount(made["client_id"], made["password"], made["totp_secret"])


def counters_of(seen: Mapping[str, Any]) -> Counters:
    """Counters from the admin API's answer."""
    return Counters(
        calls={step: counted["calls"] for step, counted in seen["steps"].items()},
        outcomes={step: counted["outcomes"] for step, counted in seen["steps"].items()},
        log=tuple(LoggedCall(**{**entry, "at": datetime.fromisoformat(entry["at"])}) for entry in seen["log"]),
        login_calls_at_once=seen["login_calls_at_once"],
        wrong_passwords=seen.get("wrong_passwords", 0),
        wrong_codes=seen.get("wrong_codes", 0),
        blocked=seen.get("blocked", False),
    )
