"""The control plane itself: side by side, crashed, interrupted, with limited users, and by its command line."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from devcluster.errors import UsageError
from support.controlplane import ControlPlane, Kubectl, Options, eventually, wait_for_end

OWNER = """
import sys, time
from devcluster import ControlPlane, Options

plane = ControlPlane.start(Options(kubeconfig=None))
print(plane.kubeconfig.parent, plane.supervisor_pid, *plane.processes.values(), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def own() -> Iterator[ControlPlane]:
    """A second control plane, for tests that kill; it always runs fully at the start and the end of a test."""
    with ControlPlane.start(Options(controllers=True, kubeconfig=None)) as plane:
        yield plane


def names(kubectl: Kubectl) -> list[str]:
    return kubectl("get", "configmaps", "--output=jsonpath={.items[*].metadata.name}").stdout.split()


@contextmanager
def started(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process of this test, which is killed if it has not ended by itself."""
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, text=True, stdout=pipe, stderr=pipe) as process:  # noqa: S603 - of this test
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def finished(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with started(arguments) as process:
        output, errors = process.communicate()
    return process.returncode, output, errors


def command(*arguments: str, cache: Path) -> list[str]:
    """The command line of devcluster with another cache, in which the built programs are the same."""
    tools = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kite-operator" / "tools"
    linked = cache / "kite-operator" / "tools"
    linked.parent.mkdir(parents=True, exist_ok=True)
    if not linked.exists():
        linked.symlink_to(tools)
    setting = ["env", "-u", "KITE_DEVCLUSTER_KUBECONFIG", f"XDG_CACHE_HOME={cache}"]
    return [*setting, sys.executable, "-m", "devcluster", *arguments]


def said(*arguments: str, cache: Path, code: int = 0) -> str:
    ended, output, errors = finished(command(*arguments, cache=cache))
    assert (ended, errors) == (code, "")
    return output


def test_two_control_planes_know_nothing_of_each_other(own: ControlPlane, control_plane: ControlPlane) -> None:
    mine, shared = Kubectl(own), Kubectl(control_plane)
    mine("create", "configmap", "only-here")
    assert own.server != control_plane.server
    assert "only-here" in names(mine)
    assert "only-here" not in names(shared)


def test_data_survives_kill_9_of_the_api_server(own: ControlPlane) -> None:
    kubectl, before = Kubectl(own), own.processes["kube-apiserver"]
    kubectl("create", "configmap", "before-the-crash")
    own.kill("kube-apiserver")
    assert "kube-apiserver" not in own.processes
    assert "refused" in kubectl("get", "configmaps", check=False).stderr
    own.restart("kube-apiserver")
    assert before != own.processes["kube-apiserver"]
    assert "before-the-crash" in names(kubectl)


def test_data_survives_kill_9_of_etcd(own: ControlPlane) -> None:
    kubectl = Kubectl(own)
    kubectl("create", "configmap", "before-etcd-crashed")
    own.restart("etcd")
    assert "before-etcd-crashed" in names(kubectl)


def test_a_component_that_is_not_there_cannot_be_killed(own: ControlPlane) -> None:
    with pytest.raises(UsageError, match="kubelet is not a part of this control plane; its parts: etcd"):
        own.kill("kubelet")


def test_a_user_may_do_nothing_until_rbac_grants_it(own: ControlPlane) -> None:
    admin = Kubectl(own)
    asha = admin.as_user("asha", ["desk-one"])
    listing = ("get", "secrets")
    assert 'User "asha" cannot list resource "secrets"' in asha(*listing, check=False).stderr
    admin("create", "role", "reader", "--verb=list", "--resource=secrets")
    admin("create", "rolebinding", "reader", "--role=reader", "--group=desk-one")
    eventually(lambda: asha(*listing, check=False).returncode == 0, "the role is in force")


def test_a_service_accounts_token_is_accepted(kubectl: Kubectl, namespace: str) -> None:
    token = kubectl("create", "token", "default", "--namespace", namespace).stdout.strip()
    review = f'{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{{"token":"{token}"}}}}'
    answer = kubectl("create", "--filename=-", "--output=jsonpath={.status.user.username}", input=review)
    assert f"system:serviceaccount:{namespace}:default" == answer.stdout


def test_the_kubeconfigs_certificate_is_verified(own: ControlPlane) -> None:
    elsewhere = Kubectl(own)("--tls-server-name=elsewhere.example.com", "get", "namespaces", check=False)
    assert "certificate is valid for" in elsewhere.stderr


def test_garbage_is_collected_by_owner(kubectl: Kubectl, namespace: str) -> None:
    here = ("--namespace", namespace)
    uid = kubectl("create", "configmap", "owner", *here, "--output=jsonpath={.metadata.uid}").stdout
    reference = f'{{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{uid}"}}'
    kubectl("create", "secret", "generic", "owned", *here)
    kubectl("patch", "secret", "owned", *here, "-p", f'{{"metadata":{{"ownerReferences":[{reference}]}}}}')
    kubectl("delete", "configmap", "owner", *here)
    eventually(lambda: kubectl("get", "secret", "owned", *here, check=False).returncode == 1, "the owned is collected")


def test_kill_9_of_the_owner_leaves_no_process_and_no_folder() -> None:
    with started([sys.executable, "-c", OWNER]) as owner:
        folder, *pids = first_line(owner).split()
        owner.kill()
    assert len(pids) == 3
    wait_for_end([int(pid) for pid in pids])
    eventually(lambda: not Path(folder).exists(), "the folder is gone")


@pytest.mark.parametrize("moment", ["etcd.log", "kube-apiserver.log"])
def test_ctrl_c_during_the_start_leaves_nothing(tmp_path: Path, moment: str) -> None:
    folder = tmp_path / "cache" / "kite-operator" / "clusters" / "interrupted"
    arguments = command("up", "--name", "interrupted", cache=tmp_path / "cache")
    with started(arguments) as starting:
        eventually((folder / moment).exists, f"{moment} is there")
        pids = children_of(starting.pid)
        starting.send_signal(signal.SIGINT)
        _, errors = starting.communicate()
    assert starting.returncode == 130
    assert errors == "devcluster: interrupted; everything that was started has been stopped\n"
    assert len(pids) >= 2
    wait_for_end(pids)
    assert not folder.exists()


def children_of(pid: int) -> list[int]:
    """Every descendant of a process."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(deeper for child in children for deeper in children_of(child))]


def test_up_status_kubeconfig_and_down(tmp_path: Path) -> None:
    def devcluster(*arguments: str, code: int = 0) -> str:
        return said(*arguments, "--name=sample", cache=tmp_path, code=code)

    try:
        assert re.match(r"sample is up at https://127\.0\.0\.1:\d+ after \d", devcluster("up"))
        assert "sample is up already" in devcluster("up")
        pids = [int(pid) for pid in re.findall(r"running, process (\d+)", devcluster("status"))]
        kubectl = re.findall(r"kubectl: (\S+)", devcluster("status"))[0]
        path = devcluster("kubeconfig").strip()
        assert finished([kubectl, f"--kubeconfig={path}", "get", "--raw=/readyz"]) == (0, "ok", "")
        assert len(pids) == 2
    finally:
        assert devcluster("down") == "sample is stopped\n"
    wait_for_end(pids, within=0)
    assert not Path(path).parent.exists()
    assert devcluster("status", code=3) == "sample is not running\n"


def test_run_gives_the_command_a_cluster_and_passes_on_its_exit_code(tmp_path: Path) -> None:
    script = "kubectl get namespaces -o name; echo $KUBECONFIG; exit 7"
    *lines, kubeconfig = said("run", "--", "sh", "-c", script, cache=tmp_path, code=7).splitlines()
    assert "namespace/kube-system" in lines
    assert not Path(kubeconfig).parent.exists()


def test_sigterm_of_run_ends_the_command_and_the_cluster(tmp_path: Path) -> None:
    arguments = command("run", "--", "sh", "-c", "echo up; exec sleep 600", cache=tmp_path)
    with started(arguments) as running:
        assert first_line(running) == "up\n"
        pids = children_of(running.pid)
        running.terminate()
        running.wait()
    assert running.returncode == 143
    assert len(pids) == 4
    wait_for_end(pids)


def test_a_warm_start_builds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    with ControlPlane.start(Options(kubeconfig=None)):
        took = time.monotonic() - begun
    assert "Building" not in capsys.readouterr().err
    print(f"\na warm start took {took:.1f} s")  # noqa: T201 - 3 s on an idle machine of two cores
