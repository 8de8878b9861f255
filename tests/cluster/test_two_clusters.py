"""One client ID in two clusters: two installs that share nothing but the broker, and the handover between them."""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.documents import page
from support.rights import accounts_binding
from support.terminal import Terminal
from support.world import BOTH_WORLDS, World

NEXT_WINDOW = 40
PAGE_SECTION = "Hand over to another cluster"


@pytest.fixture
def other(kubectl: Kubectl, world: World) -> Iterator[World]:
    """The other cluster: a namespace and an account namespace of its own, so that no record is shared."""
    with namespace_in(kubectl, f"test-{uuid.uuid4().hex[:12]}") as name:
        made = replace(world, namespace=name, operators=world.operators)
        rolebindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings"
        made.api.create(rolebindings, accounts_binding())
        yield made
        made.assert_nothing_leaked(made.token())


def terminal(control_plane: ControlPlane, folder: Path, **contexts: World) -> Terminal:
    """A shell with these contexts, and the page's commands with the names of the Secrets here."""
    kubeconfig = folder / f"contexts-{'-'.join(contexts)}"
    shutil.copy(control_plane.kubeconfig, kubeconfig)
    own = Kubectl(control_plane, kubeconfig)
    for name, world in contexts.items():
        place = ("--cluster", "devcluster", "--user", "admin", "--namespace", world.namespace)
        own("config", "set-context", name, *place)
    text = page("docs/disaster-recovery.md").replace("alpha-kite-token", "alpha-token")
    return Terminal(text, {**control_plane.environment, "KUBECONFIG": str(kubeconfig)})


def hand_over(shell: Terminal, *, with_the_token: bool = True) -> None:
    """As the page says."""
    shell.type_in(PAGE_SECTION, number=0)
    if with_the_token:
        assert "secret/alpha-token created" in shell.type_in(PAGE_SECTION, number=1)
    assert "condition met" in shell.type_in(PAGE_SECTION, number=2)


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def suspend(world: World, *, suspended: bool = True) -> None:
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": suspended}})
    if suspended:
        world.wait("Suspended")


def both(world: World, other: World) -> None:
    """The same sources in both; the credential works in the first, and is suspended in the other."""
    app, account = world.broker()
    for each in (world, other):
        each.sources(app, account)
        each.operator()
    world.credential()
    world.wait("SessionActive")
    other.credential(suspend=True)
    other.wait("Suspended")


def next_day(world: World) -> None:
    world.clock.move(86400)


@BOTH_WORLDS
def test_a_handover_with_the_token_costs_no_login_and_the_other_cluster_goes_on_from_there(
    world: World, other: World, control_plane: ControlPlane, tmp_path: Path
) -> None:
    both(world, other)
    token = world.token()
    hand_over(terminal(control_plane, tmp_path, old=world, new=other))
    other.settle()
    assert (token, token, 1) == (world.token(), other.token(), logins(world))
    assert token not in str(other.api.get(other.path("secrets", "alpha-token"))["metadata"])
    next_day(world)
    other.until(lambda: other.token() not in ("", token) and other.condition()[1] == "SessionActive", "the next token")
    assert (token, 2, 0) == (world.token(), logins(world), world.sandbox.counters("AB1234").wrong_entries)
    assert "Suspended" == world.condition()[1]
    # And back, where a session of the day before is still remembered.
    later = other.token()
    hand_over(terminal(control_plane, tmp_path, old=other, new=world))
    world.settle()
    assert (later, 2) == (world.token(), logins(world))


@BOTH_WORLDS
def test_a_handover_without_the_token_costs_one_login(
    world: World, other: World, control_plane: ControlPlane, tmp_path: Path
) -> None:
    both(world, other)
    token = world.token()
    world.clock.move(NEXT_WINDOW)
    hand_over(terminal(control_plane, tmp_path, old=world, new=other), with_the_token=False)
    other.settle()
    assert (2, world.gives_the_same_token()) == (logins(world), other.token() == token)
    assert world.gives_the_same_token() is world.sandbox.is_alive(token)
    assert world.sandbox.is_alive(other.token())


def until_nobody_logs_in_any_more(world: World) -> None:
    """Probe after probe, until an hour has brought no login."""
    quiet, known = 0, logins(world)
    for _ in range(60):
        world.clock.move(301)
        world.settle(0.5)
        quiet, known = (quiet + 1 if known == logins(world) else 0), logins(world)
        if quiet == 12:
            return
    raise AssertionError(f"{known} logins, and no end of it\n{world.logs()[-4000:]}")


def both_run(world: World, other: World) -> None:
    """By mistake: nothing is suspended."""
    both(world, other)
    world.clock.move(NEXT_WINDOW)
    suspend(other, suspended=False)
    other.wait("SessionActive")


@pytest.mark.parametrize("broker", ["kills_old"], indirect=True)
def test_two_that_both_run_end_each_others_sessions_until_one_stops_and_lock_nothing(
    world: World, other: World
) -> None:
    both_run(world, other)
    until_nobody_logs_in_any_more(world)
    counters = world.sandbox.counters("AB1234")
    # Three completed logins each. A code that the other has used in the same half minute counts as a wrong one.
    assert counters.count("session_token") <= 6
    assert (0, False) == (counters.wrong_passwords, counters.blocked)
    blocks = {each.condition("Blocked")[1] for each in (world, other)}
    assert blocks & {"SessionContested", "TOTPRejected"}
    assert blocks <= {"SessionContested", "TOTPRejected", "NotBlocked"}


@pytest.mark.parametrize("broker", ["same_token"], indirect=True)
def test_where_kite_gives_the_same_token_again_two_that_both_run_do_not_fight(world: World, other: World) -> None:
    both_run(world, other)
    until_nobody_logs_in_any_more(world)
    assert (world.token(), 2) == (other.token(), logins(world))
    assert {"SessionActive"} == {world.condition()[1], other.condition()[1]}
