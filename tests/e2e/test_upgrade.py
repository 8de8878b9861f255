"""`helm upgrade` while a refresh is under way: the login that was begun is the only one."""

from support.desk import CLIENT_ID, OPERATOR, Setup


def test_an_upgrade_in_the_middle_of_a_login_costs_no_second_one(desk: Setup) -> None:
    desk.wait_settled()
    old, logins = desk.token(), desk.logins()
    # Of the former pods the leading one is to go first: the broker's answer is held back until then.
    cost = "controller.kubernetes.io/pod-deletion-cost=-100"
    desk.kubectl("annotate", "pod", desk.leader(), f"--namespace={OPERATOR}", cost)
    hold = desk.sandbox.hold("twofa", client_id=CLIENT_ID, when="before")
    try:
        desk.next_morning()
        desk.sandbox.wait_held(hold, 25)
        begun = {pod["metadata"]["name"] for pod in desk.replicas()}
        desk.release.upgrade(desk.values(logFormat="json"))
        path = f"/api/v1/namespaces/{OPERATOR}/pods/{desk.leader()}"
        desk.until(
            lambda: "deletionTimestamp" in (desk.api.find(path) or {"metadata": {}})["metadata"], "it is to stop"
        )
    finally:
        desk.sandbox.release(hold)
    desk.until(lambda: desk.token() not in ("", old), "the new token is published")
    desk.until(lambda: not begun & {pod["metadata"]["name"] for pod in desk.replicas()}, "the former pods are gone")
    desk.wait_settled()
    desk.wait_ready()
    assert [1, 1, 1] == [now - before for before, now in zip(logins, desk.logins(), strict=True)]
    assert desk.sandbox.counters(CLIENT_ID).wrong_entries == 0
    assert "--log-format=json" in desk.release.args()
