"""Helm with a test's values: what it renders, and releases on a control plane."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "kite-operator"
RELEASE = "kite-operator"
Manifest = dict[str, Any]
Values = Mapping[str, Any]


class HelmError(Exception):
    """Helm refused; the message is what it wrote to its standard error."""


@dataclass(slots=True)
class Helm:
    """Helm, with everything that it keeps in `folder`."""

    program: Path
    folder: Path
    _rendered: dict[str, list[Manifest]] = field(default_factory=dict)

    def run(self, *arguments: str, values: Values | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Its standard output; HelmError when it does not like something."""
        homes = {f"HELM_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("HELM_") and name != "KUBECONFIG"
        }
        given = () if values is None else ("--values", "-")
        finished = subprocess.run(  # noqa: S603 - the resolved helm with a test's arguments
            [str(self.program), *arguments, *given],
            input=None if values is None else json.dumps(values),
            env={**inherited, **homes, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if finished.returncode != 0:
            raise HelmError(finished.stderr)
        return finished.stdout

    def render(self, values: Values | None = None, *, namespace: str = "kite-operator") -> list[Manifest]:
        """What the chart makes of these values, in a release called kite-operator."""
        key = json.dumps([values, namespace])
        if key not in self._rendered:
            text = self.run("template", RELEASE, str(CHART), "--namespace", namespace, values=values or {})
            self._rendered[key] = [each for each in yaml.safe_load_all(text) if each]
        return [yaml.safe_load(yaml.safe_dump(each)) for each in self._rendered[key]]


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Those of these kinds."""
    return [each for each in manifests if each["kind"] in kinds]


def one(manifests: Iterable[Manifest], kind: str, name: str = "") -> Manifest:
    """The one of this kind (and name)."""
    (found,) = [each for each in of_kind(manifests, kind) if name in ("", each["metadata"]["name"])]
    return found


def container(manifests: Iterable[Manifest]) -> Manifest:
    """The operator's container."""
    pods = [each["spec"]["template"]["spec"] for each in of_kind(manifests, "Deployment")]
    (found,) = [each for pod in pods for each in pod["containers"] if each["name"] == "operator"]
    return dict(found)


def arguments(manifests: Iterable[Manifest]) -> dict[str, str]:
    """The operator's flags as its settings know them: `log_format` and what it is set to."""
    _, *flags = container(manifests)["args"]
    split = (each.removeprefix("--").partition("=") for each in flags)
    return {name.replace("-", "_"): value for name, _, value in split}


def grants(rules: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of every rule."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
