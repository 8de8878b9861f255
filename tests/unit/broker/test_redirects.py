"""Results of a Location: a further hop, the app's redirect with a request_token, or an end with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.broker.redirects import RedirectRule, allowed_hosts_for
from kite_operator.model.errors import BrokerRejection
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import REQUEST_TOKEN, leaks

LOGIN = "https://kite.zerodha.com"
CURRENT = f"{LOGIN}/connect/login?v=3"
REGISTERED = "https://desk.example/kite/callback?tenant=a"
GOOD = f"action=login&status=success&request_token={REQUEST_TOKEN}"
RULE = RedirectRule.of(REGISTERED, LOGIN, allowed_hosts_for(LOGIN))


def rejection(location: str, rule: RedirectRule = RULE) -> BrokerRejection:
    with pytest.raises(BrokerRejection) as caught:
        rule.read(CURRENT, location)
    return caught.value


@pytest.mark.parametrize(
    "location",
    [
        f"https://desk.example/kite/callback?{GOOD}",
        f"https://desk.example/kite/callback?tenant=a&{GOOD}",
        f"https://desk.example/kite/callback?request_token={REQUEST_TOKEN}&type=login&status=success&action=login&tenant=a",
        f"https://desk.example/kite/callback?request_token={REQUEST_TOKEN}",
        f"https://desk.example:443/kite/callback?{GOOD}",
        f"HTTPS://DESK.example/kite/callback?{GOOD}#fragment",
        f"//desk.example/kite/callback?{GOOD}",
    ],
)
def test_the_apps_redirect_gives_the_request_token(location: str) -> None:
    assert Sensitive(REQUEST_TOKEN) == RULE.read(CURRENT, location)


@pytest.mark.parametrize(
    ("registered", "location"),
    [
        ("http://127.0.0.1:8000/callback", f"http://127.0.0.1:8000/callback?{GOOD}"),
        ("http://localhost/", f"http://localhost?{GOOD}"),
        ("http://localhost", f"http://localhost:80/?{GOOD}"),
        ("http://[::1]:8000/cb", f"http://[::1]:8000/cb?{GOOD}"),
        ("https://kite.zerodha.com/connect/login", f"/connect/login?{GOOD}"),
        ("https://kite.zerodha.com/app", f"/app?{GOOD}"),
    ],
)
def test_a_redirect_on_loopback_or_on_the_login_host_itself_is_recognised(registered: str, location: str) -> None:
    assert Sensitive(REQUEST_TOKEN) == RedirectRule.of(registered, LOGIN).read(CURRENT, location)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/connect/finish?sess_id=1", f"{LOGIN}/connect/finish?sess_id=1"),
        ("/connect/finish?sess_id=1&status=success", f"{LOGIN}/connect/finish?sess_id=1&status=success"),
        ("finish?sess_id=1", f"{LOGIN}/connect/finish?sess_id=1"),
        (f"{LOGIN}/connect/finish?sess_id=1", f"{LOGIN}/connect/finish?sess_id=1"),
        ("https://kite.trade/connect/finish", "https://kite.trade/connect/finish"),
        ("https://login.kite.trade/x", "https://login.kite.trade/x"),
    ],
)
def test_hops_inside_the_login_are_followed(location: str, expected: str) -> None:
    assert expected == RULE.read(CURRENT, location)


def test_kites_further_hosts_belong_to_the_real_login_page_only() -> None:
    assert [bool(allowed_hosts_for(f"{LOGIN}/")), allowed_hosts_for("http://127.0.0.1:8080")] == [True, ()]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/connect/authorize?sess_id=1", Reason.CONSENT_REQUIRED),
        (f"{LOGIN}/connect/authorize", Reason.CONSENT_REQUIRED),
        ("/connect/login?v=3", Reason.LOGIN_NOT_COMPLETED),
        ("/connect/login/", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example/kite/callback?status=cancelled", Reason.LOGIN_DECLINED),
        (f"https://desk.example/kite/callback?status=cancelled&request_token={REQUEST_TOKEN}", Reason.LOGIN_DECLINED),
        ("https://elsewhere.example/?status=cancelled", Reason.LOGIN_DECLINED),
        ("/connect/finish?status=cancelled", Reason.LOGIN_DECLINED),
        ("https://desk.example/kite/callback", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example/kite/callback?status=success", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example/kite/callback?request_token=", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example/kite/callback?request_token=a%20b", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example/kite/callback?request_token=a&request_token=b", Reason.LOGIN_NOT_COMPLETED),
        (f"https://desk.example/kite/callback?request_token={'a' * 257}", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example:port/kite/callback", Reason.LOGIN_NOT_COMPLETED),
        ("https://[broken/kite/callback", Reason.LOGIN_NOT_COMPLETED),
        ("https://desk.example\\@kite.zerodha.com/", Reason.LOGIN_NOT_COMPLETED),
        ("/connect/finish\r\nX: y", Reason.LOGIN_NOT_COMPLETED),
        (f"https://other.example/kite/callback?{GOOD}", Reason.REDIRECT_URL_MISMATCH),
        (f"https://kite.zerodha.com.evil.example/?{GOOD}", Reason.REDIRECT_URL_MISMATCH),
        (f"https://kite.zerodha.com@evil.example/?{GOOD}", Reason.REDIRECT_URL_MISMATCH),
        ("https://user@kite.zerodha.com/connect/finish", Reason.REDIRECT_URL_MISMATCH),
        ("http://kite.zerodha.com/connect/finish", Reason.REDIRECT_URL_MISMATCH),
        ("https://kite.zerodha.com:8443/connect/finish", Reason.REDIRECT_URL_MISMATCH),
        ("https://evilkite.trade/connect/finish", Reason.REDIRECT_URL_MISMATCH),
        ("http://kite.trade/connect/finish", Reason.REDIRECT_URL_MISMATCH),
        (f"/app?{GOOD}", Reason.REDIRECT_URL_MISMATCH),
        ("/app?status=success", Reason.REDIRECT_URL_MISMATCH),
        ("myapp://callback", Reason.REDIRECT_URL_MISMATCH),
        ("https://elsewhere.example/", Reason.REDIRECT_URL_MISMATCH),
    ],
)
def test_every_other_location_ends_the_login_with_its_reason(location: str, reason: Reason) -> None:
    assert reason == rejection(location).reason


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            f"http://desk.example/kite/callback?{GOOD}",
            (
                "differs in protocol: spec.redirectURL is https://desk.example/kite/callback,"
                " and the broker redirected to http://desk.example/kite/callback"
            ),
        ),
        (
            f"https://desk.example:8443/kite/callback?{GOOD}",
            (
                "differs in host: spec.redirectURL is https://desk.example/kite/callback,"
                " and the broker redirected to https://desk.example:8443/kite/callback"
            ),
        ),
        (
            f"https://desk.example/kite/callback/?{GOOD}",
            (
                "differs in path: spec.redirectURL is https://desk.example/kite/callback,"
                " and the broker redirected to https://desk.example/kite/callback/"
            ),
        ),
        (
            f"http://other.example/?{GOOD}",
            (
                "differs in protocol and host and path: spec.redirectURL is https://desk.example/kite/callback,"
                " and the broker redirected to http://other.example/"
            ),
        ),
        (
            f"https://desk.example/{REQUEST_TOKEN}/x?{GOOD}",
            (
                "differs in path: spec.redirectURL is https://desk.example/kite/callback,"
                " and the broker redirected to https://desk.example/…/x"
            ),
        ),
    ],
)
def test_a_mismatch_names_the_part_that_differs_without_the_query(location: str, message: str) -> None:
    assert f"the app's redirect URL {message}" == rejection(location).message


def test_a_foreign_address_is_shown_with_limited_and_harmless_characters() -> None:
    message = rejection(f"https://{'a' * 60}.{'b' * 60}.example/<script>/{'/x' * 200}?{GOOD}").message

    assert len(message) < 350
    assert "<" not in message


@given(st.text(max_size=120))
def test_any_location_is_an_allowed_hop_or_a_rejection(location: str) -> None:
    try:
        following = RULE.read(CURRENT, location)
    except BrokerRejection as error:
        assert leaks(str(error)) == []  # noqa: PT017 - either end is fine
        assert error.__context__ is None  # noqa: PT017 - either end is fine
    else:
        assert isinstance(following, str)
        assert RULE.allows(CURRENT, following)
