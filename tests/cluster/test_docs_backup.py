"""What docs/disaster-recovery.md tells Velero to leave out is what the operator has made, and no Secret of yours."""

import re

from support.controlplane import Kubectl
from support.documents import page, section
from support.world import World

SELECTOR = re.compile(r"`--selector '([^']+)'`")


def test_the_selector_leaves_out_every_secret_of_the_operators_own(world: World, kubectl: Kubectl) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    (selector,) = SELECTOR.findall(section(page("docs/disaster-recovery.md"), "What to back up"))

    def secrets(*more: str) -> set[str]:
        listed = kubectl("get", "secrets", "--namespace", world.namespace, "--output=name", *more).stdout.split()
        return {each.removeprefix("secret/") for each in listed}

    yours = {"alpha-app", "alpha-login"}
    assert yours | {"alpha-token", "alpha-kite-state", "kite-operator-keys"} == secrets()
    assert yours == secrets("--selector", selector)
