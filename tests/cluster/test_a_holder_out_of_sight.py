"""Two installs that share the account namespace and may not look at each other: whose claim it is, and how long."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import yaml

from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.documents import blocks, page, section
from support.operators import OperatorProcess
from support.world import World

WATCHED, ACCOUNT = (
    next(
        role
        for role in map(yaml.safe_load, blocks(page("docs/security.md"), "yaml"))
        if role["metadata"]["name"] == name
    )
    for name in ("kite-operator", "kite-operator-accounts")
)
OTHER = "system:serviceaccount:kite-operator:kite-operator"
"""The account of the runbook's commands."""


@dataclass(slots=True)
class Installs:
    """One install in the world's own namespace, and another one elsewhere with the same record of attempts."""

    here: World
    there: World

    def operator(self, world: World) -> OperatorProcess:
        """The operator of one of the two, that knows of no other namespace."""
        return world.operator("--account-namespace", self.here.namespace)


@pytest.fixture
def installs(control_plane: ControlPlane, kubectl: Kubectl, world: World) -> Iterator[Installs]:
    with namespace_in(kubectl, f"test-{uuid.uuid4().hex[:12]}") as elsewhere:
        users = {world.namespace: "install-here", elsewhere: OTHER}
        for namespace, user in users.items():
            _grant(kubectl, namespace, WATCHED, user)
            _grant(kubectl, world.namespace, ACCOUNT, user)
        here = replace(world, kubeconfig=control_plane.kubeconfig_for(users[world.namespace]))
        yield Installs(
            replace(here, operators=world.operators),
            replace(
                here, namespace=elsewhere, kubeconfig=control_plane.kubeconfig_for(OTHER), operators=world.operators
            ),
        )


def _grant(kubectl: Kubectl, namespace: str, role: dict[str, object], user: str) -> None:
    name = str(role["metadata"]["name"])  # type: ignore[index]  # a Role of the documentation
    kubectl("apply", "--namespace", namespace, "--filename", "-", input=yaml.safe_dump(role))
    binding = f"{name}-{uuid.uuid4().hex[:6]}"
    kubectl("create", "rolebinding", binding, "--namespace", namespace, "--role", name, "--user", user)


def _held_here(installs: Installs) -> None:
    """A credential here has proven to hold the account; one there wants the same."""
    installs.operator(installs.here)
    installs.operator(installs.there)
    app, account = installs.here.broker()
    for world in (installs.here, installs.there):
        world.sources(app, account)
    installs.here.credential()
    installs.here.wait("SessionActive")
    installs.there.credential()
    installs.there.wait("Conflict")


def _logins(installs: Installs) -> int:
    return installs.here.sandbox.counters("AB1234").count("login")


def test_an_operator_that_runs_gives_back_what_a_deleted_credential_held(installs: Installs) -> None:
    _held_here(installs)
    installs.here.api.delete(installs.here.path("kitecredentials", "alpha"))
    installs.there.clock.move(61)
    installs.there.wait("SessionActive")
    assert 2 == _logins(installs)


def test_a_holder_that_cannot_be_looked_at_is_taken_to_be_there_until_it_can(
    installs: Installs, kubectl: Kubectl
) -> None:
    _held_here(installs)
    installs.here.operators[0].stop()
    installs.here.api.delete(installs.here.path("kitecredentials", "alpha"))
    installs.there.clock.move(3 * 86400)
    installs.there.settle()
    assert ("Conflict", 1) == (installs.there.condition()[1], _logins(installs))

    (commands,) = blocks(section(page("docs/troubleshooting.md"), "Conflict"), "console")
    try:
        for line in commands.splitlines():
            kubectl(*line.removeprefix("$ kubectl ").split())
        installs.there.clock.move(31)
        installs.there.wait("SessionActive")
        assert 2 == _logins(installs)
    finally:
        for kind in ("clusterrolebinding", "clusterrole"):
            kubectl("delete", kind, "kite-operator-look", "--ignore-not-found")
