"""The next morning: the token of the day before is dead, and the pods go on with the new one, as they run."""

import time

from support.desk import Setup


def first_good(desk: Setup, died: float) -> float:
    """When Kite first gave a good answer again; 0 while it has not."""
    after = [(at, answer) for at, answer in desk.answers() if at > died]
    return next((at for at, answer in after if answer == "good"), 0.0)


def test_running_pods_go_on_with_the_new_token_and_the_gap_is_measured(desk: Setup) -> None:
    desk.wait_settled()
    old, logins = desk.token(), desk.logins()
    pods = {name: desk.pod(name) for name in ("trader", "meter")}
    desk.until(lambda: desk.answers()[-1:] != [] and desk.answers()[-1][1] == "good", "the meter is content")
    died = desk.next_morning()
    desk.until(lambda: desk.token() not in ("", old), "the new token is published")
    published = time.time()
    desk.until(lambda: first_good(desk, died) > 0.0, "a pod's call is answered with the new token", within=240)
    seen = first_good(desk, died)
    desk.figures["gap: from the old token's death to a pod's first good call"] = f"{seen - died:.1f} s"
    desk.figures["of it, until the derived Secret was written"] = f"{published - died:.1f} s"
    desk.figures["of it, until the kubelet had given it to the pod"] = f"{seen - published:.1f} s"
    assert "TokenException" in [answer for at, answer in desk.answers() if at > died]

    def rounds() -> int:
        return len([line for line in desk.logs("trader").splitlines() if "cash" in line])

    before = rounds()
    desk.until(lambda: rounds() > before, "the example trades on", within=180)
    for name, pod in pods.items():
        now = desk.pod(name)
        assert (pod["metadata"]["uid"], 0) == (
            now["metadata"]["uid"],
            now["status"]["containerStatuses"][0]["restartCount"],
        )
    assert [1, 1, 1] == [now - before for before, now in zip(logins, desk.logins(), strict=True)]


def test_a_changed_annotation_of_the_pod_brings_it_the_new_token_at_once(desk: Setup) -> None:
    """As docs/trading-pods.md says."""
    old = desk.token()
    died = desk.next_morning()
    desk.until(lambda: desk.token() not in ("", old), "the new token is published")
    name = desk.pod("meter")["metadata"]["name"]
    asked = time.time()
    desk.kubectl("annotate", "pod", "--namespace=trading", name, f"looked-at={asked}", "--overwrite")
    desk.until(lambda: first_good(desk, died) > 0.0, "a pod's call is answered with the new token")
    desk.figures["with an annotation changed, from that to the first good call"] = (
        f"{first_good(desk, died) - asked:.1f} s"
    )
