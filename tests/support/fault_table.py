"""The table: every fault and switch of the sandbox, at every place of every mode, and what has to come of it.

Read a line as: at this place, these troubles have this reason and this plan. What is not said is what is usual at the
place (`fault_rows.USUAL`). `NOT_HERE` and `ELSEWHERE` say what has no row, and why.
"""

from collections.abc import Iterator
from dataclasses import replace

from kite_operator.model.reasons import Reason
from support.fault_cases import At, Case, Mode, Plan
from support.fault_rows import (
    ANOTHER_USER,
    BAD_INPUT,
    CLOSED,
    DEAD,
    DOWN,
    GARBLED,
    GONE,
    LIMITED,
    LOGIN_PAGE,
    LOST,
    NOT_ALLOWED,
    NOT_ENABLED,
    OTHER_NO,
    TOKENLESS,
    UNDATED,
    UNDERSTOOD,
    UNHURRIED,
    UP_TO_EXCHANGE,
    UP_TO_FINISH,
    USERLESS,
    But,
    Place,
)

BLOCKED, RETRIED, PERSON = Plan.BLOCKED, Plan.RETRIED, Plan.PERSON


def _preflight() -> Iterator[list[Case]]:
    """The login page is looked at before anything is sent: what is wrong there costs nothing."""
    here = Place(Mode.TOTP, At.PREFLIGHT)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED)
    yield here.rows(DOWN + CLOSED, Reason.BROKER_UNAVAILABLE, RETRIED)
    yield here.rows(LOST, Reason.BROKER_UNREACHABLE, RETRIED)
    yield here.rows(NOT_ENABLED, Reason.USER_NOT_ENABLED, BLOCKED)
    yield here.rows(NOT_ALLOWED, Reason.PERMISSION_DENIED, BLOCKED)
    yield here.rows(GONE, Reason.UNEXPECTED_ANSWER, RETRIED)
    yield here.rows(DEAD + BAD_INPUT + OTHER_NO, Reason.APP_REJECTED, BLOCKED)
    yield here.fine(LOGIN_PAGE + GARBLED + UNDATED + TOKENLESS + USERLESS + ANOTHER_USER)
    skewed = "switch:totp_clock_offset_s=90 switch:totp_clock_offset_s=-90 switch:date_offset_s=90"
    yield here.rows(skewed, Reason.CLOCK_SKEW, RETRIED)


def _password() -> Iterator[list[Case]]:
    """Any refusal may be about the password: it is not sent again. What may have counted is counted."""
    here = Place(Mode.TOTP, At.PASSWORD)
    yield here.rows(UNDERSTOOD + GONE, Reason.PASSWORD_REJECTED, BLOCKED)
    yield here.rows(DOWN + GARBLED + LOGIN_PAGE + LOST, Reason.ATTEMPT_OUTCOME_UNKNOWN, RETRIED)
    yield here.rows(CLOSED, Reason.BROKER_UNAVAILABLE, RETRIED)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED)
    yield here.rows(ANOTHER_USER + USERLESS, Reason.WRONG_ACCOUNT, BLOCKED)
    yield here.fine(UNDATED + TOKENLESS + "switch:attempts=2")
    yield here.rows("account:blocked=true", Reason.PASSWORD_REJECTED, BLOCKED)
    yield here.rows("source:password", Reason.PASSWORD_REJECTED, BLOCKED, But(wrong_entries=1))
    unsupported = 'account:twofa_type="app_code" account:twofa_type="sms"'
    yield here.rows(unsupported, Reason.TWO_FACTOR_UNSUPPORTED, BLOCKED)


def _code() -> Iterator[list[Case]]:
    """A refused code gets one more try, in the next window, unless the clock may be the reason."""
    here = Place(Mode.TOTP, At.TOTP)
    twice = But("login 2 preflight 2 twofa 2", attempts=("login rejected TOTPRejected",) * 2)
    yield here.rows(UNDERSTOOD + GONE, Reason.TOTP_REJECTED, BLOCKED, twice)
    yield here.rows("source:totp_secret", Reason.TOTP_REJECTED, BLOCKED, replace(twice, wrong_entries=2))
    # The second failure of a row: the refused code was the first.
    counted = ("login rejected TOTPRejected", "login transient ClockSkew")
    once = But("login 1 preflight 2 twofa 1", attempts=counted, waits=30.0, wrong_entries=1)
    yield here.rows("switch:totp_clock_offset_s=40", Reason.CLOCK_SKEW, RETRIED, once)
    yield here.rows(DOWN + GARBLED + LOGIN_PAGE + LOST, Reason.ATTEMPT_OUTCOME_UNKNOWN, RETRIED)
    yield here.rows(CLOSED, Reason.BROKER_UNAVAILABLE, RETRIED)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED)
    yield here.fine(UNDATED + TOKENLESS + ANOTHER_USER + USERLESS)
    yield here.fine('switch:totp_tolerance=1 switch:totp_reuse="allowed"')


