"""A Secret that its owner lets a credential adopt: the values that are read, and those that are not trusted."""

import base64
from typing import Any

import pytest

from kite_operator.cluster.target import adoptable_session
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem
from support.facts import ACCESS_TOKEN, API_KEY, APP, CLIENT_ID, SECRETS, credential, ist

NOON = ist("12:00")


def secret(*, annotations: dict[str, str] | None = None, labels: dict[str, str] | None = None, **data: str) -> Any:
    given = {"kite-operator.dev/adopt-by": "alpha"} if annotations is None else annotations
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"metadata": {"name": "alpha-kite-token", "annotations": given, "labels": labels or {}}, "data": encoded}


def refreshed(at: str) -> dict[str, str]:
    return {"kite-operator.dev/adopt-by": "alpha", "kite-operator.dev/refreshed-at": at}


def test_the_client_is_always_the_credentials_own() -> None:
    found = adoptable_session(secret(access_token=ACCESS_TOKEN, user_id="XY9999"), credential(), APP, NOON)
    assert found is not None
    assert (CLIENT_ID, ACCESS_TOKEN, API_KEY) == (found.user_id, found.access_token.reveal(), found.api_key.reveal())


def test_the_app_is_the_secrets_own_when_it_names_one() -> None:
    found = adoptable_session(secret(access_token=ACCESS_TOKEN, api_key="another"), credential(), APP, NOON)
    assert found is not None
    assert "another" == found.api_key.reveal()


@pytest.mark.parametrize(("now", "expires"), [("05:59", 2), ("06:00", 3), ("07:29", 3), ("12:00", 3), ("23:59", 3)])
def test_a_token_that_works_now_expires_at_the_next_six_in_the_morning(now: str, expires: int) -> None:
    found = adoptable_session(secret(access_token=ACCESS_TOKEN), credential(), APP, ist(now))
    assert found is not None
    assert ist("06:00", day=expires) == found.expires_at


@pytest.mark.parametrize(
    ("login_time", "expected"),
    [
        ("2026-03-01T08:00:00+05:30", ist("08:00", day=1)),
        ("2026-03-02T13:00:00+05:30", NOON),
        ("yesterday", NOON),
    ],
)
def test_the_login_time_is_believed_unless_it_is_in_the_future(login_time: str, expected: Any) -> None:
    found = adoptable_session(
        secret(annotations=refreshed(login_time), access_token=ACCESS_TOKEN), credential(), APP, NOON
    )
    assert found is not None
    assert expected.astimezone(IST) == found.login_time


OURS = {"kite-operator.dev/role": "target", "kite-operator.dev/credential": "alpha"}
WHOLE = {"access_token": ACCESS_TOKEN, "api_key": API_KEY, "user_id": CLIENT_ID}


@pytest.mark.parametrize(
    "found",
    [
        None,
        secret(annotations={}, access_token=ACCESS_TOKEN),
        secret(annotations={"kite-operator.dev/adopt-by": "beta"}, access_token=ACCESS_TOKEN),
        secret(api_key=API_KEY),
        secret(annotations=refreshed("2026-03-02T08:00:00+05:30"), labels=OURS, **WHOLE),
        secret(access_token=ACCESS_TOKEN) | {"immutable": True},
        secret(access_token=ACCESS_TOKEN) | {"type": "kubernetes.io/tls"},
    ],
    ids=["absent", "not given", "given to another", "no token", "ours and whole", "immutable", "of another type"],
)
def test_a_secret_without_a_usable_session_is_not_adopted(found: Any) -> None:
    assert adoptable_session(found, credential(), APP, NOON) is None


def test_without_the_apps_keys_no_session_is_adopted() -> None:
    problem = Problem(Reason.APP_SECRET_INVALID, "")
    assert adoptable_session(secret(access_token=ACCESS_TOKEN), credential(), problem, NOON) is None


def test_the_repr_shows_no_secret() -> None:
    shown = repr(adoptable_session(secret(access_token=ACCESS_TOKEN, api_key=API_KEY), credential(), APP, NOON))
    assert not [each for each in SECRETS if each in shown]
