"""The resource that a request is about, as metrics name it: never an object's or a namespace's own name."""

import pytest

from kite_operator.cluster.api import _resource, credentials_path, leases_path, namespaces_path, secrets_path


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        (secrets_path("desk"), "secrets"),
        (secrets_path("desk", "alpha"), "secrets"),
        (credentials_path(""), "kitecredentials"),
        (credentials_path("desk", "alpha") + "/status", "kitecredentials"),
        (leases_path("kite", "kite-account-ab1234"), "leases"),
        (namespaces_path("desk"), "namespaces"),
        ("/api/v1/secrets", "secrets"),
    ],
)
def test_the_resource_of_a_path_is_bounded(path: str, resource: str) -> None:
    assert resource == _resource(path)
