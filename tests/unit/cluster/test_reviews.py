"""The user of a token and a user's rights: only an explicit answer of the API server counts."""

from collections.abc import Mapping
from typing import Any

import pytest

from kite_operator.cluster.api import Cluster, Manifest
from kite_operator.cluster.reviews import ACCESS_REVIEWS, TOKEN_REVIEWS, AccessReview, User, is_allowed, review_token
from kite_operator.model.sensitive import Sensitive

TOKEN = Sensitive("bearer0123456789bearer0123456789")
WHO = {
    "username": "system:serviceaccount:desk:trader",
    "uid": "uid-1",
    "groups": ["system:serviceaccounts", "system:serviceaccounts:desk"],
    "extra": {"authentication.kubernetes.io/pod-name": ["trader-1"]},
}
TRADER = User(
    "system:serviceaccount:desk:trader",
    "uid-1",
    ("system:serviceaccounts", "system:serviceaccounts:desk"),
    (("authentication.kubernetes.io/pod-name", ("trader-1",)),),
)


class Answering(Cluster):
    """API server that always gives one answer."""

    def __init__(self, status: Mapping[str, Any] | None) -> None:
        self.status = status
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def create(self, path: str, manifest: Mapping[str, Any]) -> Manifest:
        self.asked.append((path, manifest["spec"]))
        return {"spec": manifest["spec"]} | ({"status": self.status} if self.status is not None else {})


async def test_a_token_for_our_audience_has_a_user() -> None:
    cluster = Answering({"authenticated": True, "user": WHO, "audiences": ["kite-operator"]})
    assert TRADER == await review_token(cluster, TOKEN, "kite-operator")
    assert [(TOKEN_REVIEWS, {"token": TOKEN.reveal(), "audiences": ["kite-operator"]})] == cluster.asked


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        {"authenticated": False, "error": "token has expired"},
        {"authenticated": False, "user": WHO, "audiences": ["kite-operator"]},
        {"authenticated": "true", "user": WHO, "audiences": ["kite-operator"]},
        {"authenticated": True, "user": WHO},
        {"authenticated": True, "user": WHO, "audiences": []},
        {"authenticated": True, "user": WHO, "audiences": ["kite-operator-2"]},
        {"authenticated": True, "user": {}, "audiences": ["kite-operator"]},
        {"authenticated": True, "audiences": ["kite-operator"]},
    ],
)
async def test_any_other_answer_is_no_user(status: Mapping[str, Any] | None) -> None:
    assert await review_token(Answering(status), TOKEN, "kite-operator") is None


async def test_an_access_review_carries_all_attributes_of_the_user() -> None:
    cluster = Answering({"allowed": True})
    assert await is_allowed(cluster, TRADER, AccessReview("get", "desk", "alpha-token"))
    [(path, spec)] = cluster.asked
    assert ACCESS_REVIEWS == path
    assert (WHO["username"], WHO["uid"], WHO["groups"], WHO["extra"]) == (
        spec["user"],
        spec["uid"],
        spec["groups"],
        spec["extra"],
    )
    assert {"namespace": "desk", "verb": "get", "resource": "secrets", "version": "v1", "name": "alpha-token"} == spec[
        "resourceAttributes"
    ]


async def test_without_a_name_the_review_is_about_all_secrets_of_the_namespace() -> None:
    cluster = Answering({"allowed": True})
    await is_allowed(cluster, TRADER, AccessReview("create", "desk"))
    assert "name" not in cluster.asked[0][1]["resourceAttributes"]


@pytest.mark.parametrize(
    "status", [None, {}, {"allowed": False}, {"allowed": "yes"}, {"allowed": True, "denied": True}]
)
async def test_nothing_is_allowed_without_an_explicit_answer(status: Mapping[str, Any] | None) -> None:
    assert not await is_allowed(Answering(status), TRADER, AccessReview("get", "desk", "alpha-token"))
