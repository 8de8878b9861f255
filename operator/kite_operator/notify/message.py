"""The text of a reminder: short, since it is read on a phone, and without a secret."""

from dataclasses import dataclass

from kite_operator.decide.plan import Wait
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Reminder, ReminderMark

LONGEST_PROBLEM = 300

_WORDS = {
    Reason.LOGIN_REQUIRED: "Somebody has to log in to Kite.",
    Reason.WAITING_FOR_SCHEDULE: "Somebody has to log in to Kite: the token is of yesterday.",
    Reason.GRANT_LOST: "The last login was lost: somebody has to log in to Kite once more.",
    Reason.REQUEST_TOKEN_REJECTED: "Kite refused the last login: somebody has to log in once more.",
    Reason.REFRESH_TOKEN_REJECTED: "Kite refused the refresh_token: somebody has to log in once.",
    Reason.PASSWORD_REJECTED: "Kite refused the password: correct the login Secret. Nothing is tried until then.",
    Reason.TOTP_REJECTED: "Kite refused the codes: check the TOTP secret and the clock. Nothing is tried until then.",
    Reason.ATTEMPT_OUTCOME_UNKNOWN: "A login had no answer: look whether the account is well, then acknowledge.",
    Reason.ATTEMPT_BUDGET_EXHAUSTED: "All login attempts are used up: log in by hand, or correct and acknowledge.",
    Reason.CONSENT_REQUIRED: "Kite asks for consent to the app: log in by hand once.",
    Reason.APP_SECRET_REJECTED: "Kite refused the api_secret: write the new one into the app Secret.",
    Reason.SUBSCRIPTION_INACTIVE: "The app's Kite Connect subscription has lapsed: renew it in the developer console.",
    Reason.SESSION_ENDED: "The session was ended: ask for a refresh, or log in to Kite.",
    Reason.REVOKED: "The session was revoked on purpose: acknowledge to go on.",
    Reason.CLOCK_SKEW: "The clock of the operator's node is wrong: have it set (NTP).",
    Reason.SESSION_CONTESTED: "Sessions are ended again and again: find out by whom, then acknowledge.",
}
"""Texts of the missing action, where a text can be shorter than the condition's message."""


@dataclass(frozen=True, slots=True)
class ReminderMessage:
    """A reminder message: a title of one line, and a body of a few lines."""

    title: str
    body: str


def compose(credential: Credential, plan: Wait, reminder: Reminder, login_url: str) -> ReminderMessage:
    """Return the message of one credential; `login_url` is its page of the operator's login page, empty without one."""
    deadline = reminder.deadline.astimezone(IST)
    late = reminder.mark is ReminderMark.READY_BY
    title = f"Kite: {credential.key} {'is not ready' if late else f'needs you before {deadline:%H:%M} IST'}"
    lines = [
        f"{credential.client_id}: {_WORDS.get(plan.reason) or _cut(plan.message)}",
        f"{'Was due' if late else 'Due'} {deadline:%a %d %b, %H:%M} IST. Reason: {plan.reason}.",
        f"Log in: {login_url}" if login_url else _hint(credential),
    ]
    return ReminderMessage(title, "\n".join(lines))


def _hint(credential: Credential) -> str:
    return f"See: kubectl describe kitecred {credential.key.name} -n {credential.key.namespace}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PROBLEM else f"{text[:LONGEST_PROBLEM]}…"
