"""The outcome of a user's login, in words. It is derived from the credential's status, so any replica can show it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kite_operator.model.conditions import READY
from kite_operator.model.expiry import FLUSH_END, IST, minted_in_flush_window
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, LastLogin


class Severity(StrEnum):
    """The severity of a page: it sets the page's colours."""

    WAITING = "waiting"
    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class LoginResult:
    """The texts of a result page; `again` offers another login, `detail` is the operator's own longer message."""

    severity: Severity
    heading: str
    text: str
    again: bool = False
    detail: str = ""

    @property
    def settled(self) -> bool:
        """Return whether the outcome is final."""
        return self.severity is not Severity.WAITING


def indian_time(moment: datetime | None) -> str:
    """Return `06:00 Indian time on Tuesday 3 March 2026`; empty for None."""
    if moment is None:
        return ""
    local = moment.astimezone(IST)
    return f"{local:%H:%M} Indian time on {local:%A} {local.day} {local:%B %Y}"


def early(moment: datetime | None) -> str:
    """Return the warning for a session that begins at `moment`, while Kite still ends sessions; empty otherwise."""
    if moment is None or not minted_in_flush_window(moment):
        return ""
    return f"Kite may end it until {FLUSH_END:%H:%M} Indian time. Then you are asked again."


def describe(credential: Credential, grant: str, *, waits: bool) -> LoginResult:
    """Return the outcome of the login of `grant`; `waits` is true while that Secret exists."""
    last = credential.status.last_login
    mine = last if last is not None and last.grant == grant else None
    if mine is None or mine.reason == Reason.SESSION_UNPROVEN:
        return _pending(credential, waits=waits, staged=mine is not None)
    if waits and _passes(mine.reason):
        return _try_again_soon(mine.message)
    words = _WORDS.get(mine.reason, _refused)
    return words(credential, mine)


def _pending(credential: Credential, *, waits: bool, staged: bool) -> LoginResult:
    ready = credential.status.condition(READY)
    reason, message = (ready.reason, ready.message) if ready is not None else ("", "")
    if reason == Reason.SUBSCRIPTION_INACTIVE and staged:
        return _lapsed(credential, LastLogin("", reason, message))
    if _passes(reason):
        return _try_again_soon(message)
    if waits and reason and _hinders(reason):
        text = (
            "Your login has arrived, and cannot be used yet, for the reason below. It is valid for a few minutes only."
        )
        return LoginResult(Severity.WAITING, "Not used yet", text, detail=message)
    text = "The operator tests the new token before it replaces the present one. This takes a second or two."
    return LoginResult(Severity.WAITING, "Logging in…", text)


def _passes(name: str) -> bool:
    reason = Reason.named(name)
    return reason is not None and reason.passes


def _hinders(name: str) -> bool:
    """Return whether a login has to wait for the end of this reason, in contrast to a login that is in progress."""
    reason = Reason.named(name)
    return reason is None or reason.manual_login is not ManualLogin.PROCEEDS


def describe_unrecorded(credential: Credential, grant: str) -> LoginResult | None:
    """Return the result of a login whose grant is gone without a recorded outcome while a token works; else None.

    The first check must not use it: a refused grant is gone for a moment before its reason is written.
    """
    ready, last = credential.status.condition(READY), credential.status.last_login
    if ready is None or ready.status != "True" or (last is not None and last.grant == grant):
        return None
    text = f"The token works until {_until(credential)}."
    return LoginResult(Severity.GOOD, "You are logged in", text, detail=early(credential.status.last_refresh_time))


def describe_lost(credential: Credential) -> LoginResult:
    """Return the result of a login that has had no outcome for long."""
    text = (
        f"The operator has no result of this login. Look at the state of {credential.key.name}, and log in again if it "
        "asks for it."
    )
    return LoginResult(Severity.BAD, "No answer", text, again=True)


