"""Installed as docs/install.md says, in namespaces that hold pods to the standard `restricted`."""

from typing import Any

from support.desk import BROKER, OPERATOR, TRADING, Setup, is_ready


def test_two_replicas_are_ready_on_two_nodes_and_one_of_them_leads(desk: Setup) -> None:
    desk.wait_settled()
    assert {"node-1", desk.cluster.nodes[1].name} == {pod["spec"]["nodeName"] for pod in desk.replicas()}


def test_every_namespace_of_the_desk_refuses_what_is_not_restricted(desk: Setup) -> None:
    for namespace in (OPERATOR, TRADING, BROKER):
        refused = desk.kubectl("run", "root", "--image=root", f"--namespace={namespace}", check=False)
        assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def test_the_example_trades_with_the_token_of_the_mounted_secret(desk: Setup) -> None:
    calls = desk.sandbox.all_counters()
    assert calls.count("margins", "accepted") >= 1, calls.calls
    assert calls.count("order_book", "accepted") >= 1


def test_the_operators_probes_are_asked_by_the_kubelet_and_answered(desk: Setup) -> None:
    desk.wait_settled()
    for pod in desk.replicas():
        (status,) = pod["status"]["containerStatuses"]
        assert (True, True) == (status["started"], status["ready"])


def test_a_replica_that_hangs_is_taken_out_of_its_services_and_comes_back(desk: Setup) -> None:
    """The one that stands by: SIGSTOP, until readiness has failed three times; SIGCONT before liveness does."""
    desk.wait_settled()
    (standby,) = [pod for pod in desk.replicas() if pod["metadata"]["name"] != desk.leader()]
    name, restarts = standby["metadata"]["name"], standby["status"]["containerStatuses"][0]["restartCount"]

    def now() -> dict[str, Any]:
        return desk.api.get(f"/api/v1/namespaces/{OPERATOR}/pods/{name}")

    def addresses() -> set[str]:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{OPERATOR}/endpointslices"
        found = [each for slice_ in desk.api.get(path)["items"] for each in slice_["endpoints"] or ()]
        return {each["addresses"][0] for each in found if each["conditions"]["ready"]}

    address = now()["status"]["podIP"]
    assert address in addresses()
    desk.signal(standby, 19)
    try:
        desk.until(lambda: not is_ready(now()) and address not in addresses(), "it is taken out")
    finally:
        desk.signal(standby, 18)
    desk.until(lambda: is_ready(now()) and address in addresses(), "it is back")
    assert restarts == now()["status"]["containerStatuses"][0]["restartCount"]