def _connect() -> Iterator[list[Case]]:
    """The app's login, after both factors were accepted: what passes by itself is tried three times in one login."""
    here = Place(Mode.TOTP, At.CONNECT)
    thrice = But("connect_login 3 login 1 preflight 1 twofa 1", waits=UNHURRIED)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED, thrice)
    yield here.rows(DOWN + CLOSED, Reason.BROKER_UNAVAILABLE, RETRIED, thrice)
    yield here.rows(LOST, Reason.BROKER_UNREACHABLE, RETRIED, thrice)
    yield here.rows(NOT_ENABLED, Reason.USER_NOT_ENABLED, BLOCKED)
    yield here.rows(NOT_ALLOWED, Reason.PERMISSION_DENIED, BLOCKED)
    yield here.rows(GONE + DEAD + BAD_INPUT + OTHER_NO, Reason.APP_REJECTED, BLOCKED)
    yield here.rows(LOGIN_PAGE + GARBLED, Reason.LOGIN_NOT_COMPLETED, BLOCKED)
    yield here.fine(UNDATED + TOKENLESS + ANOTHER_USER + USERLESS)
    not_honoured = 'switch:connect_result="login_page" switch:connect_result="bounce"'
    yield here.rows(not_honoured, Reason.LOGIN_NOT_COMPLETED, BLOCKED)
    finished = But(UP_TO_FINISH)
    yield here.rows('switch:connect_result="no_token"', Reason.LOGIN_NOT_COMPLETED, BLOCKED, finished)
    yield here.rows('switch:connect_result="cancelled"', Reason.LOGIN_DECLINED, BLOCKED, finished)
    yield here.rows("switch:consent_pending=true", Reason.CONSENT_REQUIRED, BLOCKED, finished)
    elsewhere = 'switch:redirect_url="https://other.example/callback"'
    yield here.rows(elsewhere, Reason.REDIRECT_URL_MISMATCH, BLOCKED, finished)
    yield here.rows("app:clients=[]", Reason.USER_NOT_ENABLED, BLOCKED, finished)
    yield here.fine('switch:location="absolute" switch:redirect_type_login=false')
    yield here.fine('switch:redirect_order="reversed" switch:redirect_order="shuffled"')


def _to_a_session(mode: Mode, at: At) -> Iterator[list[Case]]:
    """What exchange and renewal have in common: of what passes by itself nothing is given up."""
    here = Place(mode, at)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED)
    yield here.rows(DOWN + CLOSED + LOGIN_PAGE, Reason.BROKER_UNAVAILABLE, RETRIED)
    yield here.rows(LOST, Reason.BROKER_UNREACHABLE, RETRIED)
    yield here.rows(GONE + GARBLED + OTHER_NO, Reason.UNEXPECTED_ANSWER, RETRIED)
    # In mode TOTP the request_token is spent on it, and the next try is a whole login.
    spent = But(waits=UNHURRIED) if mode is Mode.TOTP else But()
    yield here.rows(TOKENLESS + USERLESS, Reason.UNEXPECTED_ANSWER, RETRIED, spent)
    wrong_secret = "source:api_secret switch:bad_checksum_status=400+source:api_secret"
    consumed = " switch:bad_checksum_consumes_token=true+source:api_secret"
    yield here.rows("invalid_checksum " + wrong_secret + consumed, Reason.APP_SECRET_REJECTED, BLOCKED)
    # Where asking again costs nothing it is asked again; a person's request_token is good for minutes only.
    plan = BLOCKED if mode is Mode.MANUAL else RETRIED
    lapsed = But(waits=UNHURRIED)
    yield here.rows("subscription_lapsed app:subscribed=false", Reason.SUBSCRIPTION_INACTIVE, plan, lapsed)
    yield here.rows(BAD_INPUT, Reason.APP_REJECTED, BLOCKED)
    yield here.rows(NOT_ALLOWED, Reason.PERMISSION_DENIED, BLOCKED)
    yield here.rows(NOT_ENABLED, Reason.USER_NOT_ENABLED, BLOCKED)
    yield here.fine(UNDATED)


