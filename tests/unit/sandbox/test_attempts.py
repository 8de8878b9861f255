"""The lockout rule by itself, over any order of entries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_sandbox.accounts import Account, Verdict, judge_code, judge_password
from kite_sandbox.confidential import Secret
from kite_sandbox.switches import Switches

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ACCOUNT = Account("AB1234", Secret("right"), Secret(SEED))
RULES = Switches()
START = datetime(2024, 2, 29, 2, 0, tzinfo=UTC)


def code(at: datetime) -> str:
    return pyotp.TOTP(SEED).at(at)


@given(st.lists(st.sampled_from(["good password", "bad password", "good code", "bad code"]), max_size=40))
def test_it_blocks_at_the_fifth_wrong_entry_of_a_kind_since_the_last_accepted_code(entries: list[str]) -> None:
    account, passwords, codes, blocked = ACCOUNT, 0, 0, False
    for number, entry in enumerate(entries):
        now = START + timedelta(minutes=number)
        if "password" in entry:
            account, _ = judge_password(account, "right" if entry.startswith("good") else "wrong", RULES)
        else:
            account, _ = judge_code(account, code(now) if entry.startswith("good") else "x", now, RULES)
        if not blocked:
            passwords += entry == "bad password"
            codes += entry == "bad code"
            if entry == "good code":
                passwords = codes = 0
            blocked = max(passwords, codes) >= 5
    assert (account.wrong_passwords, account.wrong_codes, account.blocked) == (passwords, codes, blocked)


def test_a_blocked_account_counts_no_further() -> None:
    blocked = replace(ACCOUNT, blocked=True, wrong_passwords=5)
    assert judge_password(blocked, "wrong", RULES) == (blocked, Verdict.BLOCKED)
    assert judge_code(blocked, code(START), START, RULES) == (blocked, Verdict.BLOCKED)


@pytest.mark.parametrize(
    ("seconds_later", "tolerance", "verdict"),
    [
        (0, 0, Verdict.ACCEPTED),
        (29, 0, Verdict.ACCEPTED),
        (30, 0, Verdict.WRONG_CODE),
        (-1, 0, Verdict.WRONG_CODE),
        (30, 1, Verdict.ACCEPTED),
        (60, 1, Verdict.WRONG_CODE),
    ],
)
def test_a_code_is_good_in_its_window_and_the_tolerated_ones(
    seconds_later: int, tolerance: int, verdict: Verdict
) -> None:
    now = START + timedelta(seconds=seconds_later)
    assert judge_code(ACCOUNT, code(START), now, replace(RULES, totp_tolerance=tolerance))[1] is verdict


def test_a_code_is_not_taken_twice_and_the_next_window_s_is() -> None:
    used, _ = judge_code(ACCOUNT, code(START), START, RULES)
    again, verdict = judge_code(used, code(START), START, RULES)
    assert (verdict, again.wrong_codes) == (Verdict.REUSED_CODE, 1)
    later = START + timedelta(seconds=30)
    assert judge_code(again, code(later), later, RULES)[1] is Verdict.ACCEPTED


def test_an_offset_clock_takes_the_codes_of_its_own_time() -> None:
    skewed = replace(RULES, totp_clock_offset_s=-120.0)
    assert judge_code(ACCOUNT, code(START), START, skewed)[1] is Verdict.WRONG_CODE
    assert judge_code(ACCOUNT, code(START - timedelta(seconds=120)), START, skewed)[1] is Verdict.ACCEPTED
