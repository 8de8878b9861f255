"""A KiteCredential of any content is parsed to a value; all its problems are listed at once, with field paths."""

import copy
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import DAILY, DELETE, RETAIN, TRADING_DAYS, Failures, Timing
from support.facts import ist

WHOLE: dict[str, Any] = {
    "metadata": {
        "namespace": "desk",
        "name": "alpha",
        "uid": "uid-alpha",
        "resourceVersion": "10",
        "generation": 3,
        "creationTimestamp": "2026-03-01T00:00:00Z",
        "annotations": {"kite-operator.dev/refresh": "r1", "kite-operator.dev/acknowledge": "a1"},
    },
    "spec": {
        "clientID": "AB1234",
        "appSecretRef": {"name": "alpha-app"},
        "redirectURL": "https://desk.example/callback",
        "login": {"mode": "TOTP", "totp": {"secretRef": {"name": "alpha-login"}}},
        "schedule": {"at": "07:40", "readyBy": "08:30", "jitter": "1m30s", "days": "TradingDays"},
        "probe": {"interval": "2m"},
        "target": {"name": "alpha-kite-token", "labels": {"team": "desk"}},
        "suspend": True,
    },
    "status": {
        "observedGeneration": 2,
        "conditions": [{"type": "Ready", "status": "True", "reason": "SessionActive", "message": "fine"}],
        "expiresTime": "2026-03-03T06:00:00+05:30",
        "failures": {"count": 2, "reason": "RateLimited", "lastTime": "2026-03-02T12:00:00+05:30"},
    },
}


def test_a_complete_credential_is_parsed_completely() -> None:
    parsed = parse_credential(WHOLE)
    assert () == parsed.problems
    assert ("desk/alpha", "uid-alpha", 3) == (str(parsed.key), parsed.uid, parsed.generation)
    timing = Timing(time(7, 40), time(8, 30), timedelta(seconds=90), timedelta(minutes=2), TRADING_DAYS)
    assert timing == parsed.timing
    assert ("alpha-app", "alpha-login") == parsed.sources
    assert "alpha-kite-state" == parsed.state_secret
    assert (True, "r1", "a1") == (parsed.suspended, parsed.refresh, parsed.acknowledge)
    assert {"team": "desk"} == parsed.target.labels
    assert Failures(2, "RateLimited", ist("12:00"), None) == parsed.status.failures
    assert ist("06:00", day=3) == parsed.status.expires_time


def test_an_unknown_value_of_days_means_every_day() -> None:
    assert DAILY == parse_credential(with_("Weekdays", "spec", "schedule", "days")).timing.days


def test_formats_have_one_order_and_absent_ones_are_resolved() -> None:
    assert (DELETE, ("keys",)) == (
        parse_credential(WHOLE).target.deletion_policy,
        parse_credential(WHOLE).target.formats,
    )
    assert ("env", "json") == parse_credential(with_(["json", "env"], "spec", "target", "format")).target.formats
    assert RETAIN == parse_credential(with_("Retain", "spec", "target", "deletionPolicy")).target.deletion_policy


def test_nothing_is_removed_for_an_unknown_policy() -> None:
    assert RETAIN == parse_credential(with_("Keep", "spec", "target", "deletionPolicy")).target.deletion_policy


def without(*path: str) -> dict[str, Any]:
    body = copy.deepcopy(WHOLE)
    place = body
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return body


def with_(value: object, *path: str) -> dict[str, Any]:
    body = copy.deepcopy(WHOLE)
    place = body
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return body


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (without("spec", "clientID"), "spec.clientID is required"),
        (without("spec", "redirectURL"), "spec.redirectURL is required"),
        (without("spec", "appSecretRef"), "spec.appSecretRef.name is required"),
        (without("spec", "login", "totp"), "spec.login.totp.secretRef.name is required"),
        (without("spec", "target"), "spec.target.name is required"),
        (with_("ab1234", "spec", "clientID"), "spec.clientID must look like AB1234"),
        (with_("Magic", "spec", "login", "mode"), "spec.login.mode must be Manual, TOTP or RefreshToken"),
        (with_("7:35", "spec", "schedule", "at"), "spec.schedule.at must be a time of day"),
        (with_("05:00", "spec", "schedule", "at"), "spec.schedule.at must be 06:00 or later"),
        (with_("08:30", "spec", "schedule", "at"), "spec.schedule.at must be before spec.schedule.readyBy"),
        (with_("ten minutes", "spec", "schedule", "jitter"), "spec.schedule.jitter must be a duration"),
        (with_("", "spec", "schedule", "jitter"), "spec.schedule.jitter must be a duration"),
        (with_("2h", "spec", "schedule", "jitter"), "spec.schedule.jitter must be at most 60m"),
        (with_("Weekdays", "spec", "schedule", "days"), "spec.schedule.days must be Daily or TradingDays"),
        (with_(["Daily"], "spec", "schedule", "days"), "spec.schedule.days must be Daily or TradingDays"),
        (with_("0s", "spec", "probe", "interval"), "spec.probe.interval must be from 1m to 1h"),
        (with_("alpha-app", "spec", "target", "name"), "spec.target.name must differ"),
        (with_("alpha-login", "spec", "target", "name"), "spec.target.name must differ"),
        (with_("alpha-kite-state", "spec", "target", "name"), "spec.target.name must differ"),
        (with_("alpha-kite-state", "spec", "appSecretRef", "name"), "spec.appSecretRef and"),
        (with_("alpha-kite-state", "spec", "login", "totp", "secretRef", "name"), "spec.appSecretRef and"),
        (with_("Keep", "spec", "target", "deletionPolicy"), "spec.target.deletionPolicy must be Delete or Retain"),
        (with_([], "spec", "target", "format"), "spec.target.format must be a list"),
        (with_("keys", "spec", "target", "format"), "spec.target.format must be a list"),
        (with_(["keys", "yaml"], "spec", "target", "format"), "spec.target.format must be a list"),
        (with_(["keys", "keys"], "spec", "target", "format"), "spec.target.format must be a list"),
        (with_([{}], "spec", "target", "format"), "spec.target.format must be a list"),
        (with_({"a": 1}, "spec", "target", "labels"), "spec.target.labels must map names to texts"),
    ],
)
def test_each_problem_names_its_field(body: dict[str, Any], problem: str) -> None:
    [found] = parse_credential(body).problems
    assert found.startswith(problem)


