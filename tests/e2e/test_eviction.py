"""A node is drained, as before its maintenance: what the PodDisruptionBudget is for."""

from support.desk import OPERATOR, Setup


def test_a_drained_node_s_leader_hands_over_and_nobody_logs_in(desk: Setup) -> None:
    node = desk.cluster.nodes[1]
    leading = desk.lead_from(node)
    logins, token = desk.logins(), desk.token()
    try:
        desk.kubectl("cordon", node.name)
        drained = desk.kubectl("drain", node.name, "--delete-emptydir-data", "--timeout=100s")
        assert f"pod/{leading['metadata']['name']} evicted" in drained.stdout
        desk.wait_settled()
        assert {"node-1"} == {pod["spec"]["nodeName"] for pod in desk.replicas()}
        assert leading["metadata"]["name"] != desk.leader()
        desk.until(lambda: "good" in desk.logs("meter") and "cash" in desk.logs("trader"), "the desk trades elsewhere")
    finally:
        desk.kubectl("uncordon", node.name)
    assert (logins, token) == (desk.logins(), desk.token())
    desk.spread()


def test_the_last_replica_that_is_ready_is_not_evicted(desk: Setup) -> None:
    """Nothing can be scheduled: the first eviction is granted, the second would leave nobody."""
    desk.wait_settled()
    names = sorted(pod["metadata"]["name"] for pod in desk.replicas())
    nodes = [node.name for node in desk.cluster.nodes]
    answers = []
    try:
        desk.kubectl("cordon", *nodes)
        for name in names:
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            path = f"/api/v1/namespaces/{OPERATOR}/pods/{name}"
            status, said = desk.api.call("POST", f"{path}/eviction", eviction)
            answers.append(status)
            if status == 201:
                desk.wait_gone(path)
    finally:
        desk.kubectl("uncordon", *nodes)
    assert [201, 429] == answers
    assert "disruption budget" in str(said)
    desk.wait_settled()
    desk.spread()
