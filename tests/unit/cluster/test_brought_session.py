"""A Secret that its owner gives to a credential: what is read from it, and what is not believed."""

import base64
from typing import Any

import pytest

from kite_operator.cluster.target import brought_session
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


def test_the_client_is_the_credentials_own_whatever_the_secret_says() -> None:
    found = brought_session(secret(access_token=ACCESS_TOKEN, user_id="XY9999"), credential(), APP, NOON)
    assert found is not None
    assert (CLIENT_ID, ACCESS_TOKEN, API_KEY) == (found.user_id, found.access_token.reveal(), found.api_key.reveal())


def test_the_app_is_the_secrets_own_where_it_says_so() -> None:
    found = brought_session(secret(access_token=ACCESS_TOKEN, api_key="another"), credential(), APP, NOON)
    assert found is not None
    assert "another" == found.api_key.reveal()


@pytest.mark.parametrize(("now", "expires"), [("05:59", 2), ("06:00", 3), ("07:29", 3), ("12:00", 3), ("23:59", 3)])
def test_a_token_that_works_now_expires_at_the_next_six_in_the_morning(now: str, expires: int) -> None:
    found = brought_session(secret(access_token=ACCESS_TOKEN), credential(), APP, ist(now))
    assert found is not None
    assert ist("06:00", day=expires) == found.expires_at


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-03-01T08:00:00+05:30", ist("08:00", day=1)),
        ("2026-03-02T13:00:00+05:30", NOON),
        ("yesterday", NOON),
    ],
)
def test_the_time_of_the_login_is_believed_unless_it_is_to_come(told: str, expected: Any) -> None:
    found = brought_session(secret(annotations=refreshed(told), access_token=ACCESS_TOKEN), credential(), APP, NOON)
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
def test_what_brings_no_session(found: Any) -> None:
    assert brought_session(found, credential(), APP, NOON) is None


def test_without_the_apps_keys_nothing_is_asked() -> None:
    problem = Problem(Reason.APP_SECRET_INVALID, "")
    assert brought_session(secret(access_token=ACCESS_TOKEN), credential(), problem, NOON) is None


def test_nothing_of_it_shows() -> None:
    shown = repr(brought_session(secret(access_token=ACCESS_TOKEN, api_key=API_KEY), credential(), APP, NOON))
    assert not [each for each in SECRETS if each in shown]
