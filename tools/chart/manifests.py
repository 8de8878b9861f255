"""The manifests for kustomize, rendered from the chart, so that there is one source of both."""

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

RELEASE: Final = "kite-operator"
Manifest = dict[str, Any]

VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "cluster": {},
    "namespaced": {"namespaces": ["trading"]},
    "sandbox": {"sandbox": {"enabled": True}},
    "monitoring": {
        "monitoring": {
            "serviceMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboards": {"enabled": True},
        }
    },
}
"""The overlays, and the values of the chart that give the same."""
LOGIN_PAGE: Final = "https://kite-login.example.com"
"""The address of a login page, which each install has to say."""
COMPONENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "login-page": {"login": {"enabled": True}, "settings": {"loginPublicUrl": LOGIN_PAGE}},
    "reports": {"report": {"enabled": True}},
    "rollout-restarts": {"rollout": {"enabled": True}},
}
"""What can be added to an overlay, and the values of the chart that add the same."""
_OF_HELM: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def is_watching(each: Manifest) -> bool:
    """The rights on what is watched: they differ between an install for the cluster and one for namespaces."""
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    return each["kind"] in kinds and each["metadata"]["name"] == RELEASE


def is_crd(each: Manifest) -> bool:
    """deploy/crd has it."""
    return bool(each["kind"] == "CustomResourceDefinition")


def _is_sandbox(each: Manifest) -> bool:
    return str(each["metadata"]["name"]).startswith(f"{RELEASE}-sandbox")


def _is_monitor(each: Manifest) -> bool:
    return bool(each["kind"] == "ServiceMonitor")


def _is_login(each: Manifest) -> bool:
    return each["kind"] == "Service" and str(each["metadata"]["name"]).endswith("-login")


def _is_report(each: Manifest) -> bool:
    return each["kind"] == "Service" and str(each["metadata"]["name"]).endswith("-report")


def _is_policy(each: Manifest) -> bool:
    return str(each["kind"]).startswith("ValidatingAdmissionPolicy")


def _is_base(each: Manifest) -> bool:
    return not is_watching(each) and not is_crd(each)


FILES: Final[Mapping[str, tuple[str, Callable[[Manifest], bool]]]] = {
    "base/operator.yaml": ("cluster", _is_base),
    "overlays/cluster/rbac.yaml": ("cluster", is_watching),
    "overlays/namespaced/rbac.yaml": ("namespaced", is_watching),
    "overlays/sandbox/sandbox.yaml": ("sandbox", _is_sandbox),
    "overlays/monitoring/servicemonitor.yaml": ("monitoring", _is_monitor),
    "components/login-page/service.yaml": ("login-page", _is_login),
    "components/reports/service.yaml": ("reports", _is_report),
    "components/rollout-restarts/policy.yaml": ("rollout-restarts", _is_policy),
}
"""Each made file under deploy/: the variant or component, and what of it belongs there."""


def made(helm: Path, chart: Path, deploy: Path) -> Iterator[tuple[Path, str]]:
    """Each made file and its text."""
    rendered = {name: render(helm, chart, values) for name, values in {**VARIANTS, **COMPONENTS}.items()}
    for name, (variant, belongs) in FILES.items():
        yield deploy / name, _text(filter(belongs, rendered[variant]))


def render(helm: Path, chart: Path, values: Mapping[str, Any]) -> list[Manifest]:
    """Return what the chart makes of the values, without the labels that are Helm's own."""
    text = subprocess.run(  # noqa: S603 - the resolved helm
        [str(helm), "template", RELEASE, str(chart), "--namespace", RELEASE, "--values", "-"],
        input=yaml.safe_dump(dict(values)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [without_helm(each) for each in yaml.safe_load_all(text) if each]


def without_helm(value: Any) -> Any:
    """The same without Helm's labels and annotations, at any depth."""
    if isinstance(value, dict):
        kept = {key: without_helm(each) for key, each in value.items() if key not in _OF_HELM}
        return {key: each for key, each in kept.items() if each != {} or value[key] == {}}
    return [without_helm(each) for each in value] if isinstance(value, list) else value


def _text(manifests: Iterable[Manifest]) -> str:
    return "# Written by `make manifest` from charts/kite-operator: do not edit.\n" + yaml.safe_dump_all(
        manifests, sort_keys=False, width=120
    )
