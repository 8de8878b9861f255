"""Processes of the operator and of its nodes are killed, and a node is lost."""

import time

from support.desk import OPERATOR, Setup


def test_a_killed_leader_is_followed_by_the_other_and_restarted_by_its_node(desk: Setup) -> None:
    desk.wait_settled()
    logins, token = desk.logins(), desk.token()
    (leading,) = [pod for pod in desk.replicas() if pod["metadata"]["name"] == desk.leader()]
    name, restarts = leading["metadata"]["name"], leading["status"]["containerStatuses"][0]["restartCount"]
    holder = desk.holder()
    desk.signal(leading, 9)
    taken = desk.until(lambda: desk.holder() not in ("", holder), "another one leads", within=30)
    desk.figures["takeover after kill -9 of the leading container"] = f"{taken:.1f} s"

    def restarted() -> bool:
        (status,) = desk.api.get(f"/api/v1/namespaces/{OPERATOR}/pods/{name}")["status"]["containerStatuses"]
        return bool(status["restartCount"] > restarts and status["ready"])

    desk.until(restarted, "its node has restarted it")
    desk.wait_settled()
    assert (logins, token) == (desk.logins(), desk.token())


def test_trading_goes_on_while_the_nodes_own_programs_are_dead(desk: Setup) -> None:
    pod = desk.pod("meter")
    node = desk.node_of(pod)
    calls = desk.sandbox.all_counters().count("profile", "accepted")
    for program in ("kubelet", "containerd"):
        node.kill(program)
    try:
        desk.until(lambda: desk.sandbox.all_counters().count("profile", "accepted") > calls + 3, "it calls on")
    finally:
        for program in ("containerd", "kubelet"):
            node.start(program)
    node.wait_ready()
    assert pod["metadata"]["uid"] == desk.pod("meter")["metadata"]["uid"]
    desk.wait_settled()


def test_a_lost_node_s_leader_is_followed_by_the_replica_on_the_other(desk: Setup) -> None:
    node = desk.cluster.nodes[1]
    leading = desk.lead_from(node)
    logins, token = desk.logins(), desk.token()
    began = time.monotonic()
    desk.cluster.lose(node)
    desk.wait_for_leader_after(leading["metadata"]["name"])
    desk.figures["takeover after the leader's node is lost"] = f"{time.monotonic() - began:.1f} s"
    # As a person does who knows that it will not come back: its pods are made anew elsewhere at once.
    desk.kubectl("delete", "node", node.name)
    lost = ("--all-namespaces", f"--field-selector=spec.nodeName={node.name}", "--force", "--grace-period=0")
    desk.kubectl("delete", "pods", *lost)
    new = desk.cluster.add_node()
    desk.give_images(new)
    desk.wait_settled()
    desk.until(lambda: "good" in desk.logs("meter") and "cash" in desk.logs("trader"), "the desk trades")
    assert (logins, token) == (desk.logins(), desk.token())
    desk.spread()
