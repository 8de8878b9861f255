"""A login in progress: its state counts once, in the browser that began it, for five minutes, on every replica."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.login.signer import Signer
from kite_operator.login.state import LIFE, Fault, Issued, State, issue, read, under_way, verify_callback
from kite_operator.model.resource import Key
from support.facts import NOON, credential

SIGNER = Signer(b"k" * 32)
ALPHA = credential(mode="Manual")
SECOND = timedelta(seconds=1)


def begun(nonce: str = "n" * 43, secret: str = "s" * 43) -> Issued:
    return issue(SIGNER, ALPHA, NOON, nonce=nonce, secret=secret)


def cookies(*logins: Issued) -> dict[str, str]:
    return {each.state.cookie: each.cookie_value for each in logins}


def test_a_state_is_verified_in_its_browser_on_any_replica() -> None:
    login = begun()
    assert login.state == verify_callback(Signer(b"k" * 32), login.text, cookies(login), NOON + LIFE - SECOND)


def test_a_state_names_the_credential_of_its_login() -> None:
    assert (Key("desk", "alpha"), "uid-alpha") == (begun().state.key, begun().state.uid)


@pytest.mark.parametrize("seconds", [300, 86400])
def test_a_state_expires_after_five_minutes(seconds: int) -> None:
    assert Fault.EXPIRED is read(SIGNER, begun().text, NOON + timedelta(seconds=seconds))


def test_a_clock_that_was_set_back_makes_no_old_state_valid() -> None:
    assert Fault.EXPIRED is read(SIGNER, begun().text, NOON - timedelta(hours=1))


def test_a_state_of_another_install_is_foreign() -> None:
    assert Fault.FOREIGN is read(Signer(b"x" * 32), begun().text, NOON)


def test_a_state_without_its_cookie_belongs_to_another_browser() -> None:
    assert Fault.OTHER_BROWSER is verify_callback(SIGNER, begun().text, {}, NOON)


def test_the_cookie_of_another_login_does_not_help() -> None:
    mine, theirs = begun(), begun(secret="t" * 43)
    assert Fault.OTHER_BROWSER is verify_callback(SIGNER, theirs.text, cookies(mine), NOON)


@pytest.mark.parametrize("value", ["", "s" * 43, ".", "s" * 43 + "x.y"])
def test_an_invalid_cookie_counts_as_none(value: str) -> None:
    login = begun()
    assert Fault.OTHER_BROWSER is verify_callback(SIGNER, login.text, {login.state.cookie: value}, NOON)


def test_two_tabs_have_a_cookie_each() -> None:
    one, other = begun("a" * 43), begun("b" * 43)
    both = cookies(one, other)
    assert [one.state, other.state] == [verify_callback(SIGNER, each.text, both, NOON) for each in (one, other)]


def test_the_logins_of_a_browser_are_known_from_its_cookies() -> None:
    one, other = begun("a" * 43), begun("b" * 43)
    strange = {"kite-login-zzz": one.cookie_value, "kite-login-x": "nonsense", "other": one.cookie_value}
    assert {one.state, other.state} == set(under_way(SIGNER, cookies(one, other) | strange, NOON))
    assert () == under_way(SIGNER, cookies(one, other), NOON + LIFE)


def test_the_grant_is_named_after_the_state_and_after_nothing_else() -> None:
    one, again, other = begun(), begun(secret="t" * 43), begun("m" * 43)
    assert one.state.grant == again.state.grant != other.state.grant
    assert one.state.grant.startswith("alpha-login-")
    assert one.state.nonce not in one.state.grant


def test_the_longest_names_still_fit_into_a_cookie_and_an_address() -> None:
    long = replace(ALPHA, key=Key("n" * 63, "c" * 63), uid="u" * 36)
    login = issue(SIGNER, long, NOON, nonce="n" * 43, secret="s" * 43)
    assert isinstance(verify_callback(SIGNER, login.text, cookies(login), NOON), State)
    assert len(login.cookie_value) < 1024
    assert len(login.state.grant) < 253