def test_all_problems_of_an_empty_credential_are_reported_at_once() -> None:
    found = " ".join(parse_credential({}).problems)
    for path in ("clientID", "redirectURL", "login.mode", "appSecretRef.name", "target.name"):
        assert f"spec.{path} is required" in found


@pytest.mark.parametrize("value", ["text", 7, [1], None, True, {"name": ["x"]}])
@pytest.mark.parametrize(
    "path",
    [
        ("spec",),
        ("spec", "login"),
        ("spec", "login", "totp"),
        ("spec", "target"),
        ("spec", "target", "labels"),
        ("spec", "target", "format"),
        ("spec", "target", "deletionPolicy"),
        ("spec", "schedule"),
        ("spec", "schedule", "days"),
        ("spec", "probe", "interval"),
        ("metadata", "annotations"),
        ("metadata", "generation"),
        ("status",),
        ("status", "conditions"),
        ("status", "failures"),
        ("status", "expiresTime"),
        ("status", "observedGeneration"),
        ("status", "lastReminder"),
        ("status", "rollout"),
        ("status", "rollout", "workloads"),
    ],
)
def test_a_field_of_another_type_never_raises(path: tuple[str, ...], value: object) -> None:
    parse_credential(with_(value, *path))


SPEC_PATHS = [
    ("clientID",),
    ("appSecretRef",),
    ("appSecretRef", "name"),
    ("notifySecretRef",),
    ("appType",),
    ("login", "mode"),
    ("login", "relogin"),
    ("login", "totp", "secretRef"),
    *(("schedule", name) for name in ("at", "readyBy", "jitter", "days")),
    ("probe", "interval"),
    *(("target", name) for name in ("deletionPolicy", "format", "labels", "annotations")),
    *(("rollout", name) for name in ("restart", "when", "marketHours")),
]


@pytest.mark.parametrize("path", SPEC_PATHS, ids=".".join)
@pytest.mark.parametrize("value", ["s3cret-text", ["s3cret-text"], {"s3cret-text": 7}, [{"kind": "s3cret-text"}]])
def test_no_problem_quotes_what_was_written(path: tuple[str, ...], value: object) -> None:
    problems = parse_credential(with_(value, "spec", *path)).problems
    assert "s3cret-text" not in " ".join(problems)


NAMES = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "clientID",
        "login",
        "mode",
        "totp",
        "secretRef",
        "name",
        "schedule",
        "at",
        "readyBy",
        "jitter",
        "days",
        "probe",
        "interval",
        "target",
        "labels",
        "annotations",
        "suspend",
        "deletionPolicy",
        "format",
        "keys",
        "conditions",
        "failures",
        "count",
        "lastTime",
        "type",
        "observedGeneration",
        "lastReminder",
        "deadline",
        "time",
        "mark",
        "rollout",
        "workloads",
        "2026-03-02T12:00:00Z",
        "TOTP",
        "07:35",
        "1h",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, ANYTHING, max_size=4))
def test_nothing_that_json_can_hold_raises(body: dict[str, Any]) -> None:
    parsed = parse_credential(body)
    assert parsed.problems or parsed.client_id


@pytest.mark.parametrize("text", ["10m", "1h", "90s", "1m30s", "0h5m"])
def test_durations_have_the_format_of_kubernetes(text: str) -> None:
    assert () == parse_credential(with_(text, "spec", "probe", "interval")).problems


def test_mode_manual_reads_no_login_secret() -> None:
    parsed = parse_credential(with_({"mode": "Manual", "totp": {"secretRef": {"name": "x"}}}, "spec", "login"))
    assert (None, ("alpha-app",)) == (parsed.login_secret, parsed.sources)