def _exchange() -> Iterator[list[Case]]:
    yield from _to_a_session(Mode.TOTP, At.EXCHANGE)
    here = Place(Mode.TOTP, At.EXCHANGE)
    used = "dead_token invalid_token switch:request_token_ttl_s=0"
    yield here.rows(used, Reason.REQUEST_TOKEN_REJECTED, BLOCKED)
    another = ANOTHER_USER + 'switch:session_user="ZZ9999"'
    yield here.rows(another, Reason.WRONG_ACCOUNT, BLOCKED)
    yield here.fine('switch:relogin="same_token" switch:rate_limit_per_s=0 switch:unlisted_ip="192.0.2.7"')
    yield here.fine('app:app_type="Connect" app:refresh_tokens=true')

    yield from _to_a_session(Mode.MANUAL, At.EXCHANGE)
    here = Place(Mode.MANUAL, At.EXCHANGE)

    def of_the_login(causes: str, reason: Reason) -> list[Case]:
        """Another login mends it: nothing is blocked."""
        but = But(attempts=(f"exchange rejected {reason}",), events=(reason.value,))
        return here.rows(causes, Reason.LOGIN_REQUIRED, PERSON, but)

    yield of_the_login(used, Reason.REQUEST_TOKEN_REJECTED)
    yield of_the_login(another, Reason.WRONG_ACCOUNT)
    yield here.rows("app:clients=[]", Reason.USER_NOT_ENABLED, BLOCKED)


def _renewal() -> Iterator[list[Case]]:
    """A refresh_token that is refused is given up, and a person's login brings another."""
    yield from _to_a_session(Mode.REFRESH_TOKEN, At.RENEWAL)
    here = Place(Mode.REFRESH_TOKEN, At.RENEWAL)

    def given_up(causes: str, reason: Reason) -> list[Case]:
        but = But(attempts=(f"renew rejected {reason}",), events=(reason.value, "LoginRequired"))
        return here.rows(causes, Reason.LOGIN_REQUIRED, PERSON, but)

    ended = "act:master_logout act:regenerate_secret act:change_password"
    yield given_up("dead_token invalid_token " + ended, Reason.REFRESH_TOKEN_REJECTED)
    yield given_up(ANOTHER_USER, Reason.WRONG_ACCOUNT)
    yield here.fine('switch:refresh_rotates=false act:login_elsewhere switch:flush_at="07:30"')


def _proof(mode: Mode) -> Iterator[list[Case]]:
    """The very first read with a new session: only a 403 TokenException says anything about it."""
    here = Place(mode, At.PROOF)
    yield here.rows(LIMITED, Reason.RATE_LIMITED, RETRIED)
    yield here.rows(DOWN + CLOSED + LOGIN_PAGE, Reason.BROKER_UNAVAILABLE, RETRIED)
    yield here.rows(LOST, Reason.BROKER_UNREACHABLE, RETRIED)
    no_word_of_it = GONE + GARBLED + USERLESS + BAD_INPUT + NOT_ALLOWED + NOT_ENABLED + OTHER_NO
    yield here.rows(no_word_of_it, Reason.UNEXPECTED_ANSWER, RETRIED)
    lapsed = But(attempts=("prove dead TokenDead",))
    plan = PERSON if mode is Mode.MANUAL else Plan.ASKED_AGAIN
    yield here.rows(DEAD, Reason.SUBSCRIPTION_INACTIVE, plan, lapsed)
    yield here.rows(ANOTHER_USER, Reason.WRONG_ACCOUNT, BLOCKED)
    yield here.fine(UNDATED + TOKENLESS)


def _probe(mode: Mode) -> Iterator[list[Case]]:
    """A probe of a published token: whatever is no definite answer leaves it where it is (P2)."""
    here = Place(mode, At.PROBE)
    yield here.unmoved(LIMITED, "unanswered RateLimited")
    yield here.unmoved(DOWN + CLOSED + LOGIN_PAGE, "unanswered BrokerUnavailable")
    yield here.unmoved(LOST, "unanswered BrokerUnreachable")
    no_word_of_it = GONE + GARBLED + USERLESS + BAD_INPUT + NOT_ALLOWED + NOT_ENABLED + OTHER_NO
    yield here.unmoved(no_word_of_it, "unanswered UnexpectedAnswer")
    survived = "switch:regenerate_kills_sessions=false+act:regenerate_secret"
    yield here.unmoved(UNDATED + TOKENLESS + survived, "alive SessionActive")


