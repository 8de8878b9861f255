"""Attempt ledger in its Lease: JSON that reads back as it was, and is refused when another client wrote it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.model.account import Acknowledgement, AttemptOutcome, Lock, LoginCount, dump, load
from kite_operator.model.errors import Step
from kite_operator.model.reasons import Reason
from support.facts import NOON, OTHER, account, attempt, claim, leaks, rejection

FULL = account(
    attempt("a", AttemptOutcome.WRONG, acknowledged=True),
    attempt("b", AttemptOutcome.UNKNOWN, forgiven=True, step=Step.TOTP, window=59_000_000),
    claims=(claim(), claim(OTHER, app="key-v2", proven=False)),
    lock=Lock("lock-1", "pod-1", NOON, app="key-v1", credential="desk/alpha"),
    app_locks=(Lock("lock-2", "pod-2", NOON, app="key-v2", credential="desk/beta"),),
    rejections=(rejection(Reason.CONSENT_REQUIRED, login="login-v1"),),
    logins=(LoginCount("key-v1", NOON.date(), 2, 1),),
    acknowledgements=(Acknowledgement("block-1", NOON.date()),),
    forgiven_on=NOON.date(),
    last_window=59_000_000,
    allowed_more=1,
)


def test_a_full_ledger_reads_back_as_it_was() -> None:
    assert FULL == load(dump(FULL))
    assert account() == load(dump(account()))


def test_a_record_holds_hashes_and_names_only() -> None:
    assert [] == list(leaks(dump(FULL)))


def test_an_attempt_keeps_its_place_in_the_order_of_reservations() -> None:
    settled = FULL.with_attempt(attempt("a", AttemptOutcome.EXPIRED)).with_attempt(attempt("c"))
    assert [("a", AttemptOutcome.EXPIRED), ("b", AttemptOutcome.UNKNOWN), ("c", AttemptOutcome.WRONG)] == [
        (each.id, each.outcome) for each in settled.attempts
    ]


def test_a_ledger_of_an_earlier_version_has_no_clock_offset() -> None:
    ledger = account(attempt("one", clock_ahead=12.3))
    assert 12.3 == load(dump(ledger)).attempts[0].clock_ahead
    earlier = dump(ledger).replace('"clock_ahead":12.3,', "")
    assert "clock_ahead" not in earlier
    assert load(earlier).attempts[0].clock_ahead is None


def test_only_a_ledger_that_protects_nothing_is_clean() -> None:
    assert account(logins=FULL.logins, acknowledgements=FULL.acknowledgements).is_clean
    for name in ("attempts", "claims", "lock", "app_locks", "rejections"):
        assert not replace(account(), **{name: getattr(FULL, name)}).is_clean


def changed(name: str, value: object) -> str:
    return json.dumps(json.loads(dump(FULL)) | {name: value})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "7",
        changed("lock", {"id": "x"}),
        changed("lock", {"id": "x", "by": "y", "until": "soon"}),
        changed("lock", {"id": "x", "by": "y", "until": "2026-03-02T12:00:00"}),
        changed("app_locks", 7),
        changed("app_locks", [{"id": "x", "by": "y"}]),
        changed("claims", 7),
        changed("attempts", [7]),
        changed("attempts", [{"id": "x"}]),
        changed("forgiven_on", "someday"),
        changed("last_window", "abc"),
        changed("last_window", 1e300),
        changed("last_window", -1),
        changed("allowed_more", None),
        changed("allowed_more", float("inf")),
        changed("logins", [{"app": "x", "day": 7, "count": 1}]),
    ],
)
def test_content_of_another_client_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message may be json's own
        load(text)


@given(st.sampled_from(sorted(json.loads(dump(FULL)))), st.none() | st.integers() | st.text() | st.lists(st.integers()))
def test_damaged_content_raises_no_other_error(name: str, value: Any) -> None:
    try:
        load(changed(name, value))
    except ValueError:
        return
