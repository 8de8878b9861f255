"""The scrape job of docs/monitoring.md keeps the operator's pods by their metrics port, as deploy/ has them."""

import re
from pathlib import Path
from typing import Any

import yaml

from support.documents import blocks, page

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MANIFESTS = sorted(path for folder in ("base", "overlays/sandbox") for path in (DEPLOY / folder).rglob("*.yaml"))
[JOB] = [
    job
    for block in map(yaml.safe_load, blocks(page("docs/monitoring.md"), "yaml"))
    for job in block.get("scrape_configs", [])
]


def pods() -> dict[str, Any]:
    found = [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text()) if each]
    return {each["metadata"]["name"]: each["spec"]["template"] for each in found if each["kind"] == "Deployment"}


def is_kept(pod: dict[str, Any], port: str) -> bool:
    """As Prometheus relabels: the values joined by `;`, and the whole of them matched."""
    labels = pod["metadata"]["labels"]
    meta = {f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}": labels[name] for name in labels}
    meta["__meta_kubernetes_pod_container_port_name"] = port
    [rule] = [each for each in JOB["relabel_configs"] if each.get("action") == "keep"]
    return bool(re.fullmatch(rule["regex"], ";".join(meta.get(name, "") for name in rule["source_labels"])))


def test_the_operator_s_metrics_port_is_kept_and_nothing_else() -> None:
    ports = [
        (name, port["name"])
        for name, pod in pods().items()
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if is_kept(pod, port["name"])
    ]
    assert [("kite-operator", "metrics")] == ports
    assert len(pods()) > 1, "the sandbox's pods are there to be left out"


def test_it_lets_the_credentials_keep_their_namespace_and_gives_the_process_s_series_theirs() -> None:
    assert JOB["honor_labels"]
    assert "namespace" in [each.get("target_label") for each in JOB["relabel_configs"]]


def test_another_port_of_the_same_pod_is_not_kept() -> None:
    assert not is_kept(pods()["kite-operator"], "login")
