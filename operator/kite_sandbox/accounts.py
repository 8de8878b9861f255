"""An account and the rule that every user of the operator fears: five wrong entries and Zerodha blocks it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import pyotp

from kite_sandbox.confidential import Secret
from kite_sandbox.switches import Switches

TOTP_WINDOW_S = 30


class TwofaType(StrEnum):
    """The second factors that an account may have; only the first can be automated."""

    TOTP = "totp"
    APP_CODE = "app_code"
    SMS = "sms"


class Verdict(StrEnum):
    """The outcome of one entry, in the journal's words."""

    ACCEPTED = "accepted"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of an outcome, not a password
    WRONG_CODE = "wrong_code"
    REUSED_CODE = "reused_code"
    BLOCKED = "account_blocked"


@dataclass(frozen=True, slots=True)
class Account:
    """One client of the broker.

    `wrong_passwords` and `wrong_codes` count since the last completed login (password and code both accepted).
    `used_window` is the number of the last TOTP window whose code was accepted. `web_epoch` grows whenever all browser
    sessions end.
    """

    client_id: str
    password: Secret
    totp_secret: Secret
    twofa_type: TwofaType = TwofaType.TOTP
    wrong_passwords: int = 0
    wrong_codes: int = 0
    blocked: bool = False
    used_window: int | None = None
    web_epoch: int = 0
    consents: frozenset[str] = frozenset()

    def unblocked(self) -> "Account":
        """As after a reset by the broker: open, with no wrong entries."""
        return replace(self, blocked=False, wrong_passwords=0, wrong_codes=0)

    def signed_out(self) -> "Account":
        """With every browser session ended."""
        return replace(self, web_epoch=self.web_epoch + 1)

    def with_consent(self, api_key: str) -> "Account":
        """With the app allowed by its owner."""
        return replace(self, consents=self.consents | {api_key})


def judge_password(account: Account, given: str, rules: Switches) -> tuple[Account, Verdict]:
    """Check a password; an accepted one resets no counter."""
    if account.blocked:
        return account, Verdict.BLOCKED
    if account.password.matches(given):
        return account, Verdict.ACCEPTED
    wrong = account.wrong_passwords + 1
    return replace(account, wrong_passwords=wrong, blocked=wrong >= rules.attempts), Verdict.WRONG_PASSWORD


def judge_code(account: Account, given: str, now: datetime, rules: Switches) -> tuple[Account, Verdict]:
    """Check a second factor at `now`; an accepted one completes the login and resets both counters.

    A code of the account's mobile app is not specified anywhere: the sandbox takes the same six digits as for TOTP
    (SYNTHETIC).
    """
    if account.blocked:
        return account, Verdict.BLOCKED
    window = _matching_window(account, given, now, rules)
    if window is None:
        return _with_wrong_code(account, rules), Verdict.WRONG_CODE
    if rules.totp_reuse == "refused" and account.used_window is not None and window <= account.used_window:
        return _with_wrong_code(account, rules), Verdict.REUSED_CODE
    return replace(account, used_window=window, wrong_passwords=0, wrong_codes=0), Verdict.ACCEPTED


def _matching_window(account: Account, given: str, now: datetime, rules: Switches) -> int | None:
    at = now + timedelta(seconds=rules.totp_clock_offset_s)
    current = int(at.timestamp()) // TOTP_WINDOW_S
    totp = pyotp.TOTP(account.totp_secret.reveal())
    for window in range(current - rules.totp_tolerance, current + rules.totp_tolerance + 1):
        if Secret(totp.at(window * TOTP_WINDOW_S)).matches(given):
            return window
    return None


def _with_wrong_code(account: Account, rules: Switches) -> Account:
    wrong = account.wrong_codes + 1
    return replace(account, wrong_codes=wrong, blocked=wrong >= rules.attempts)
