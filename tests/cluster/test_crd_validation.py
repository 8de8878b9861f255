"""What the API server accepts as a KiteCredential, and what it answers to the rest.

Each case is a dry run against a real API server, which evaluates every rule but the ones about changes
(test_crd_changes.py).
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kite_operator.model.rollout import KINDS
from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.kitecredential import KiteCredentials, Refusal, RefusedError, changed, credential, totp

pytestmark = pytest.mark.usefixtures("crd")

# The longest domain that Kubernetes accepts before the slash of a label or annotation key: 253 characters.
LONGEST_DOMAIN = ".".join(["d" * 63, "d" * 63, "d" * 63, "d" * 61])

CLIENT_ID = (
    "clientID must be a Zerodha client ID, such as AB1234: a capital letter, then 3 to 11 capital letters or digits"
)
COMPLETE_URL = (
    "redirectURL must be the complete URL registered in the Kite Connect console, such as "
    "https://desk.example.com/kite/callback"
)
HTTPS = (
    "redirectURL must start with https:// (plain http:// is allowed for 127.0.0.1 and localhost only): register an "
    "https URL in the Kite Connect console"
)
PORT = "redirectURL has a port out of range: use one from 1 to 65535"
USERINFO = "redirectURL must not carry a user name or password: remove what stands before the @"
FRAGMENT = "redirectURL must not have a fragment: remove the # and what follows it"
NEEDS_TOTP = "login.mode TOTP needs login.totp.secretRef.name: name the Secret with the keys password and totp_secret"
TOTP_ONLY = "login.totp is used with login.mode TOTP only: remove it, or set the mode to TOTP"
AT_FORM = "schedule.at must be a time of the day as HH:MM, such as 07:35"
AT_EARLY = (
    "schedule.at must be 06:00 or later: Kite ends every session at 06:00 Indian time, so a login before that would "
    "not last"
)
READY_FORM = "schedule.readyBy must be a time of the day as HH:MM, such as 08:45"
JITTER = "schedule.jitter must be a duration from 0s to 60m, such as 10m or 1m30s"
AT_ORDER = (
    "schedule.at (07:35 when not set) must be before schedule.readyBy (08:45 when not set): set an earlier at or a "
    "later readyBy"
)
TOO_LATE = (
    "schedule.at (07:35 when not set) plus schedule.jitter (10m when not set) must not pass schedule.readyBy (08:45 "
    "when not set): set an earlier at, a smaller jitter or a later readyBy"
)
INTERVAL = "probe.interval must be a duration from 1m to 1h, such as 5m or 2m30s"
SECRET_NAME = "lower case letters, digits, - and ., starting and ending with a letter or digit"
STATE_SECRET = "is the operator's own state Secret (the name of this KiteCredential followed by -kite-state)"
OWN_NAME = "choose a name of its own for the Secret that the operator writes"
LONG_NAME = "metadata.name must be at most 63 characters, because it becomes a label value: choose a shorter name"
LABEL_KEY = (
    "target.labels has a key that is not a label key: use a name of at most 63 letters, digits, -, _ and ., "
    "optionally after a lower case domain and a slash"
)
LABEL_VALUE = (
    "target.labels has a value that is not a label value: use at most 63 letters, digits, -, _ and ., starting and "
    "ending with a letter or digit"
)
ANNOTATION_KEY = LABEL_KEY.replace("target.labels", "target.annotations").replace("a label key", "an annotation key")
NO_FORMAT = (
    "target.format is empty, so that pods would get nothing: name at least one of keys, env, file and json, or remove "
    "the field"
)
FORMAT_TWICE = "target.format must name each format once: remove the repeated one"
TRADER = {"kind": "Deployment", "name": "trader"}
NO_WORKLOAD = "rollout.restart is empty: name at least one workload by kind and name, or remove spec.rollout"
WORKLOAD_TWICE = "rollout.restart must name each workload once: remove the repeated one"
WORKLOAD_NAME = f"rollout.restart[].name must be the name of a workload: {SECRET_NAME}"
HOURS = "rollout.marketHours must be two times of the day as HH:MM-HH:MM, such as 09:00-15:30"
HOURS_ORDER = "rollout.marketHours must start before it ends, within one day: set the earlier time first"
RESERVED = (
    "must not use keys under kubernetes.io/, k8s.io/ or kite-operator.dev/: they belong to Kubernetes and the "
    "operator; use a domain of your own"
)


# Every case is a dry run, which leaves nothing behind that the next case could meet: one namespace serves them all.
@pytest.fixture(scope="module")
def credentials(control_plane: ControlPlane, kubectl: Kubectl) -> Iterator[KiteCredentials]:
    with namespace_in(kubectl, f"crd-validation-{uuid.uuid4().hex[:12]}") as namespace:
        api = KiteCredentials(control_plane.kubeconfig, namespace)
        yield api
        api.close()


@dataclass(frozen=True, slots=True)
class Good:
    """A KiteCredential that differs from the smallest valid one by `changes`, and why it is valid."""

    sentence: str
    changes: dict[str, Any]


GOOD = [
    Good("the smallest one", {}),
    Good("a name of 63 characters", {"metadata.name": "a" * 63}),
    Good("a name with dots", {"metadata.name": "desk.alpha"}),
    Good("the shortest client ID", {"spec.clientID": "ABCD"}),
    Good("the longest client ID", {"spec.clientID": "A12345678901"}),
    Good("a login Secret", {"spec.login": totp("alpha-login")}),
    Good("mode RefreshToken", {"spec.login": {"mode": "RefreshToken"}}),
    Good("one Secret for the app and the login", {"spec.login": totp("alpha-app")}),
    Good("a Secret name of 253 characters", {"spec.appSecretRef.name": "a" * 253}),
    Good("a Secret name with dots", {"spec.target.name": "kite.alpha-1"}),
    Good("a state Secret's name of another credential", {"spec.target.name": "other-kite-state"}),
    Good("a redirect URL without a path", {"spec.redirectURL": "https://kite.example.com"}),
    Good("a redirect URL with a query", {"spec.redirectURL": "https://kite.example.com/cb?desk=a&b=c%20d"}),
    Good("a redirect URL with an @ in its path", {"spec.redirectURL": "https://kite.example.com/@desk"}),
    Good("a redirect URL with the last port", {"spec.redirectURL": "https://kite.example.com:65535/"}),
    Good("a redirect URL of an IPv6 address", {"spec.redirectURL": "https://[2001:db8::1]/callback"}),
    Good("a plain redirect URL of the own machine", {"spec.redirectURL": "http://127.0.0.1:8080/callback"}),
    Good("a plain redirect URL of localhost", {"spec.redirectURL": "http://localhost/callback"}),
    Good("an empty schedule", {"spec.schedule": {}}),
    Good("the earliest time", {"spec.schedule.at": "06:00"}),
    Good("a time whose jitter ends when all must be ready", {"spec.schedule.at": "08:35"}),
    Good("a deadline when the default jitter ends", {"spec.schedule.readyBy": "07:45"}),
    Good("no jitter", {"spec.schedule": {"at": "08:44", "jitter": "0s"}}),
    Good("the longest jitter", {"spec.schedule.jitter": "60m"}),
    Good("a jitter of mixed units", {"spec.schedule": {"at": "23:57", "readyBy": "23:59", "jitter": "1m30s"}}),
    Good("a refresh on every day", {"spec.schedule.days": "Daily"}),
    Good("a refresh on trading days", {"spec.schedule.days": "TradingDays"}),
    Good("an empty probe", {"spec.probe": {}}),
    Good("the shortest probe interval", {"spec.probe.interval": "60s"}),
    Good("the longest probe interval", {"spec.probe.interval": "1h"}),
    Good("an own label", {"spec.target.labels": {"team": "alpha", "example.com/desk_1": "", "e.io/a.b": "A.b-c_1"}}),
    Good("the longest label", {"spec.target.labels": {f"{LONGEST_DOMAIN}/{'k' * 63}": "v" * 63}}),
    Good("a domain that holds a reserved one", {"spec.target.labels": {"kubernetes.io.example.com/a": "b"}}),
    Good("as many annotations as allowed", {"spec.target.annotations": {f"example.com/{n}": "" for n in range(32)}}),
    Good("a long annotation of any text", {"spec.target.annotations": {"example.com/note": "\u20b9 {}\n" * 204}}),
    Good("a Secret that goes with its credential", {"spec.target.deletionPolicy": "Delete"}),
    Good("a Secret that stays", {"spec.target.deletionPolicy": "Retain"}),
    Good("a workload to restart", {"spec.rollout": {"restart": [TRADER]}}),
    Good(
        "workloads of every kind under one name",
        {"spec.rollout": {"restart": [{**TRADER, "kind": kind} for kind in KINDS]}},
    ),
    Good("sixteen workloads", {"spec.rollout": {"restart": [{**TRADER, "name": f"t-{n}"} for n in range(16)]}}),
    Good("a workload's name of 253 characters", {"spec.rollout": {"restart": [{**TRADER, "name": "a" * 253}]}}),
    Good(
        "restarts at any time, and other hours",
        {"spec.rollout": {"restart": [TRADER], "when": "Always", "marketHours": "00:00-23:59"}},
    ),
    Good("every format in any order", {"spec.target.format": ["json", "keys", "file", "env"]}),
    Good("a notification Secret", {"spec.notifySecretRef": {"name": "alpha-notify"}}),
    Good("one Secret for the app and the notifications", {"spec.notifySecretRef": {"name": "alpha-app"}}),
    Good("a suspended credential", {"spec.suspend": True}),
    Good("a class", {"spec.className": "desk-1"}),
    Good("no class, said so", {"spec.className": ""}),
    Good("a class of 63 characters", {"spec.className": "c" * 63}),
    Good("an app that reads only", {"spec.appType": "Connect"}),
    Good("one session a day", {"spec.login": {"mode": "RefreshToken", "relogin": "Daily"}}),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.sentence)
def test_the_server_accepts_and_stores_it_as_written(credentials: KiteCredentials, good: Good) -> None:
    body = changed(credential(), good.changes)

    stored = credentials.try_out(body)

    assert body["spec"] == stored["spec"]


@dataclass(frozen=True, slots=True)
class Bad:
    """A KiteCredential that differs from the smallest valid one by `changes`, and all that the server says of it.

    A refusal's message is what the server's must end with: it puts the refused value in front.
    """

    sentence: str
    changes: dict[str, Any]
    refusals: tuple[Refusal, ...]


def bad(sentence: str, changes: dict[str, Any], path: str, message: str) -> Bad:
    return Bad(sentence, changes, (Refusal(path, message),))


def bad_id(sentence: str, client_id: str) -> Bad:
    return bad(sentence, {"spec.clientID": client_id}, "spec.clientID", CLIENT_ID)


def bad_url(sentence: str, url: str, *messages: str) -> Bad:
    refusals = tuple(Refusal("spec.redirectURL", message) for message in messages)
    return Bad(sentence, {"spec.redirectURL": url}, refusals)


def bad_schedule(sentence: str, schedule: dict[str, str], message: str, *, place: str = "spec.schedule") -> Bad:
    return bad(sentence, {"spec.schedule": schedule}, place, message)


def bad_at(sentence: str, at: str, message: str) -> Bad:
    return bad_schedule(sentence, {"at": at}, message, place="spec.schedule.at")


def bad_jitter(sentence: str, jitter: str) -> Bad:
    return bad_schedule(sentence, {"jitter": jitter}, JITTER, place="spec.schedule.jitter")


def bad_interval(sentence: str, interval: str) -> Bad:
    return bad(sentence, {"spec.probe.interval": interval}, "spec.probe.interval", INTERVAL)


def bad_label(sentence: str, key: str, message: str) -> Bad:
    return bad(sentence, {"spec.target.labels": {key: "v"}}, "spec.target.labels", message)


def bad_annotation(sentence: str, key: str, message: str) -> Bad:
    return bad(sentence, {"spec.target.annotations": {key: "v"}}, "spec.target.annotations", message)


CLASS_NAME = (
    "className must be lower case letters, digits and -, starting and ending with a letter or digit, as given to the "
    "operator's --class-name; remove it for the operator without a class"
)
NAMES = [
    bad("a class with capital letters", {"spec.className": "Desk"}, "spec.className", CLASS_NAME),
    bad("a class that ends in a dash", {"spec.className": "desk-"}, "spec.className", CLASS_NAME),
    bad("a name of 64 characters", {"metadata.name": "a" * 64}, "metadata.name", LONG_NAME),
    bad(
        "the state Secret as target",
        {"spec.target.name": "alpha-kite-state"},
        "spec.target.name",
        f"target.name {STATE_SECRET}: choose another name",
    ),
    bad(
        "the state Secret as app Secret",
        {"spec.appSecretRef.name": "alpha-kite-state"},
        "spec.appSecretRef.name",
        f"appSecretRef.name {STATE_SECRET}: keep the app's key and secret in another Secret",
    ),
    bad(
        "the state Secret as login Secret",
        {"spec.login": totp("alpha-kite-state")},
        "spec.login.totp.secretRef.name",
        f"login.totp.secretRef.name {STATE_SECRET}: keep the login in another Secret",
    ),
    bad(
        "the app Secret as target",
        {"spec.target.name": "alpha-app"},
        "spec.target.name",
        f"target.name is the Secret that appSecretRef reads: {OWN_NAME}",
    ),
    bad(
        "the login Secret as target",
        {"spec.login": totp("alpha-kite-token")},
        "spec.target.name",
        f"target.name is the Secret that login.totp.secretRef reads: {OWN_NAME}",
    ),
    bad(
        "an app Secret name in capitals",
        {"spec.appSecretRef.name": "Alpha"},
        "spec.appSecretRef.name",
        f"appSecretRef.name must be the name of a Secret: {SECRET_NAME}",
    ),
    bad(
        "a login Secret in another namespace",
        {"spec.login": totp("other/alpha-login")},
        "spec.login.totp.secretRef.name",
        f"login.totp.secretRef.name must be the name of a Secret: {SECRET_NAME}",
    ),
    bad(
        "an empty target name",
        {"spec.target.name": ""},
        "spec.target.name",
        f"target.name must be a valid name for a Secret: {SECRET_NAME}",
    ),
    bad(
        "the state Secret as notification Secret",
        {"spec.notifySecretRef": {"name": "alpha-kite-state"}},
        "spec.notifySecretRef.name",
        f"notifySecretRef.name {STATE_SECRET}: keep the notification URLs in another Secret",
    ),
    bad(
        "the notification Secret as target",
        {"spec.notifySecretRef": {"name": "alpha-kite-token"}},
        "spec.target.name",
        f"target.name is the Secret that notifySecretRef reads: {OWN_NAME}",
    ),
    bad(
        "a notification Secret in another namespace",
        {"spec.notifySecretRef": {"name": "other/alpha"}},
        "spec.notifySecretRef.name",
        f"notifySecretRef.name must be the name of a Secret: {SECRET_NAME}",
    ),
    bad("no workload at all", {"spec.rollout": {"restart": []}}, "spec.rollout.restart", NO_WORKLOAD),
    bad("a workload twice", {"spec.rollout": {"restart": [TRADER, TRADER]}}, "spec.rollout.restart", WORKLOAD_TWICE),
    bad(
        "a workload's name in capitals",
        {"spec.rollout": {"restart": [{**TRADER, "name": "Trader"}]}},
        "spec.rollout.restart[0].name",
        WORKLOAD_NAME,
    ),
    bad(
        "a workload's name that leads elsewhere",
        {"spec.rollout": {"restart": [TRADER, {**TRADER, "name": "../trader"}]}},
        "spec.rollout.restart[1].name",
        WORKLOAD_NAME,
    ),
    *(
        bad(
            f"market hours of {hours!r}",
            {"spec.rollout": {"restart": [TRADER], "marketHours": hours}},
            "spec.rollout.marketHours",
            HOURS,
        )
        for hours in ("", "09:00", "9:00-15:30", "09:00-24:00", "09:00 15:30")
    ),
    *(
        bad(
            f"market hours of {hours!r}",
            {"spec.rollout": {"restart": [TRADER], "marketHours": hours}},
            "spec.rollout.marketHours",
            HOURS_ORDER,
        )
        for hours in ("15:30-09:00", "09:00-09:00")
    ),
    bad("no format at all", {"spec.target.format": []}, "spec.target.format", NO_FORMAT),
    bad("a format twice", {"spec.target.format": ["env", "env"]}, "spec.target.format", FORMAT_TWICE),
]
CLIENT_IDS = [
    bad_id("an empty client ID", ""),
    bad_id("a client ID in lower case", "ab1234"),
    bad_id("a client ID that starts with a digit", "1B1234"),
    bad_id("a client ID of three characters", "AB1"),
    bad_id("a client ID with a line break", "AB1234\n"),
]
LOGINS = [
    bad("mode TOTP without a login Secret", {"spec.login.mode": "TOTP"}, "spec.login.totp", NEEDS_TOTP),
    bad(
        "mode Manual with a login Secret",
        {"spec.login": {**totp("alpha-login"), "mode": "Manual"}},
        "spec.login.totp",
        TOTP_ONLY,
    ),
    bad(
        "mode RefreshToken with a login Secret",
        {"spec.login": {**totp("alpha-login"), "mode": "RefreshToken"}},
        "spec.login.totp",
        TOTP_ONLY,
    ),
    bad(
        "a mode that does not exist",
        {"spec.login.mode": "Automatic"},
        "spec.login.mode",
        'Unsupported value: "Automatic": supported values: "Manual", "TOTP", "RefreshToken"',
    ),
]
URLS = [
    bad_url("an empty redirect URL", "", COMPLETE_URL),
    bad_url("a path as redirect URL", "/callback", COMPLETE_URL),
    bad_url("a redirect URL without a host", "https:///callback", COMPLETE_URL),
    bad_url("a redirect URL without slashes", "https:kite.example.com", COMPLETE_URL),
    bad_url("a script as redirect URL", "javascript:alert(1)", COMPLETE_URL),
    bad_url("a redirect URL with a blank", "https://kite.example.com/a b", COMPLETE_URL),
    bad_url("a redirect URL with a line break", "https://kite.example.com/\n", COMPLETE_URL),
    bad_url("a redirect URL with a broken escape", "https://kite.example.com/%zz", COMPLETE_URL),
    bad_url("a redirect URL with letters in the port", "https://kite.example.com:http/", COMPLETE_URL),
    bad_url("a redirect URL with an unencoded host", "https://b\u00fccher.example/", COMPLETE_URL),
    bad_url("a redirect URL without a scheme", "//kite.example.com/callback", HTTPS),
    bad_url("a redirect URL of another scheme", "ftp://kite.example.com/callback", HTTPS),
    bad_url("a plain redirect URL of another machine", "http://kite.example.com/callback", HTTPS),
    bad_url("a plain redirect URL that only starts like localhost", "http://localhost.example.com/", HTTPS),
    bad_url("a plain redirect URL of another loopback address", "http://127.0.0.2/", HTTPS),
    bad_url("a redirect URL with port 0", "https://kite.example.com:0/", PORT),
    bad_url("a redirect URL with a port too high", "https://kite.example.com:65536/", PORT),
    bad_url("a redirect URL with a port far too high", "https://kite.example.com:99999999999999999999/", PORT),
    bad_url("a redirect URL with a user", "https://me@kite.example.com/", USERINFO),
    bad_url("a redirect URL with a password", "https://me:made-up@kite.example.com/", USERINFO),
    bad_url("a user behind a backslash", "https://kite.example.com\\@evil.example/", COMPLETE_URL, USERINFO),
    bad_url("a redirect URL with a fragment", "https://kite.example.com/#done", FRAGMENT),
    bad_url("a redirect URL with an empty fragment", "https://kite.example.com/#", FRAGMENT),
]
SCHEDULES = [
    bad_at("a time without its leading zero", "7:35", AT_FORM),
    bad_at("a time after midnight of the day", "24:00", AT_FORM),
    bad_at("an empty time", "", AT_FORM),
    bad_at("a time before the sessions of the day before end", "05:59", AT_EARLY),
    bad_schedule("a deadline that is no time", {"readyBy": "08.45"}, READY_FORM, place="spec.schedule.readyBy"),
    bad_schedule("a time at the default deadline", {"at": "08:45"}, AT_ORDER),
    bad_schedule("a deadline before the default time", {"readyBy": "07:00"}, AT_ORDER),
    bad_schedule("a time at its deadline", {"at": "08:00", "readyBy": "08:00", "jitter": "0s"}, AT_ORDER),
    bad_schedule("a time whose default jitter passes the default deadline", {"at": "08:36"}, TOO_LATE),
    bad_schedule("a deadline within the default jitter", {"readyBy": "07:44"}, TOO_LATE),
    bad_schedule("a jitter that passes a deadline", {"readyBy": "08:00", "jitter": "25m1s"}, TOO_LATE),
    bad_schedule("all three in conflict", {"at": "09:00", "readyBy": "09:30", "jitter": "31m"}, TOO_LATE),
    bad_jitter("an empty jitter", ""),
    bad_jitter("a jitter without a unit", "10"),
    bad_jitter("a negative jitter", "-1m"),
    bad_jitter("a jitter with a fraction", "1.5m"),
    bad_jitter("a jitter with its units out of order", "30s1m"),
    bad_jitter("a jitter above an hour", "1h1s"),
    bad_interval("a probe interval below a minute", "59s"),
    bad_interval("a probe interval above an hour", "61m"),
    bad_interval("a probe interval of nothing", "0s"),
    bad_interval("an empty probe interval", ""),
]
METADATA = [
    bad_label("a label of Kubernetes", "app.kubernetes.io/name", f"target.labels {RESERVED}"),
    bad_label("a label of a domain that ends like Kubernetes'", "mykubernetes.io/name", f"target.labels {RESERVED}"),
    bad_label("a label of k8s.io", "node.k8s.io/name", f"target.labels {RESERVED}"),
    bad_label("a label of the operator", "kite-operator.dev/role", f"target.labels {RESERVED}"),
    bad_label("a label with a capital domain", "Kubernetes.io/name", LABEL_KEY),
    bad_label("a label without a name", "example.com/", LABEL_KEY),
    bad_label("a label with two slashes", "example.com/a/b", LABEL_KEY),
    bad_label("a label with a name of 64 characters", "k" * 64, LABEL_KEY),
    bad_label("a label with a domain of 254 characters", f"d{LONGEST_DOMAIN}/k", LABEL_KEY),
    bad("a label value with a blank", {"spec.target.labels": {"desk": "a b"}}, "spec.target.labels[desk]", LABEL_VALUE),
    bad_annotation("an annotation of Kubernetes", "kubernetes.io/change-cause", f"target.annotations {RESERVED}"),
    bad_annotation("an annotation of k8s.io", "k8s.io/note", f"target.annotations {RESERVED}"),
    bad_annotation("an annotation of the operator", "kite-operator.dev/adopt-by", f"target.annotations {RESERVED}"),
    bad_annotation("an annotation with a blank", "my note", ANNOTATION_KEY),
    bad_annotation("an annotation with a domain too long", f"d{LONGEST_DOMAIN}/k", ANNOTATION_KEY),
]


BAD = [*NAMES, *CLIENT_IDS, *LOGINS, *URLS, *SCHEDULES, *METADATA]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.sentence)
def test_the_server_refuses_it_and_says_what_to_do(credentials: KiteCredentials, bad: Bad) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), bad.changes))

    causes = [cause for cause in refused.value.causes if not incomplete(cause)]
    assert len(bad.refusals) == len(causes), causes
    for expected, cause in zip(bad.refusals, causes, strict=True):
        assert expected.field == cause.field
        assert cause.message.endswith(expected.message), cause.message


def incomplete(cause: Refusal) -> bool:
    """Whether this only says that the plain schema does not hold, so that the rules were not evaluated."""
    return cause.field == "<nil>" and "some validation rules were not checked" in cause.message


def rules(schema: Any) -> Iterator[dict[str, str]]:
    """Every CEL rule of a schema and of the schemas in it."""
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", [])
        for child in schema.values():
            yield from rules(child)


def test_every_rule_of_the_stored_crd_has_a_case(kubectl: Kubectl) -> None:
    stored = json.loads(kubectl("get", "crd", "kitecredentials.kite-operator.dev", "--output", "json").stdout)
    schema = stored["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    messages = {rule["message"] for rule in rules(schema) if "oldSelf" not in rule["rule"]}

    assert messages == {refusal.message for case in BAD for refusal in case.refusals if refusal.message in messages}


REQUIRED = [
    "spec",
    "spec.clientID",
    "spec.appSecretRef",
    "spec.appSecretRef.name",
    "spec.redirectURL",
    "spec.login",
    "spec.login.mode",
    "spec.target",
    "spec.target.name",
]


@pytest.mark.parametrize("path", REQUIRED)
def test_the_server_refuses_a_credential_without(credentials: KiteCredentials, path: str) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {path: None}))

    assert Refusal(path, "Required value") in refused.value.causes


def test_the_server_refuses_a_notification_secret_without_its_name(credentials: KiteCredentials) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {"spec.notifySecretRef": {}}))

    assert Refusal("spec.notifySecretRef.name", "Required value") in refused.value.causes


@pytest.mark.parametrize(
    ("rollout", "path"),
    [
        ({}, "spec.rollout.restart"),
        ({"restart": [{"kind": "Deployment"}]}, "spec.rollout.restart[0].name"),
        ({"restart": [{"name": "trader"}]}, "spec.rollout.restart[0].kind"),
    ],
)
def test_the_server_refuses_a_rollout_without(credentials: KiteCredentials, rollout: object, path: str) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {"spec.rollout": rollout}))

    assert Refusal(path, "Required value") in refused.value.causes


def test_the_server_refuses_a_login_without_the_name_of_its_secret(credentials: KiteCredentials) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {"spec.login": {"mode": "TOTP", "totp": {"secretRef": {}}}}))

    assert Refusal("spec.login.totp.secretRef.name", "Required value") in refused.value.causes


TOO_LONG = [
    ("spec.clientID", "A" * 13, "Too long: may not be more than 12 bytes"),
    ("spec.appSecretRef.name", "a" * 254, "Too long: may not be more than 253 bytes"),
    ("spec.redirectURL", f"https://kite.example.com/{'a' * 2048}", "Too long: may not be more than 2048 bytes"),
    ("spec.target.name", "a" * 254, "Too long: may not be more than 253 bytes"),
    ("spec.notifySecretRef.name", "a" * 254, "Too long: may not be more than 253 bytes"),
    ("spec.className", "c" * 64, "Too long: may not be more than 63 bytes"),
    ("spec.schedule.at", "07:35:00", "Too long: may not be more than 5 bytes"),
    ("spec.probe.interval", "5m" * 9, "Too long: may not be more than 16 bytes"),
    (
        "spec.rollout.restart",
        [{**TRADER, "name": f"t-{n}"} for n in range(17)],
        "Too many: 17: must have at most 16 items",
    ),
    ("spec.target.format", ["keys"] * 5, "Too many: 5: must have at most 4 items"),
    ("spec.target.labels", {f"k{n}": "" for n in range(33)}, "Too many: 33: must have at most 32 items"),
    ("spec.target.annotations", {f"k{n}": "" for n in range(33)}, "Too many: 33: must have at most 32 items"),
]


@pytest.mark.parametrize(("path", "value", "message"), TOO_LONG, ids=[path for path, _, _ in TOO_LONG])
def test_the_server_bounds(credentials: KiteCredentials, path: str, value: Any, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {path: value}))

    assert Refusal(path, message) in refused.value.causes


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("spec.target.deletionPolicy", "Keep", "spec.target.deletionPolicy"),
        ("spec.target.deletionPolicy", "", "spec.target.deletionPolicy"),
        ("spec.schedule.days", "Weekdays", "spec.schedule.days"),
        ("spec.schedule.days", "tradingDays", "spec.schedule.days"),
        ("spec.schedule.days", "", "spec.schedule.days"),
        ("spec.appType", "ReadOnly", "spec.appType"),
        ("spec.login", {"mode": "Manual", "relogin": "Never"}, "spec.login.relogin"),
        ("spec.target.format", ["keys", "yaml"], "spec.target.format[1]"),
        ("spec.rollout", {"restart": [TRADER], "when": "Sometimes"}, "spec.rollout.when"),
        ("spec.rollout", {"restart": [{**TRADER, "kind": "Job"}]}, "spec.rollout.restart[0].kind"),
    ],
)
def test_the_server_offers_what_there_is_to_choose(
    credentials: KiteCredentials, path: str, value: Any, place: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), {path: value}))

    [cause] = [cause for cause in refused.value.causes if cause.field == place]
    assert "supported values: " in cause.message


def test_a_field_that_does_not_exist_is_refused_by_name(credentials: KiteCredentials) -> None:
    with pytest.raises(RefusedError, match=r'unknown field "spec\.clientId"'):
        credentials.try_out(changed(credential(), {"spec.clientId": "AB1234"}))


def test_all_that_is_wrong_is_said_at_once(credentials: KiteCredentials) -> None:
    changes = {
        "metadata.name": "a" * 64,
        "spec.clientID": "ab1234",
        "spec.redirectURL": "http://me@kite.example.com/#done",
        "spec.schedule.at": "05:00",
        "spec.target.name": "alpha-app",
    }

    with pytest.raises(RefusedError) as refused:
        credentials.try_out(changed(credential(), changes))

    said = " ".join(cause.message for cause in refused.value.causes)
    expected = [LONG_NAME, CLIENT_ID, HTTPS, USERINFO, FRAGMENT, AT_EARLY, OWN_NAME]
    assert expected == [message for message in expected if message in said]
