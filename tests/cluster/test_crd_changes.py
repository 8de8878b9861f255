"""What may change in a stored KiteCredential, and what its status subresource keeps."""

from collections.abc import Iterator

import pytest

from support.controlplane import ControlPlane
from support.kitecredential import Body, KiteCredentials, Refusal, RefusedError, changed, credential, totp

pytestmark = pytest.mark.usefixtures("crd")

FOREVER = "clientID cannot change: create a new KiteCredential for another client"


@pytest.fixture
def credentials(control_plane: ControlPlane, namespace: str) -> Iterator[KiteCredentials]:
    api = KiteCredentials(control_plane.kubeconfig, namespace)
    yield api
    api.close()


@pytest.fixture
def stored(credentials: KiteCredentials) -> Body:
    return credentials.create(credential())


def condition(kind: str, status: str) -> Body:
    return {
        "type": kind,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-03-02T07:35:10+05:30",
        "reason": "SessionActive",
        "message": "The token works.",
    }


def full_status() -> Body:
    return {
        "observedGeneration": 1,
        "conditions": [condition(kind, "True") for kind in ("Ready", "Authenticated", "LoginRequired", "Blocked")],
        "userID": "AB1234",
        "expiresTime": "2026-03-03T06:00:00+05:30",
        "lastRefreshTime": "2026-03-02T07:35:10+05:30",
        "nextRefreshTime": "2026-03-03T07:35:00+05:30",
        "secretName": "alpha-kite-token",
        "lastHandledRefresh": "2026-03-02",
        "lastHandledAcknowledge": "b1",
        "blockID": "b2",
        "loginURL": "https://kite-login.example.com/login/desk/alpha",
        "lastLogin": {
            "grant": "alpha-login-0123456789abcdef",
            "reason": "Refreshed",
            "message": "A new token is in the Secret.",
            "time": "2026-03-02T07:35:10+05:30",
        },
        "lastReminder": {
            "deadline": "2026-03-02T08:45:00+05:30",
            "mark": "Early",
            "time": "2026-03-02T08:15:00+05:30",
        },
        "failures": {
            "count": 2,
            "reason": "BrokerUnavailable",
            "lastTime": "2026-03-02T07:36:10+05:30",
            "nextRetryTime": "2026-03-02T07:38:10+05:30",
        },
    }


@pytest.mark.usefixtures("stored")
def test_the_client_id_cannot_be_patched(credentials: KiteCredentials) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.patch("alpha", {"spec": {"clientID": "CD5678"}})

    assert (Refusal("spec.clientID", f'Invalid value: "CD5678": {FOREVER}'),) == refused.value.causes


def test_the_client_id_cannot_change_with_the_whole_object(credentials: KiteCredentials, stored: Body) -> None:
    with pytest.raises(RefusedError) as refused:
        credentials.replace("alpha", changed(stored, {"spec.clientID": "CD5678"}))

    assert (Refusal("spec.clientID", f'Invalid value: "CD5678": {FOREVER}'),) == refused.value.causes


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("patch", [{"spec": None}, {"spec": {"clientID": None}}], ids=["spec", "clientID"])
def test_the_client_id_cannot_be_changed_by_way_of_its_removal(credentials: KiteCredentials, patch: Body) -> None:
    with pytest.raises(RefusedError, match="Required value"):
        credentials.patch("alpha", patch)


@pytest.mark.usefixtures("stored")
def test_everything_else_can_change(credentials: KiteCredentials) -> None:
    spec = {
        "appSecretRef": {"name": "other-app"},
        "redirectURL": "https://other.example.com/callback",
        "login": totp("other-login"),
        "schedule": {"at": "07:40", "readyBy": "08:50", "jitter": "5m"},
        "probe": {"interval": "2m"},
        "target": {
            "name": "other-token",
            "deletionPolicy": "Retain",
            "format": ["env", "file"],
            "labels": {"desk": "b"},
            "annotations": {"desk": "b"},
        },
        "suspend": True,
    }

    assert {"clientID": "AB1234", **spec} == credentials.patch("alpha", {"spec": spec})["spec"]


@pytest.mark.usefixtures("stored")
def test_a_change_that_breaks_a_rule_is_refused(credentials: KiteCredentials) -> None:
    with pytest.raises(RefusedError, match=r"login\.mode TOTP needs login\.totp\.secretRef\.name"):
        credentials.patch("alpha", {"spec": {"login": {"mode": "TOTP"}}})


@pytest.mark.usefixtures("stored")
def test_every_field_of_the_status_is_kept_as_written(credentials: KiteCredentials) -> None:
    assert full_status() == credentials.patch_status("alpha", {"status": full_status()})["status"]


@pytest.mark.usefixtures("stored")
def test_a_status_does_not_change_the_spec_nor_the_generation(credentials: KiteCredentials) -> None:
    answer = credentials.patch_status("alpha", {"spec": {"suspend": True}, "status": {"userID": "AB1234"}})

    assert credential()["spec"] == answer["spec"]
    assert answer["metadata"]["generation"] == 1


@pytest.mark.usefixtures("stored")
def test_a_spec_does_not_change_the_status_but_the_generation(credentials: KiteCredentials) -> None:
    credentials.patch_status("alpha", {"status": {"userID": "AB1234"}})

    answer = credentials.patch("alpha", {"spec": {"suspend": True}, "status": {"userID": "CD5678"}})

    assert answer["status"] == {"userID": "AB1234"}
    assert answer["metadata"]["generation"] == 2


def test_a_status_in_a_new_credential_is_dropped(credentials: KiteCredentials) -> None:
    answer = credentials.create({**credential(), "status": full_status()})

    assert "status" not in answer


@pytest.mark.usefixtures("stored")
def test_an_annotation_of_any_length_can_be_recorded_as_handled(credentials: KiteCredentials) -> None:
    value = "x" * 200_000
    credentials.patch("alpha", {"metadata": {"annotations": {"kite-operator.dev/refresh": value}}})

    answer = credentials.patch_status("alpha", {"status": {"lastHandledRefresh": value}})

    assert answer["status"]["lastHandledRefresh"] == value


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"expiresTime": "tomorrow"}, "must be of type date-time"),
        ({"failures": {"count": -1}}, "should be greater than or equal to 0"),
        ({"conditions": [condition("Ready", "Yes")]}, "supported values"),
        ({"conditions": [condition("Ready", "True"), condition("Ready", "False")]}, "Duplicate value"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "Required value"),
    ],
    ids=["a time in words", "a negative count", "a status in other words", "one type twice", "a condition cut short"],
)
def test_a_status_is_refused_for(credentials: KiteCredentials, status: Body, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        credentials.patch_status("alpha", {"status": status})


def test_a_field_that_does_not_exist_is_not_stored(credentials: KiteCredentials) -> None:
    answer = credentials.create_leniently(changed(credential(), {"spec.appKind": "Trading"}))

    assert credential()["spec"] == answer["spec"]


def test_credentials_are_selected_by_client_mode_and_target(credentials: KiteCredentials) -> None:
    credentials.create(credential("manual"))
    other = {"spec.clientID": "CD5678", "spec.login": totp("login"), "spec.target.name": "other-token"}
    credentials.create(changed(credential("totp"), other))

    assert credentials.names("spec.clientID=AB1234") == {"manual"}
    assert credentials.names("spec.login.mode=TOTP") == {"totp"}
    assert credentials.names("spec.target.name=other-token") == {"totp"}
    assert credentials.names("spec.clientID=AB1234,spec.login.mode=TOTP") == set()
