"""The node itself: pods run, find Services by name, and survive what they must; and nothing of it is left behind."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.resolve import Resolver
from node import Cluster, archive
from support.controlplane import Kubectl, eventually, wait_for_end
from support.realnode import control_groups, links, processes_of, started

ASKING = "test.example/kubectl:1"
BY_NAME = {"name": "KUBERNETES_SERVICE_HOST", "value": "kubernetes.default.svc"}
TUNED = ("kernel/panic", "vm/overcommit_memory")
OWNER = """
import json, sys, time
from node import Cluster
from support.realnode import processes_of

cluster = Cluster.start(1)
node, = cluster.nodes
seen = {"pids": processes_of(node), "folder": str(node.folder), "link": cluster.block.link, "cgroup": node.place.cgroup}
print(json.dumps(seen), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def kernel_before() -> list[str]:
    return [Path("/proc/sys", each).read_text() for each in TUNED]


@pytest.fixture(scope="module")
def cluster(kernel_before: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes, which know kubectl as an image: a program that asks the API server, and needs no other file."""
    del kernel_before  # it is looked at before kubelet runs
    with started(2) as running:
        path = tmp_path_factory.mktemp("images") / "kubectl.tar"
        archive.write(path, ASKING, Resolver().resolve(["kubectl"])["kubectl"])
        running.load(path)
        yield running


@pytest.fixture(scope="module")
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster.plane)


def pod(name: str, node: str, image: str, *arguments: str) -> str:
    container = {"name": "one", "image": image, "args": list(arguments), "env": [BY_NAME], "imagePullPolicy": "Never"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"nodeName": node, "restartPolicy": "Never", "containers": [container]},
        }
    )


def phase(kubectl: Kubectl, name: str) -> str:
    return kubectl("get", "pod", name, "--output=jsonpath={.status.phase}", check=False).stdout


@pytest.mark.parametrize("node", ["node-1", "node-2"])
def test_a_pod_on_any_node_finds_the_api_server_by_its_name_and_believes_its_certificate(
    kubectl: Kubectl, node: str
) -> None:
    name = f"asking-on-{node}"
    kubectl("create", "--filename=-", input=pod(name, node, ASKING, "get", "--raw=/version"))
    eventually(lambda: phase(kubectl, name) in {"Succeeded", "Failed"}, "the pod has asked", within=90)
    told = kubectl("logs", name).stdout
    assert "Succeeded" == phase(kubectl, name), told
    assert '"gitVersion": "v1.' in told


def test_what_runs_in_a_container_outlives_kubelet_and_containerd(cluster: Cluster, kubectl: Kubectl) -> None:
    node = cluster.nodes[0]
    kubectl("create", "--filename=-", input=pod("lasting", node.name, "kite-operator.dev/pause:1"))
    eventually(lambda: phase(kubectl, "lasting") == "Running", "the pod runs", within=90)
    container = "--output=jsonpath={.status.containerStatuses[0].containerID}"
    before = kubectl("get", "pod", "lasting", container).stdout
    for program in ("kubelet", "containerd"):
        node.kill(program)
        assert program not in node.running
    for program in ("containerd", "kubelet"):
        node.start(program)
    node.wait_ready()
    kubectl("delete", "pod", "asking-on-node-1", "--ignore-not-found")  # kubelet works again: it lets a pod go
    assert ("Running", before) == (phase(kubectl, "lasting"), kubectl("get", "pod", "lasting", container).stdout)


def test_the_machine_s_kernel_is_left_as_it_was(cluster: Cluster, kernel_before: list[str]) -> None:
    believed = [cluster.nodes[0].inside.run("cat", f"/proc/sys/{each}").strip() for each in TUNED]
    assert ["10", "1"] == believed  # kubelet did set what it sets
    assert kernel_before == [Path("/proc/sys", each).read_text() for each in TUNED]


def test_nothing_of_a_lost_node_is_left_behind_and_the_other_goes_on(cluster: Cluster, kubectl: Kubectl) -> None:
    node = cluster.add_node()
    kubectl("create", "--filename=-", input=pod("lost", node.name, "kite-operator.dev/pause:1"))
    eventually(lambda: phase(kubectl, "lost") == "Running", "the pod runs", within=90)
    pids, groups = processes_of(node), control_groups(node)
    assert len(pids) >= 7  # the first, four programs, and the pod's two
    assert groups
    cluster.lose(node)
    wait_for_end(pids)
    assert not node.folder.exists()
    assert [] == control_groups(node)
    cluster.nodes[1].wait_ready()


def test_kill_9_of_the_owner_leaves_no_process_no_interface_no_control_group_and_no_folder() -> None:
    tests = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=tests) as owner:  # noqa: S603 - ours
        assert owner.stdout is not None
        seen = json.loads(owner.stdout.readline())
        assert seen["link"] in links()
        owner.kill()
    wait_for_end(seen["pids"])
    eventually(lambda: seen["link"] not in links(), "the interface is gone")
    eventually(lambda: not Path(seen["folder"]).exists(), "the folder is gone")
    assert [] == list(Path("/sys/fs/cgroup").glob(f"**/{seen['cgroup']}"))