def _death() -> Iterator[list[Case]]:
    """A token that is dead in mid-day is marked as dead, and replaced according to the mode."""
    here = Place(Mode.TOTP, At.PROBE)
    yield here.healed(DEAD + ANOTHER_USER + "act:master_logout act:login_elsewhere")
    changed = But("login 1 preflight 1 profile 1", attempts=("login rejected PasswordRejected",), wrong_entries=1)
    yield here.dead("act:change_password", Reason.PASSWORD_REJECTED, BLOCKED, changed)
    whole = f"{UP_TO_EXCHANGE.replace('session_token', 'profile 1 session_token')}"
    regenerated = But(whole, attempts=("login rejected AppSecretRejected",))
    yield here.dead("act:regenerate_secret", Reason.APP_SECRET_REJECTED, BLOCKED, regenerated)
    lapsed = But(whole, attempts=("login transient SubscriptionInactive",), waits=UNHURRIED)
    yield here.dead("app:subscribed=false", Reason.SUBSCRIPTION_INACTIVE, RETRIED, lapsed)

    here = Place(Mode.REFRESH_TOKEN, At.PROBE)
    yield here.healed(DEAD + ANOTHER_USER + "act:login_elsewhere")
    useless = But(
        "profile 1 refresh_token 1",
        attempts=("renew rejected RefreshTokenRejected",),
        events=("RefreshTokenRejected", "LoginRequired"),
    )
    ended = "act:master_logout act:regenerate_secret act:change_password"
    yield here.dead(ended, Reason.LOGIN_REQUIRED, PERSON, useless)
    lapsed = But("profile 1 refresh_token 1", attempts=("renew transient SubscriptionInactive",), waits=UNHURRIED)
    yield here.dead("app:subscribed=false", Reason.SUBSCRIPTION_INACTIVE, RETRIED, lapsed)

    here = Place(Mode.MANUAL, At.PROBE)
    yield here.dead("subscription_lapsed app:subscribed=false", Reason.SUBSCRIPTION_INACTIVE, PERSON)
    over = "dead_token invalid_token invalid_checksum " + ANOTHER_USER
    acts = "act:master_logout act:login_elsewhere act:regenerate_secret act:change_password"
    yield here.dead(over + acts, Reason.LOGIN_REQUIRED, PERSON)


def _table() -> Iterator[list[Case]]:
    yield from _preflight()
    yield from _password()
    yield from _code()
    yield from _connect()
    yield from _exchange()
    yield from _renewal()
    for mode in Mode:
        yield from _proof(mode)
        yield from _probe(mode)
    yield from _death()


CASES: tuple[Case, ...] = tuple(case for rows in _table() for case in rows)

NOT_HERE = {
    "twofa_page_ttl_s": "of the pages for people: an operator opens none",
    "quote_limit_per_s": "of quotes: an operator asks for none",
}
"""Switches of the sandbox that cannot trouble an operator."""

_CLUSTER = "tests/cluster/"
ELSEWHERE = {
    Reason.ATTEMPT_BUDGET_EXHAUSTED: (
        _CLUSTER + "test_lockout.py",
        "test_at_most_four_wrong_passwords_over_all_versions",
    ),
    Reason.SESSION_CONTESTED: (
        _CLUSTER + "test_lockout.py",
        "test_an_account_that_is_logged_out_again_and_again_is_contested",
    ),
    Reason.GRANT_LOST: (
        _CLUSTER + "test_grants_of_an_outage.py",
        "test_an_answer_that_breaks_off_is_told_as_lost",
    ),
    Reason.GRANT_EXPIRED: (
        _CLUSTER + "test_grants_of_an_outage.py",
        "test_after_five_minutes_another_login_is_asked_for_and_the_dead_token_is_left_alone",
    ),
    Reason.TOKEN_EXPIRED: ("tests/unit/decide/test_policies.py", "test_each_situation_has_its_answer"),
    Reason.TARGET_DRIFTED: (
        _CLUSTER + "test_derived_secret.py",
        "test_a_tampered_format_is_healed_from_the_state_secret",
    ),
    Reason.INTERNAL_ERROR: (
        "tests/unit/decide/test_policies.py",
        "test_a_failing_credential_says_why_until_the_next_try",
    ),
}
"""Reasons of troubleshooting.md's chapters about Kite that take more than one fault, with the test that has them."""
