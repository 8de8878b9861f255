"""Problems of a user's Secret: the message has Secret, key and remedy, and never the value."""

import base64
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.model.reasons import Reason
from kite_operator.model.session import AppKeys, LoginFactors
from kite_operator.model.sources import Problem, parse_app_secret, parse_login_secret
from support.facts import API_KEY, API_SECRET, APP, FACTORS, PASSWORD, TOTP_SECRET


def encoded(**values: str | bytes) -> dict[str, str]:
    """Return a Secret's `data`."""
    as_bytes = {key: value.encode() if isinstance(value, str) else value for key, value in values.items()}
    return {key: base64.b64encode(value).decode() for key, value in as_bytes.items()}


def canonical(text: str) -> str:
    """Return a canonical TOTP secret, in place of broker.codes.parse_totp_secret."""
    if text.strip() == "123456":
        raise ValueError("a code")
    return text.replace(" ", "").upper()


GOOD_APP = encoded(api_key=API_KEY, api_secret=API_SECRET)
GOOD_LOGIN = encoded(password=PASSWORD, totp_secret=TOTP_SECRET)


@pytest.mark.parametrize(
    "data",
    [
        GOOD_APP,
        encoded(KITE_API_KEY=API_KEY, KITE_API_SECRET=API_SECRET),
        encoded(api_key=f"{API_KEY}\n", api_secret=f" {API_SECRET}\r\n"),
        encoded(api_key=API_KEY, KITE_API_KEY=API_KEY, KITE_API_SECRET=API_SECRET),
        GOOD_APP | encoded(unrelated=b"\xff\xfe"),
    ],
)
def test_an_app_secret_is_read_under_its_documented_names(data: Mapping[str, str]) -> None:
    assert APP == parse_app_secret("alpha-app", data)


@pytest.mark.parametrize(
    "data",
    [
        GOOD_LOGIN,
        encoded(password=f"{PASSWORD}\n", totp_secret=f"{TOTP_SECRET}\n"),
        encoded(password=PASSWORD, totp_secret=TOTP_SECRET.lower()),
    ],
)
def test_a_login_secret_is_read_and_normalised(data: Mapping[str, str]) -> None:
    assert FACTORS == parse_login_secret("alpha-login", data, canonical)


def test_the_spaces_of_a_password_are_its_own() -> None:
    factors = parse_login_secret("alpha-login", GOOD_LOGIN | encoded(password=" two words "), canonical)
    assert isinstance(factors, LoginFactors)
    assert " two words " == factors.password.reveal()


BAD_APPS: dict[str, tuple[Mapping[str, str] | None, Reason, str]] = {
    "missing": (None, Reason.APP_SECRET_NOT_FOUND, "api_key"),
    "empty": ({}, Reason.APP_SECRET_INVALID, "'api_key'"),
    "no secret": (encoded(api_key=API_KEY), Reason.APP_SECRET_INVALID, "'api_secret'"),
    "an empty value": (GOOD_APP | {"api_secret": ""}, Reason.APP_SECRET_INVALID, "'api_secret'"),
    "an absent value": (GOOD_APP | {"api_key": None}, Reason.APP_SECRET_INVALID, "'api_key'"),  # type: ignore[dict-item]  # as a foreign client may write
    "only a line end": (GOOD_APP | encoded(api_key="\n"), Reason.APP_SECRET_INVALID, "'api_key'"),
    "binary": (GOOD_APP | encoded(api_secret=b"\xff\xfe\x00"), Reason.APP_SECRET_INVALID, "'api_secret'"),
    "not base64": (GOOD_APP | {"api_key": "*** not base64 ***"}, Reason.APP_SECRET_INVALID, "'api_key'"),
    "not even ASCII": (GOOD_APP | {"api_key": "schlüssel"}, Reason.APP_SECRET_INVALID, "'api_key'"),
    "two words": (GOOD_APP | encoded(api_key="wrong value"), Reason.APP_SECRET_INVALID, "'api_key'"),
    "far too long": (GOOD_APP | encoded(api_secret="x" * 129), Reason.APP_SECRET_INVALID, "'api_secret'"),
    "two names that differ": (
        GOOD_APP | encoded(KITE_API_KEY="anotherapikey000"),
        Reason.APP_SECRET_INVALID,
        "'KITE_API_KEY'",
    ),
}


@pytest.mark.parametrize("name", BAD_APPS)
def test_every_bad_app_secret_is_reported_by_secret_and_key(name: str) -> None:
    data, reason, key = BAD_APPS[name]
    problem = parse_app_secret("alpha-app", data)
    assert isinstance(problem, Problem)
    assert reason is problem.reason
    assert "'alpha-app'" in problem.message
    assert key in problem.message


BAD_LOGINS: dict[str, tuple[Mapping[str, str] | None, Reason, str]] = {
    "missing": (None, Reason.LOGIN_SECRET_NOT_FOUND, "password"),
    "no password": (encoded(totp_secret=TOTP_SECRET), Reason.LOGIN_SECRET_INVALID, "'password'"),
    "no TOTP secret": (encoded(password=PASSWORD), Reason.TOTP_SECRET_INVALID, "'totp_secret'"),
    "a line break inside": (GOOD_LOGIN | encoded(password="a\nb"), Reason.LOGIN_SECRET_INVALID, "'password'"),
    "a very long password": (GOOD_LOGIN | encoded(password="x" * 257), Reason.LOGIN_SECRET_INVALID, "'password'"),
    "a binary password": (GOOD_LOGIN | encoded(password=b"\x80"), Reason.LOGIN_SECRET_INVALID, "'password'"),
    "a code": (GOOD_LOGIN | encoded(totp_secret="123456"), Reason.TOTP_SECRET_INVALID, "'totp_secret'"),
    "an empty TOTP secret": (GOOD_LOGIN | encoded(totp_secret=""), Reason.TOTP_SECRET_INVALID, "'totp_secret'"),
}


@pytest.mark.parametrize("name", BAD_LOGINS)
def test_every_bad_login_secret_is_reported_by_secret_and_key(name: str) -> None:
    data, reason, key = BAD_LOGINS[name]
    problem = parse_login_secret("alpha-login", data, canonical)
    assert isinstance(problem, Problem)
    assert reason is problem.reason
    assert "'alpha-login'" in problem.message
    assert key in problem.message


# The values begin like no word of a message: a value of 'totp_se' would be found in the name of a field.
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=4, max_size=297).map("0Z0".__add__)


@given(VALUES, VALUES)
def test_no_value_is_ever_shown(first: str, second: str) -> None:
    for outcome in (
        parse_app_secret("s", encoded(api_key=first, api_secret=second)),
        parse_login_secret("s", encoded(password=first, totp_secret=second), canonical),
    ):
        shown = repr(outcome)
        assert first not in shown
        assert second not in shown
        assert isinstance(outcome, (AppKeys, LoginFactors, Problem))


@given(st.dictionaries(st.sampled_from(["api_key", "api_secret", "password", "totp_secret"]), st.text()))
def test_no_content_of_a_secret_raises(data: dict[str, str]) -> None:
    assert isinstance(parse_app_secret("s", data), (AppKeys, Problem))
    assert isinstance(parse_login_secret("s", data, canonical), (LoginFactors, Problem))
