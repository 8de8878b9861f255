"""A login under way: its state counts once, in the browser that began it, for five minutes, on every replica."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.login.signer import Signer
from kite_operator.login.state import LIFE, Fault, Issued, State, issue, read, returned, under_way
from kite_operator.model.resource import Key
from support.facts import NOON, credential

SEALS = Signer(b"k" * 32)
ALPHA = credential(mode="Manual")
SECOND = timedelta(seconds=1)


def begun(nonce: str = "n" * 43, secret: str = "s" * 43) -> Issued:
    return issue(SEALS, ALPHA, NOON, nonce=nonce, secret=secret)


def cookies(*logins: Issued) -> dict[str, str]:
    return {each.state.cookie: each.cookie_value for each in logins}


def test_a_state_comes_back_in_its_browser_on_any_replica() -> None:
    login = begun()
    assert login.state == returned(Signer(b"k" * 32), login.text, cookies(login), NOON + LIFE - SECOND)


def test_it_says_for_which_credential_it_was_begun() -> None:
    assert (Key("desk", "alpha"), "uid-alpha") == (begun().state.key, begun().state.uid)


@pytest.mark.parametrize("seconds", [300, 86400])
def test_after_five_minutes_it_has_expired(seconds: int) -> None:
    assert Fault.EXPIRED is read(SEALS, begun().text, NOON + timedelta(seconds=seconds))


def test_a_clock_that_was_set_back_makes_no_old_state_young() -> None:
    assert Fault.EXPIRED is read(SEALS, begun().text, NOON - timedelta(hours=1))


def test_a_state_of_another_install_is_foreign() -> None:
    assert Fault.FOREIGN is read(Signer(b"x" * 32), begun().text, NOON)


def test_without_its_cookie_it_is_of_another_browser() -> None:
    assert Fault.OTHER_BROWSER is returned(SEALS, begun().text, {}, NOON)


def test_the_cookie_of_another_login_does_not_help() -> None:
    mine, theirs = begun(), begun(secret="t" * 43)
    assert Fault.OTHER_BROWSER is returned(SEALS, theirs.text, cookies(mine), NOON)


@pytest.mark.parametrize("value", ["", "s" * 43, ".", "s" * 43 + "x.y"])
def test_a_spoilt_cookie_is_none(value: str) -> None:
    login = begun()
    assert Fault.OTHER_BROWSER is returned(SEALS, login.text, {login.state.cookie: value}, NOON)


def test_two_tabs_have_a_cookie_each() -> None:
    one, other = begun("a" * 43), begun("b" * 43)
    both = cookies(one, other)
    assert [one.state, other.state] == [returned(SEALS, each.text, both, NOON) for each in (one, other)]


def test_the_logins_of_a_browser_are_known_from_its_cookies() -> None:
    one, other = begun("a" * 43), begun("b" * 43)
    strange = {"kite-login-zzz": one.cookie_value, "kite-login-x": "nonsense", "other": one.cookie_value}
    assert {one.state, other.state} == set(under_way(SEALS, cookies(one, other) | strange, NOON))
    assert () == under_way(SEALS, cookies(one, other), NOON + LIFE)


def test_the_grant_is_named_after_the_state_and_after_nothing_else() -> None:
    one, again, other = begun(), begun(secret="t" * 43), begun("m" * 43)
    assert one.state.grant == again.state.grant != other.state.grant
    assert one.state.grant.startswith("alpha-login-")
    assert one.state.nonce not in one.state.grant


def test_the_longest_names_still_fit_into_a_cookie_and_an_address() -> None:
    long = replace(ALPHA, key=Key("n" * 63, "c" * 63), uid="u" * 36)
    login = issue(SEALS, long, NOON, nonce="n" * 43, secret="s" * 43)
    assert isinstance(returned(SEALS, login.text, cookies(login), NOON), State)
    assert len(login.cookie_value) < 1024
    assert len(login.state.grant) < 253
