"""Uninstalled: nothing blocks the deletion of anything, and a later install goes on where the former was."""

import time

import yaml

from support.desk import OPERATOR, TRADING, Setup, sample


def test_everything_can_be_deleted_once_the_operator_is_gone_and_a_later_install_goes_on(desk: Setup) -> None:
    desk.wait_settled()
    logins, token = desk.logins(), desk.token()
    second = "second-desk"
    manifests = [
        {**each, "metadata": {**each["metadata"], "namespace": second}} for each in yaml.safe_load_all(sample())
    ]
    desk.kubectl("create", "namespace", second)
    desk.apply(*manifests)
    path = f"/apis/kite-operator.dev/v1alpha1/namespaces/{second}/kitecredentials/alpha"
    desk.until(lambda: desk.api.get(path).get("status") is not None, "the operator has seen the second")
    desk.release.uninstall()
    desk.until(lambda: desk.replicas() == [], "the operator is gone")
    secrets = [desk.api.get(f"/api/v1/namespaces/{each}/secrets")["items"] for each in (second, TRADING, OPERATOR)]
    left = [desk.api.get(path), desk.credential(), *(each for found in secrets for each in found)]
    assert [] == [each["metadata"]["name"] for each in left if each["metadata"].get("finalizers")]
    began = time.monotonic()
    desk.kubectl("delete", "namespace", second, "--timeout=60s")
    desk.figures["deletion of a namespace with a credential, without the operator"] = (
        f"{time.monotonic() - began:.1f} s"
    )
    desk.release.install(desk.values())
    desk.wait_settled()
    desk.wait_ready()
    assert (logins, token) == (desk.logins(), desk.token())
