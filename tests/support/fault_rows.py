"""The words that the table of faults is written in: groups of faults, what is usual at a place, how a row is made."""

from dataclasses import dataclass

from kite_operator.model.reasons import Reason
from support.fault_cases import At, Case, Holds, Mode, Plan

# The faults of the sandbox, by what a client can tell of them.
DEAD = "dead_token subscription_lapsed invalid_token invalid_checksum "
"""403 TokenException, whatever the text."""
BAD_INPUT = "missing_parameter unknown_request unknown_api_key input_refused "
NOT_ALLOWED = "permission_denied unlisted_ip "
NOT_ENABLED = "user_not_enabled "
OTHER_NO = (
    "wrong_app_code twofa_unavailable wrong_password wrong_code account_blocked captcha user_failure twofa_failure "
    "margin_short holding_short "
)
"""Refusals of another call than most."""
UNDERSTOOD = DEAD + BAD_INPUT + NOT_ALLOWED + NOT_ENABLED + OTHER_NO
"""A 4xx in Kite's envelope: the broker understood, and said no."""
GONE = "route_not_found method_not_allowed gone "
"""The call is not there (any more)."""
LIMITED = "rate_limited html_429 too_many_requests too_many_requests_retry_after "
DOWN = (
    "order_rejected general_failure oms_bad_answer gateway_timeout html_502 missing_error_type missing_message "
    "unknown_error_type lost_answer oms_unreachable "
)
"""A 5xx of which nobody can say whether the call had an effect."""
CLOSED = "html_403 html_503 "
"""A firewall or a gateway, before the call came to Kite."""
LOGIN_PAGE = "html_login_page "
GARBLED = "not_json empty_body "
LOST = "slow reset_mid_body "
UNDATED = "missing_content_type missing_login_time "
TOKENLESS = "empty_access_token missing_access_token "
USERLESS = "missing_user_id "
ANOTHER_USER = "other_user "


@dataclass(frozen=True, slots=True)
class Usual:
    """What is so in most rows of a place: calls up to there, what the Secret holds, the action, the first Events."""

    reached: str
    holds: Holds
    action: str
    before: tuple[str, ...] = ()


UP_TO_CODE = "login 1 preflight 1 twofa 1"
UP_TO_FINISH = "connect_login 1 finish 1 login 1 preflight 1 twofa 1"
UP_TO_EXCHANGE = "connect_login 1 finish 1 login 1 preflight 1 session_token 1 twofa 1"
WHOLE_LOGIN = "connect_login 1 finish 1 login 1 preflight 1 profile 1 session_token 1 twofa 1"
_BY_HAND = ("LoginRequired", "Refreshed")
USUAL = {
    (Mode.TOTP, At.PREFLIGHT): Usual("preflight 1", Holds.NOTHING, "login"),
    (Mode.TOTP, At.PASSWORD): Usual("login 1 preflight 1", Holds.NOTHING, "login"),
    (Mode.TOTP, At.TOTP): Usual(UP_TO_CODE, Holds.NOTHING, "login"),
    (Mode.TOTP, At.CONNECT): Usual("connect_login 1 login 1 preflight 1 twofa 1", Holds.NOTHING, "login"),
    (Mode.TOTP, At.EXCHANGE): Usual(UP_TO_EXCHANGE, Holds.NOTHING, "login"),
    (Mode.TOTP, At.PROOF): Usual(WHOLE_LOGIN, Holds.NOTHING, "prove"),
    (Mode.TOTP, At.PROBE): Usual("profile 1", Holds.OLD, "probe", ("Refreshed",)),
    (Mode.MANUAL, At.EXCHANGE): Usual("session_token 1", Holds.NOTHING, "exchange", ("LoginRequired",)),
    (Mode.MANUAL, At.PROOF): Usual("profile 1 session_token 1", Holds.NOTHING, "prove", ("LoginRequired",)),
    (Mode.MANUAL, At.PROBE): Usual("profile 1", Holds.OLD, "probe", _BY_HAND),
    (Mode.REFRESH_TOKEN, At.RENEWAL): Usual("profile 1 refresh_token 1", Holds.DEAD, "renew", _BY_HAND),
    (Mode.REFRESH_TOKEN, At.PROOF): Usual("profile 2 refresh_token 1", Holds.DEAD, "prove", _BY_HAND),
    (Mode.REFRESH_TOKEN, At.PROBE): Usual("profile 1", Holds.OLD, "probe", _BY_HAND),
}
_NEW_SESSION = {
    Mode.TOTP: WHOLE_LOGIN,
    Mode.MANUAL: "profile 1 session_token 1",
    Mode.REFRESH_TOKEN: "profile 2 refresh_token 1",
}
_HEALED = {
    Mode.TOTP: "connect_login 1 finish 1 login 1 preflight 1 profile 2 session_token 1 twofa 1",
    Mode.REFRESH_TOKEN: "profile 2 refresh_token 1",
}
_RESULTS = {Plan.RETRIED: "transient", Plan.BLOCKED: "rejected", Plan.PERSON: "rejected", Plan.ASKED_AGAIN: "dead"}
FIRST_WAIT = 15.0
"""Seconds after a first failure."""
UNHURRIED = 600.0
"""Where the next try takes a whole login, or waits for a person who pays."""
FOUND_DEAD = ("probe dead TokenDead", "mark-dead marked TokenDead")


