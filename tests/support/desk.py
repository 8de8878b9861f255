"""A desk as its owners have it: the chart installed in a real cluster, a broker, a KiteCredential, and pods that trade.

The operator's image and the chart are as they are released. Two things are the tests': the broker is the sandbox, by
the chart's own manifest in a namespace of its own, and the operator's one clock is a file that the tests move.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from image import Target, build
from node import Cluster, Node, archive
from support.controlplane import Kubectl
from support.documents import ROOT
from support.helm import Helm, Values
from support.releases import RESTRICTED, Release
from support.sandbox import START, Sandbox
from support.world import Api

OPERATOR, TRADING, BROKER = "kite-operator", "trading", "broker"
CLIENT_ID = "CD5678"
_HERE = ROOT / "tests" / "e2e" / "pod"
_TRADER_IMAGE = "registry.example.com/trader:1"
_API, _LOGIN = (f"http://kite-operator-sandbox.{BROKER}.svc:{port}" for port in (9010, 9011))
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0


@dataclass(slots=True)
class Setup:
    """The desk. `figures` is what was measured, for whoever reads the run."""

    cluster: Cluster
    kubectl: Kubectl
    api: Api
    release: Release
    sandbox: Sandbox
    images: tuple[Path, ...]
    today: datetime
    figures: dict[str, str] = field(default_factory=dict)

    # Coming to be

    @classmethod
    def prepare(cls, cluster: Cluster, helm: Helm, folder: Path) -> "Setup":
        """Everything but the operator and what it serves: images on the nodes, namespaces, and the broker."""
        kubectl = Kubectl(cluster.plane)
        operator, sandbox = build(Target.OPERATOR), build(Target.SANDBOX)
        trader = folder / "trader.tar"
        archive.extend(trader, _TRADER_IMAGE, operator.archive, _trader_files())
        images = (operator.archive, sandbox.archive, trader)
        for each in images:
            cluster.load(each)
        release = Release.prepare(helm, kubectl, OPERATOR)
        for namespace in (TRADING, BROKER):
            kubectl("create", "namespace", namespace)
            kubectl("label", "namespace", namespace, RESTRICTED)
        noon = START.replace(hour=12)
        api = Api(cluster.plane.kubeconfig)
        made = cls(cluster, kubectl, api, release, _broker(kubectl, helm, api), images, noon)
        made.create_clock()
        return made

    def create_clock(self) -> None:
        """The ConfigMaps that move the operator's clock: what is loaded, and the time that new pods begin with."""
        modules = {"sitecustomize.py": _HERE / "sitecustomize.py", "movable.py": ROOT / "tests/support/movable.py"}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "test-clock", "namespace": OPERATOR},
                "data": {"offset": "0", **{name: path.read_text() for name, path in modules.items()}},
            }
        )
        self.set_clock(self.today)

    def values(self, **settings: object) -> Values:
        """What the release is installed with: the broker's addresses, and the clock."""
        where = {"name": "test-clock", "mountPath": "/clock", "readOnly": True}
        items = [{"key": key, "path": path} for key, path in _CLOCK_FILES.items()]
        return {
            # An answer that a test holds back is waited for as long as the operator can.
            "settings": {"apiUrl": _API, "loginUrl": _LOGIN, "brokerTimeoutSeconds": 30, **settings},
            "extraEnv": [{"name": "PYTHONPATH", "value": "/clock:/app/operator:/app/packages"}],
            "extraVolumes": [{"name": "test-clock", "configMap": {"name": "test-clock", "items": items}}],
            "extraVolumeMounts": [where],
        }

    def install(self) -> None:
        """`helm install`, the samples, the example that trades, and the meter; returns when a pod trades."""
        began = time.monotonic()
        self.release.install(self.values())
        self.kubectl("apply", "--namespace", TRADING, "--filename=-", input=sample())
        self.wait_ready(within=240)
        self.figures["helm install to KiteCredential Ready"] = f"{time.monotonic() - began:.1f} s"
        for deployment in deployments():
            self.apply(deployment)
        self.until(lambda: "cash" in self.logs("trader"), "the example trades")
        self.until(lambda: "good" in self.logs("meter"), "the meter runs")
        self.figures["helm install to the first trade"] = f"{time.monotonic() - began:.1f} s"

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """`kubectl apply`."""
        self.kubectl("apply", "--filename=-", input=yaml.safe_dump_all(manifests))

    # Time

    def set_clock(self, moment: datetime) -> None:
        """Move the clocks of the broker and of every replica, at once; and of those that are yet to start."""
        self.today = moment
        offset = moment.timestamp() - time.time()
        files = [file for pod in self.replicas() if (file := self._clock_of(pod)) is not None]
        for file in files:
            fresh = file.with_name("offset.new")
            fresh.write_text(str(offset))
            fresh.rename(file)
        self.sandbox.set_offset(offset)
        self.api.patch(f"/api/v1/namespaces/{OPERATOR}/configmaps/test-clock", {"data": {"offset": str(offset)}})

    def next_morning(self) -> float:
        """Move past 06:00 and the scheduled refresh: eight in the morning. Returns when (Unix time) the token died."""
        self.set_clock((self.today + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0))
        return time.time()

    def _clock_of(self, pod: Mapping[str, Any]) -> Path | None:
        """The file in the pod's emptyDir, on its node."""
        volume = f"lib/kubelet/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~empty-dir/tmp/offset"
        nodes = [node for node in self.cluster.nodes if node.name == pod["spec"].get("nodeName")]
        return nodes[0].folder / volume if nodes and (nodes[0].folder / volume).exists() else None

    # What there is

    def pods(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """The pods of an app that are not on their way out."""
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io/name%3D{name}"
        return [each for each in self.api.get(path)["items"] if "deletionTimestamp" not in each["metadata"]]

    def replicas(self) -> list[dict[str, Any]]:
        """The operator's pods."""
        return self.pods(OPERATOR, "kite-operator")

    def pod(self, name: str) -> dict[str, Any]:
        """The one pod of the trader or of the meter."""
        (found,) = self.pods(TRADING, name)
        return found

    def logs(self, name: str) -> str:
        """What the trader's or the meter's pod has written, each line with its time."""
        with suppress(ValueError):
            return self.kubectl(
                "logs", "--timestamps", f"--namespace={TRADING}", _name(self.pod(name)), check=False
            ).stdout
        return ""

    def leader(self) -> str:
        """The pod that holds the Lease, or nothing."""
        lease = self.api.find(f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR}/leases/kite-operator") or {}
        holder = lease.get("spec", {}).get("holderIdentity") or ""
        return str(holder).rsplit("-", 2)[0]

    def holder(self) -> str:
        """Who holds the Lease: another one after a restart of the same pod."""
        lease = self.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR}/leases/kite-operator")
        return str(lease["spec"].get("holderIdentity") or "")

    def node_of(self, pod: Mapping[str, Any]) -> Node:
        """Where a pod runs."""
        (found,) = [node for node in self.cluster.nodes if node.name == pod["spec"]["nodeName"]]
        return found

    def credential(self, name: str = "alpha") -> dict[str, Any]:
        """The KiteCredential."""
        return self.api.get(f"/apis/kite-operator.dev/v1alpha1/namespaces/{TRADING}/kitecredentials/{name}")

    def token(self) -> str:
        """The access_token of the derived Secret, as base64; nothing when there is none."""
        found = self.api.find(f"/api/v1/namespaces/{TRADING}/secrets/alpha-kite-token") or {}
        return str((found.get("data") or {}).get("access_token", ""))

    def logins(self) -> tuple[int, int, int]:
        """Passwords, codes and exchanges that have reached the broker."""
        counters = self.sandbox.counters(CLIENT_ID)
        return counters.count("login"), counters.count("twofa"), counters.count("session_token")

    def is_ready(self) -> bool:
        """Whether the KiteCredential is ready."""
        found = self.api.find(f"/apis/kite-operator.dev/v1alpha1/namespaces/{TRADING}/kitecredentials/alpha") or {}
        conditions = {each["type"]: each["status"] for each in (found.get("status") or {}).get("conditions", ())}
        return conditions.get("Ready") == "True"

    def answers(self) -> list[tuple[float, str]]:
        """What the meter has seen: the time at which Kite's answer became another one, and which."""
        lines = (line.partition(" ")[2] for line in self.logs("meter").splitlines())
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [(each["at"], each["answer"]) for each in told]

    # Acting

    def give_images(self, node: Node) -> None:
        """What every node has from the beginning."""
        for each in self.images:
            node.load(each)

    def spread(self) -> None:
        """See to it that there is a replica on each node again."""
        self.wait_settled()
        pods = self.replicas()
        if len({pod["spec"]["nodeName"] for pod in pods}) == 1:
            self.kubectl("delete", "pod", f"--namespace={OPERATOR}", _name(pods[0]))
            self.wait_settled()

    def signal(self, pod: Mapping[str, Any], number: int) -> None:
        """Send a signal to a container's process, as its node can."""
        (status,) = pod["status"]["containerStatuses"]
        self.node_of(pod).signal(status["containerID"].partition("://")[2], number)

    def lead_from(self, node: Node) -> dict[str, Any]:
        """See to it that the leader is on this node; returns its pod."""
        self.wait_settled()
        for _ in range(4):
            (leading,) = [pod for pod in self.replicas() if _name(pod) == self.leader()]
            if leading["spec"]["nodeName"] == node.name:
                return leading
            self.kubectl("delete", "pod", f"--namespace={OPERATOR}", _name(leading), "--wait=false")
            self.wait_for_leader_after(_name(leading))
            self.wait_settled()
        raise AssertionError(f"no replica on {node.name} came to lead")

    # Waiting

    def until(self, holds: Callable[[], bool], what: str, within: float = _PATIENCE_SECONDS) -> float:
        """Poll until it holds; returns after how many seconds. What there is is shown when it never does."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > within:
                raise AssertionError(f"never: {what}\n{self.shown()}")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    def wait_ready(self, within: float = _PATIENCE_SECONDS) -> None:
        """Until the KiteCredential is ready."""
        self.until(self.is_ready, "the KiteCredential is ready", within)

    def wait_for_leader_after(self, pod: str) -> float:
        """Until another pod than this one leads; returns after how many seconds."""
        return self.until(lambda: self.leader() not in ("", pod), "another one leads", within=40)

    def wait_gone(self, path: str) -> None:
        """Until there is no such object."""
        self.until(lambda: self.api.find(path) is None, f"{path} is gone")

    def wait_settled(self) -> None:
        """Until two replicas are ready, one of which leads."""

        def settled() -> bool:
            pods = self.replicas()
            return len(pods) == 2 and all(map(is_ready, pods)) and self.leader() in map(_name, pods)

        self.until(settled, "two replicas are ready, and one leads")

    def shown(self) -> str:
        """For a failure: pods, Events, the credential, and the ends of logs."""
        parts = [
            self.kubectl("get", "pods", "--all-namespaces", "--output=wide", check=False).stdout,
            self.kubectl("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp", check=False).stdout[-4000:],
            self.kubectl("get", "kitecredentials", f"--namespace={TRADING}", "--output=yaml", check=False).stdout[
                -3000:
            ],
        ]
        parts += [
            self.kubectl("logs", f"--namespace={OPERATOR}", _name(pod), "--tail=40", check=False).stdout
            for pod in self.replicas()
        ]
        return "\n".join([*parts, self.logs("trader")[-1500:], self.logs("meter")[-1500:]])


_CLOCK_FILES = {"offset": "offset", "sitecustomize.py": "sitecustomize.py", "movable.py": "support/movable.py"}


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is ready, as its probes have it."""
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


