"""Each check of the demo fails when what it looks at is not so."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from demo.checks import Derived, Scrape, Standing, expect, require_metrics, require_reasons
from demo.errors import NotVerified
from kite_operator.model.sensitive import Sensitive

EXPIRES, NEXT, LAST = "2026-03-03T06:00:00+05:30", "2026-03-03T07:41:00+05:30", "2026-03-02T10:00:02+05:30"
VALUES = {"access_token": "token-1", "api_key": "key-1", "expires_at": EXPIRES, "user_id": "AB1234"}
METRICS = "\n".join(
    f'kite_credential_{name}{{name="bravo",namespace="trading"}} {value}'
    for name, value in {
        "ready": 1.0,
        "authenticated": 1.0,
        "blocked": 0.0,
        "login_required": 0.0,
        "failures": 0.0,
        "token_expiry_timestamp_seconds": datetime.fromisoformat(EXPIRES).timestamp(),
        "last_success_timestamp_seconds": datetime.fromisoformat(LAST).timestamp(),
        "next_refresh_timestamp_seconds": datetime.fromisoformat(NEXT).timestamp(),
    }.items()
)


def manifest(status: str = "True", reason: str = "SessionActive") -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": reason, "message": "words"}
    times = {"expiresTime": EXPIRES, "nextRefreshTime": NEXT, "lastRefreshTime": LAST}
    return {"status": {"conditions": [ready], "userID": "AB1234", **times}}


def secret(values: Mapping[str, str]) -> dict[str, Any]:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}


def check_metrics(text: str) -> None:
    require_metrics(Scrape(text + "\n"), Standing.of(manifest()), "trading", "bravo")


def test_a_status_is_read() -> None:
    standing = Standing.of(manifest())
    assert (True, "SessionActive", "AB1234") == (standing.ready, standing.reason, standing.user_id)
    times = (standing.expires, standing.next_refresh, standing.last_refresh)
    assert tuple(map(datetime.fromisoformat, (EXPIRES, NEXT, LAST))) == times


@pytest.mark.parametrize("body", [None, {}, {"status": {}}])
def test_without_a_status_nothing_is_ready(body: Mapping[str, Any] | None) -> None:
    standing = Standing.of(body)
    assert (False, False) == (standing.ready, standing.is_hopeless)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("False", "LoginSecretInvalid", True),
        ("False", "AppSecretNotFound", True),
        ("False", "LoginInProgress", False),
        ("False", "TokenExpired", False),
        ("True", "SessionActive", False),
    ],
)
def test_only_what_a_person_must_mend_is_not_waited_for(status: str, reason: str, *, expected: bool) -> None:
    assert expected == Standing.of(manifest(status, reason)).is_hopeless


def test_a_derived_secret_is_shown_by_keys_and_lengths_alone() -> None:
    derived = Derived.of(secret(VALUES))
    shown = derived.masked()
    assert "access_token  ********  (7 bytes)" == shown.splitlines()[0]
    assert [] == [value for value in VALUES.values() if value in shown]
    assert "token-1" not in repr(derived)


@pytest.mark.parametrize("key", VALUES)
def test_a_derived_secret_without_one_of_its_keys_is_not_verified(key: str) -> None:
    with pytest.raises(NotVerified, match="the derived Secret's keys"):
        Derived.of(secret({name: value for name, value in VALUES.items() if name != key}))


def test_a_derived_secret_with_one_more_key_is_not_verified() -> None:
    with pytest.raises(NotVerified, match="refresh_token"):
        Derived.of(secret({**VALUES, "refresh_token": "r"}))


def test_an_absent_derived_secret_is_not_verified() -> None:
    with pytest.raises(NotVerified):
        Derived.of(None)


def test_a_source_value_inside_a_derived_secret_is_found() -> None:
    derived = Derived.of(secret({**VALUES, "access_token": "a-made-up-secret-b"}))
    assert derived.holds(Sensitive("made-up-secret"))
    assert not derived.holds(Sensitive("another"))


def test_an_unexpected_value_is_shown_with_the_expected_one() -> None:
    with pytest.raises(NotVerified, match="logins: expected 2, seen 3"):
        expect(3, 2, "logins")


def test_metrics_that_agree_with_the_status_are_verified() -> None:
    check_metrics(METRICS)


@pytest.mark.parametrize("number", range(len(METRICS.splitlines())))
def test_a_missing_metric_is_not_verified(number: int) -> None:
    lines = METRICS.splitlines()
    with pytest.raises(NotVerified, match="expected 1, seen 0"):
        check_metrics("\n".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.parametrize("number", range(len(METRICS.splitlines())))
def test_a_metric_with_another_value_is_not_verified(number: int) -> None:
    lines = METRICS.splitlines()
    lines[number] = lines[number].rpartition(" ")[0] + " 7.0"
    with pytest.raises(NotVerified, match="kite_credential_"):
        check_metrics("\n".join(lines))


def test_metrics_of_another_credential_do_not_count() -> None:
    with pytest.raises(NotVerified):
        check_metrics(METRICS.replace('name="bravo"', 'name="other"'))


def test_the_lines_shown_are_those_of_the_credential_as_exposed() -> None:
    scrape = Scrape('# HELP up x\nup{name="a"} 1.0\nup{name="b"} 0.0\nup_more{name="a"} 1.0\n')
    assert ['up{name="a"} 1.0'] == scrape.lines(["up"], name="a")


def event(reason: str, kind: str = "Normal") -> dict[str, str]:
    return {"reason": reason, "type": kind}


def test_events_are_counted_by_reason() -> None:
    require_reasons([event("Refreshed"), event("Refreshed"), event("Other")], "Refreshed", 2)
    with pytest.raises(NotVerified, match="Events Refreshed: expected 2, seen 1"):
        require_reasons([event("Refreshed")], "Refreshed", 2)


def test_a_warning_is_not_verified() -> None:
    with pytest.raises(NotVerified, match="TokenDead"):
        require_reasons([event("Refreshed"), event("TokenDead", "Warning")], "Refreshed", 1)
