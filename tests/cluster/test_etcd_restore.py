"""A restored etcd is older than the broker's memory: what that means for the record of attempts, and what helps."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl, Options, namespace_in
from support.operators import TestClock
from support.sandbox import Sandbox, SandboxAccount
from support.sandbox_browser import Browser
from support.world import Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"
WRONG = [f"made-up-and-wrong-{number}" for number in range(8)]


class Backup:
    """etcd's data, as they were at one moment."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        self.data = plane.kubeconfig.parent / "etcd"

    def take(self) -> None:
        self.plane.kill("etcd")
        shutil.copytree(self.data, self.folder)
        self.plane.restart("etcd")

    def restore(self) -> None:
        self.plane.kill("kube-apiserver")
        self.plane.kill("etcd")
        shutil.rmtree(self.data)
        shutil.copytree(self.folder, self.data)
        self.plane.restart("etcd")
        self.plane.restart("kube-apiserver")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane.start(Options()) as started:
        kubectl = Kubectl(started)
        kubectl("apply", "--server-side", "--kustomize", str(CRD_FOLDER))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/kitecredentials.kite-operator.dev")
        yield started


@pytest.fixture
def backup(plane: ControlPlane, tmp_path: Path) -> Backup:
    return Backup(plane, tmp_path / "backup")


@pytest.fixture
def restored(plane: ControlPlane, sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    clock = TestClock.at_start(sandbox, tmp_path)
    with namespace_in(Kubectl(plane), f"restore-{tmp_path.name[-18:].replace('_', '-').strip('-').lower()}") as name:
        world = World(Api(plane.kubeconfig), name, sandbox, clock, plane.kubeconfig, tmp_path, secrets_made=[*WRONG])
        try:
            yield world
            world.assert_nothing_leaked(world.token())
        finally:
            world.close()


def spend(world: World, account: SandboxAccount, wrong: list[str]) -> None:
    """One wrong password after the other, each a version of the login Secret."""
    for password in wrong:
        before = entries(world)
        world.secret("alpha-login", password=password, totp_secret=account.totp_secret)
        world.clock.move(31)
        world.until(lambda before=before: entries(world) > before, f"an entry after {before}")  # type: ignore[misc]  # bound at definition
        world.until(lambda: world.condition("Blocked")[0] == "True", "blocked")


def entries(world: World) -> int:
    return world.sandbox.counters("AB1234").wrong_passwords


def scene(world: World) -> SandboxAccount:
    """A credential whose password is wrong, suspended, so that nothing has been counted yet."""
    app, account = world.broker()
    world.sources(app, account, password=WRONG[0])
    world.credential(suspend=True)
    return account


def resume(world: World) -> None:
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": False}})


def exhausted(world: World, account: SandboxAccount) -> None:
    """Wrong passwords, until the operator submits no more or the account is blocked."""
    for password in WRONG[3:]:
        if world.condition("Blocked")[1] == "AttemptBudgetExhausted" or world.sandbox.counters("AB1234").blocked:
            return
        world.secret("alpha-login", password=password, totp_secret=account.totp_secret)
        world.clock.move(31)
        world.settle(0.5)


def set_back_by_two(world: World, backup: Backup) -> SandboxAccount:
    """A backup, two wrong entries that it knows nothing of, and the restore, with no operator running."""
    account = scene(world)
    backup.take()
    world.operator("--kubernetes-timeout-seconds", "3")
    resume(world)
    world.wait("PasswordRejected")
    spend(world, account, WRONG[1:2])
    world.operators[-1].kill()
    backup.restore()
    return account


def log_in_by_hand(world: World, account: SandboxAccount) -> None:
    """A person logs in at the broker's own page, which sets its counts to zero."""
    with Browser(world.sandbox) as browser:
        browser.sign_in(account)


def test_after_a_restore_the_count_is_as_old_as_the_backup_and_an_account_can_be_locked(
    restored: World, backup: Backup
) -> None:
    world, account = restored, set_back_by_two(restored, backup)
    assert 2 == entries(world)
    assert world.api.find(world.path("leases", "kite-account-ab1234")) is None
    world.operator()
    resume(world)
    world.until(lambda: entries(world) == 3, "the first password once more")  # nobody remembers it
    exhausted(world, account)
    assert world.sandbox.counters("AB1234").blocked


def test_a_completed_login_by_a_person_before_the_operator_starts_makes_both_counts_agree(
    restored: World, backup: Backup
) -> None:
    world, account = restored, set_back_by_two(restored, backup)
    log_in_by_hand(world, account)
    assert 0 == entries(world)
    world.operator()
    resume(world)
    exhausted(world, account)
    world.wait("AttemptBudgetExhausted")
    assert (4, False) == (entries(world), world.sandbox.counters("AB1234").blocked)


def test_what_the_backup_knows_still_holds_tokens_that_work_and_blocks(restored: World, backup: Backup) -> None:
    world = restored
    world.operator("--kubernetes-timeout-seconds", "3")
    world.alpha("beta", "CD5678")
    world.wait("SessionActive", name="beta")
    token = world.token("beta-token")
    scene(world)
    resume(world)
    world.wait("PasswordRejected")
    world.operators[-1].kill()
    backup.take()
    for name in ("alpha", "beta"):
        world.api.delete(world.path("kitecredentials", name))
    world.api.delete(world.path("secrets", "beta-token"))
    backup.restore()
    world.operator()
    world.annotate("beta", refresh="after-the-restore")
    world.annotate("alpha", refresh="after-the-restore")
    world.until(lambda: world.status("beta").get("lastHandledRefresh") == "after-the-restore", "looked at")
    world.settle()
    assert (token, 1) == (world.token("beta-token"), world.sandbox.counters("CD5678").count("login"))
    assert ("PasswordRejected", 1) == (world.condition("Blocked")[1], entries(world))


def test_a_token_of_the_backup_that_has_been_replaced_since_is_found_dead_and_replaced(
    restored: World, backup: Backup
) -> None:
    world = restored
    world.operator("--kubernetes-timeout-seconds", "3")
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    world.operators[-1].kill()
    backup.take()
    world.operator("--kubernetes-timeout-seconds", "3")
    world.clock.move(86400)
    world.until(lambda: world.token() not in ("", old), "the next day's token")
    world.operators[-1].kill()
    backup.restore()
    assert old == world.token()
    world.clock.move(40)
    world.operator()
    world.until(
        lambda: world.token() not in ("", old) and world.condition()[1] == "SessionActive", "a token that works"
    )
    assert (3, True) == (world.sandbox.counters("AB1234").count("login"), world.sandbox.is_alive(world.token()))
    assert 0 == entries(world)
