"""Switches: the narrowest value wins."""

import pytest

from kite_sandbox.switches import BadSwitch, SwitchBoard, Switches, parse_overrides


def test_an_account_s_value_beats_the_app_s_and_that_the_global_one() -> None:
    board = SwitchBoard()
    board.set_everywhere({"flush_at": "07:30", "attempts": 4})
    board.set_for_app("key", {"flush_at": "06:15", "relogin": "same_token"})
    board.set_for_account("AB1234", {"flush_at": "6:30".zfill(5)})
    own, app, rest = board.resolve("AB1234", "key"), board.resolve("CD5678", "key"), board.resolve(None, None)
    assert (own.flush_at, own.relogin, own.attempts) == ("06:30", "same_token", 4)
    assert (app.flush_at, rest.flush_at) == ("06:15", "07:30")


def test_cleared_overrides_are_gone() -> None:
    board = SwitchBoard()
    board.set_for_app("key", {"attempts": 1})
    board.set_for_account("AB1234", {"attempts": 2})
    board.clear_account("AB1234")
    board.clear_app("key")
    assert board.resolve("AB1234", "key") == Switches()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flush_at", "noon"),
        ("relogin", "sometimes"),
        ("consent_pending", "yes"),
        ("request_token_ttl_s", "long"),
        ("attempts", -1),
        ("attempts", True),
        ("bad_checksum_status", 404),
        ("redirect_url", 7),
        ("no_such_switch", 1),
    ],
)
def test_a_senseless_value_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadSwitch, match=f"^{name}: "):
        parse_overrides({name: value})


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(BadSwitch, match=r"attempts: .*; location: "):
        parse_overrides({"attempts": "x", "location": "y"})