@dataclass(frozen=True, slots=True)
class But:
    """What is not as usual in a row; `events` are those after the usual first ones."""

    reached: str = ""
    holds: Holds | None = None
    attempts: tuple[str, ...] = ()
    events: tuple[str, ...] | None = None
    waits: float = FIRST_WAIT
    wrong_entries: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Makes the rows of one place of one mode."""

    mode: Mode
    at: At

    def rows(self, causes: str, reason: Reason, plan: Plan, but: But = But()) -> list[Case]:
        """A row for each of `causes`."""
        usual = USUAL[self.mode, self.at]
        counted = but.attempts or (f"{usual.action} {_RESULTS.get(plan, '')} {reason}",)
        told = usual.before + (but.events if but.events is not None else (reason.value,))
        reached, holds = but.reached or usual.reached, but.holds or usual.holds
        waits = but.waits if plan is Plan.RETRIED else 0.0
        return [
            Case(self.mode, self.at, cause, reason, plan, reached, holds, counted, told, waits, but.wrong_entries)
            for cause in causes.split()
        ]

    def fine(self, causes: str) -> list[Case]:
        """No trouble at all: a new token is published."""
        but = But(_NEW_SESSION[self.mode], Holds.NEW, ("prove published Refreshed",), ("Refreshed",))
        return self.rows(causes, Reason.SESSION_ACTIVE, Plan.IN_ORDER, but)

    def unmoved(self, causes: str, result: str) -> list[Case]:
        """A probe after which nothing is different."""
        but = But(attempts=(f"probe {result}",), events=())
        return self.rows(causes, Reason.SESSION_ACTIVE, Plan.IN_ORDER, but)

    def healed(self, causes: str) -> list[Case]:
        """A token that is dead in mid-day, and is replaced."""
        attempts = (*FOUND_DEAD, "prove published Refreshed")
        but = But(_HEALED[self.mode], Holds.NEW, attempts, ("TokenDead", "Refreshed"))
        return self.rows(causes, Reason.SESSION_ACTIVE, Plan.IN_ORDER, but)

    def dead(self, causes: str, reason: Reason, plan: Plan, but: But = But()) -> list[Case]:
        """A token that is dead in mid-day, and cannot be replaced for `reason`."""
        attempts = (*FOUND_DEAD, *but.attempts)
        events = but.events if but.events is not None else (reason.value,)
        made = But(but.reached, Holds.DEAD, attempts, ("TokenDead", *events), but.waits, but.wrong_entries)
        return self.rows(causes, reason, plan, made)
