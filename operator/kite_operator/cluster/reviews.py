"""Reviews by the API server: the user of a token (TokenReview), and a user's rights (SubjectAccessReview)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kite_operator.cluster.api import Cluster
from kite_operator.model.sensitive import Sensitive

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class User:
    """User of the API server, with all attributes that its authorization uses."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AccessReview:
    """An action on Secrets of a namespace: on the named one, or on all of them."""

    verb: str
    namespace: str
    secret: str = ""


async def review_token(cluster: Cluster, token: Sensitive, audience: str) -> User | None:
    """Return the user of a token, if the API server accepts it and it was made for this very audience; else None."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token.reveal(), "audiences": [audience]},
    }
    status = (await cluster.create(TOKEN_REVIEWS, body)).get("status") or {}
    user = status.get("user") or {}
    # An authenticator that knows nothing of audiences answers without one: such a token may be for any audience.
    if status.get("authenticated") is not True or audience not in (status.get("audiences") or ()):
        return None
    return _user(user) if user.get("username") else None


async def is_allowed(cluster: Cluster, user: User, access: AccessReview) -> bool:
    """Return whether the API server would let `user` do this."""
    attributes = {"namespace": access.namespace, "verb": access.verb, "resource": "secrets", "version": "v1"}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra},
            "resourceAttributes": attributes | ({"name": access.secret} if access.secret else {}),
        },
    }
    status = (await cluster.create(ACCESS_REVIEWS, body)).get("status") or {}
    return status.get("allowed") is True and status.get("denied") is not True


def _user(user: Mapping[str, Any]) -> User:
    return User(
        name=str(user["username"]),
        uid=str(user.get("uid") or ""),
        groups=tuple(str(group) for group in user.get("groups") or ()),
        extra=tuple((str(key), tuple(map(str, values))) for key, values in sorted((user.get("extra") or {}).items())),
    )