def sample() -> str:
    """deploy/samples/totp.yaml, whose credential here is called as the example's."""
    return (ROOT / "deploy/samples/totp.yaml").read_text().replace("bravo", "alpha")


def deployments() -> list[dict[str, Any]]:
    """examples/trader.yaml as it is, but that it is told where Kite is; and the same with the meter instead."""
    made = []
    for name, program in (("trader", None), ("meter", "/app/meter.py")):
        text = (ROOT / "examples/trader.yaml").read_text().replace("name: trader", f"name: {name}")
        deployment = yaml.safe_load(text)
        deployment["metadata"]["namespace"] = TRADING
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        container["env"] = [{"name": "KITE_API_ROOT", "value": _API}]
        if program is not None:
            container["command"] = ["python3", program]
        made.append(deployment)
    return made


def _trader_files() -> dict[str, bytes]:
    """What docs/trading-pods.md puts into an image, in an image that has kiteconnect; and the meter."""
    library = {f"app/operator/kite_token/{each.name}": each for each in (ROOT / "operator/kite_token").glob("*.py")}
    programs = {"app/trader.py": ROOT / "examples/trader.py", "app/meter.py": _HERE / "meter.py"}
    return {name: path.read_bytes() for name, path in {**library, **programs}.items()}


def _broker(kubectl: Kubectl, helm: Helm, api: Api) -> Sandbox:
    """The chart's sandbox, which knows the sample's account; it stays on the first node, which no test takes away."""
    secrets = {each["metadata"]["name"]: each.get("stringData") for each in yaml.safe_load_all(sample())}
    app, login = secrets["alpha-app"], secrets["alpha-login"]
    redirect = "https://kite-login.example.com/callback"
    seed = {"apps": [{**app, "redirect_url": redirect}], "accounts": [{"client_id": CLIENT_ID, **login}]}
    rendered = helm.render({"sandbox": {"enabled": True, "seed": seed}}, namespace=BROKER)
    mine = [each for each in rendered if each["metadata"]["name"].startswith("kite-operator-sandbox")]
    for each in mine:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node-1"}
    kubectl("apply", "--filename=-", input=yaml.safe_dump_all(mine))
    kubectl("rollout", "status", f"--namespace={BROKER}", "deployment/kite-operator-sandbox", "--timeout=120s")
    (pod,) = api.get(f"/api/v1/namespaces/{BROKER}/pods")["items"]
    ports = {"api_url": 9010, "login_url": 9011, "admin_url": 9012}
    return Sandbox(None, {name: f"http://{pod['status']['podIP']}:{port}" for name, port in ports.items()})


def _name(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["name"])