def _try_again_soon(message: str) -> LoginResult:
    text = "Kite does not answer properly. The operator tries the login again; it stays valid for a few minutes only."
    return LoginResult(Severity.WAITING, "Kite is not answering", text, detail=message)


def _until(credential: Credential) -> str:
    return indian_time(credential.status.expires_time) or "the next 06:00 Indian time"


def _refreshed(credential: Credential, last: LastLogin) -> LoginResult:
    text = (
        f"A new token for {credential.client_id} has been tested and works. It is in Secret "
        f"{credential.target.name!r}, and is valid until {_until(credential)}. You can close this page."
    )
    return LoginResult(Severity.GOOD, "You are logged in", text, detail=early(last.time))


def _not_required(credential: Credential, last: LastLogin) -> LoginResult:
    text = f"The present token works until {_until(credential)}, so this login was not used and nothing was changed."
    return LoginResult(Severity.NOTICE, "A login was not needed", text, detail=last.message)


def _used(_: Credential, last: LastLogin) -> LoginResult:
    text = "Kite says that this login was used already, or is too old: a login works once, for a few minutes."
    return LoginResult(Severity.BAD, "This login was used already", text, again=True, detail=last.message)


def _lost_grant(_: Credential, last: LastLogin) -> LoginResult:
    text = "The operator was stopped while Kite answered, and Kite answers once only. Nothing was changed."
    return LoginResult(Severity.BAD, "Log in again", text, again=True, detail=last.message)


def _outlasted(_: Credential, last: LastLogin) -> LoginResult:
    text = "Kite did not answer while this login was valid. Nothing was changed. Log in again when Kite answers."
    return LoginResult(Severity.BAD, "Kite did not answer", text, again=True, detail=last.message)


def _wrong_account(credential: Credential, last: LastLogin) -> LoginResult:
    text = (
        f"You logged in at Kite as another client than {credential.client_id}. Nothing was changed. Log out at "
        f"Kite, then log in as {credential.client_id}."
    )
    return LoginResult(Severity.BAD, "That was another account", text, again=True, detail=last.message)


def _app_secret(credential: Credential, last: LastLogin) -> LoginResult:
    text = (
        f"Kite refused the app's secret. Correct api_secret in Secret {credential.app_secret!r} from the developer "
        "console, then log in again: a login before that is refused too."
    )
    return LoginResult(Severity.BAD, "The app's secret is wrong", text, again=True, detail=last.message)


def _lapsed(_: Credential, last: LastLogin) -> LoginResult:
    text = (
        "Kite accepted the login and refused the very next call: the app's Kite Connect subscription has lapsed. Renew "
        "it in the developer console: the operator then tests this session again. If it has not lapsed, log in again."
    )
    return LoginResult(Severity.BAD, "The subscription has lapsed", text, again=True, detail=last.message)


def _died(_: Credential, last: LastLogin) -> LoginResult:
    text = "The new session ended before it could be used, by a logout or a login elsewhere. Nothing was changed."
    return LoginResult(Severity.BAD, "The session was ended", text, again=True, detail=last.message)


def _refused(_: Credential, last: LastLogin) -> LoginResult:
    text = f"The login was not used ({last.reason}). Nothing was changed."
    return LoginResult(Severity.BAD, "This login could not be used", text, again=True, detail=last.message)


_WORDS: dict[str, Callable[[Credential, LastLogin], LoginResult]] = {
    Reason.REFRESHED: _refreshed,
    Reason.LOGIN_NOT_REQUIRED: _not_required,
    Reason.REQUEST_TOKEN_REJECTED: _used,
    Reason.GRANT_LOST: _lost_grant,
    Reason.GRANT_EXPIRED: _outlasted,
    Reason.WRONG_ACCOUNT: _wrong_account,
    Reason.APP_SECRET_REJECTED: _app_secret,
    Reason.SUBSCRIPTION_INACTIVE: _lapsed,
    Reason.TOKEN_DEAD: _died,
    Reason.TOKEN_EXPIRED: _died,
}
