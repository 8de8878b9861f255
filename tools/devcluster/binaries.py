"""The programs that are built from source: the control plane's, a node's, and those that test chart and workflows.

Where their source is, and how old one that was found elsewhere may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

_GO_MODULES: Final = Path(__file__).resolve().parents[1] / "go"
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class GoModule:
    """One of our Go tool modules.

    `name` is its folder under tools/go; `requirement` the module that its go.mod pins, whose version is the version
    of the programs; `version_packages` the Go packages whose variables gitVersion, gitMajor and gitMinor say that
    version, and `version_variable` the one variable that does; `variables` are further ones, as NAME=VALUE.
    """

    name: str
    requirement: str
    version_packages: tuple[str, ...] = ()
    version_variable: str = ""
    variables: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Return where its go.mod and go.sum are."""
        return _GO_MODULES / self.name

    @property
    def version(self) -> str:
        """The pinned version, such as v1.36.3, read from go.mod: the one place that says it."""
        found = re.search(rf"^(?:require)?\s+{re.escape(self.requirement)} (v\S+)", self._go_mod(), re.MULTILINE)
        if found is None:
            raise LookupError(f"{self.folder / 'go.mod'} requires no {self.requirement}")
        return found[1]

    @property
    def go_version(self) -> Version:
        """The oldest Go that builds it, from go.mod."""
        found = re.search(r"^go (\S+)$", self._go_mod(), re.MULTILINE)
        if found is None:
            raise LookupError(f"{self.folder / 'go.mod'} has no go line")
        return parse_version(found[1])

    @property
    def linker_flags(self) -> str:
        """Without the version strings kubectl and API discovery say v0.0.0."""
        major, minor, _ = parse_version(self.version)
        strings = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor}
        settings = [
            f"-X {package}.{key}={value}" for package in self.version_packages for key, value in strings.items()
        ]
        if self.version_variable:
            settings.append(f"-X {self.version_variable}={self.version}")
        settings += [f"-X {each}" for each in self.variables]
        return " ".join(["-s -w", *settings])

    def _go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()


@dataclass(frozen=True, slots=True)
class Binary:
    """One program.

    `package` is what Go builds; `minutes` about how long that takes from cold on two cores; `version_arguments` make
    the program print its version; `minimum` is the oldest version that is used when a program is found outside of our
    own cache.
    """

    name: str
    module: GoModule
    package: str
    minutes: float
    minimum: Version
    version_arguments: tuple[str, ...] = ("--version",)


KUBERNETES: Final = GoModule(
    "kubernetes", "k8s.io/kubernetes", ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
)
NODE: Final = GoModule("node", "github.com/coredns/coredns")
ETCD: Final = GoModule("etcd", "go.etcd.io/etcd/server/v3")
HELM: Final = GoModule("helm", "helm.sh/helm/v4", version_variable="helm.sh/helm/v4/internal/version.version")
GITOPS: Final = GoModule("gitops", "github.com/yuin/gopher-lua", version_variable="main.version")
# Without them Helm 3 takes the cluster that it renders for to be a v1.20; its own releases set them to its client-go's.
_HELM3_KUBERNETES: Final = tuple(
    f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}"
    for package in ("chartutil", "lint/rules")
    for part in ("Major=1", "Minor=37")
)
HELM3: Final = GoModule(
    "helm3",
    "helm.sh/helm/v3",
    version_variable="helm.sh/helm/v3/internal/version.version",
    variables=_HELM3_KUBERNETES,
)
ACTIONLINT: Final = GoModule(
    "actionlint", "github.com/rhysd/actionlint", version_variable="github.com/rhysd/actionlint.version"
)
KUBECONFORM: Final = GoModule("kubeconform", "github.com/yannh/kubeconform", version_variable="main.version")

# The Kubernetes programs are found one by one, so one that was found may meet one that was built: Kubernetes supports
# one minor release between them, hence one below the pinned v1.36.
_KUBERNETES_MINIMUM: Final = (1, 35, 0)
# kube-apiserver serves consistent reads from its cache with the progress notifications that etcd gets right from here
# on.
_ETCD_MINIMUM: Final = (3, 5, 13)


def _kubernetes(name: str, minutes: float, version_arguments: tuple[str, ...] = ("--version",)) -> Binary:
    return Binary(name, KUBERNETES, f"k8s.io/kubernetes/cmd/{name}", minutes, _KUBERNETES_MINIMUM, version_arguments)


BINARIES: Final[Mapping[str, Binary]] = MappingProxyType(
    {
        binary.name: binary
        for binary in (
            Binary("etcd", ETCD, "go.etcd.io/etcd/server/v3", 0.75, _ETCD_MINIMUM),
            _kubernetes("kube-apiserver", 3),
            _kubernetes("kubectl", 0.5, ("version", "--client")),
            _kubernetes("kube-controller-manager", 1),
            _kubernetes("kube-scheduler", 0.5),
            _kubernetes("kube-proxy", 0.5),
            _kubernetes("kubelet", 3),
            Binary("coredns", NODE, "kite-operator.dev/tools/node/coredns", 1.5, (1, 11, 0), ("-version",)),
            # Ours alone: another program of this name would not say a version.
            Binary("pause", NODE, "kite-operator.dev/tools/node/pause", 0.1, (0, 0, 0)),
            # Ours: it judges health as Argo CD and Flux do. Its version is that of the Lua in it.
            Binary("gitops-health", GITOPS, "kite-operator.dev/tools/gitops", 1.5, (1, 1, 2), ("-v",)),
            # The chart is for Helm 3 too: its tests take whichever is found, and one of them takes Helm 3.
            Binary("helm", HELM, "helm.sh/helm/v4/cmd/helm", 3, (3, 17, 0), ("version", "--short")),
            Binary("helm3", HELM3, "helm.sh/helm/v3/cmd/helm", 3, (3, 17, 0), ("version", "--short")),
            Binary(
                "actionlint", ACTIONLINT, "github.com/rhysd/actionlint/cmd/actionlint", 0.5, (1, 7, 12), ("-version",)
            ),
            Binary("kubeconform", KUBECONFORM, "github.com/yannh/kubeconform/cmd/kubeconform", 0.5, (0, 6, 7), ("-v",)),
        )
    }
)
CONTROL_PLANE: Final = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager")
NODE_PROGRAMS: Final = ("kube-scheduler", "kubelet", "kube-proxy", "coredns", "pause")
"""What a node needs beside the control plane."""
CHART: Final = ("helm", "kubeconform")
"""What tests the chart."""


def parse_version(text: str) -> Version:
    """The first x.y.z (or x.y, read as x.y.0) in `text`; ValueError when there is none."""
    found = _VERSION.search(text) or re.search(r"(\d+)\.(\d+)", text)
    if found is None:
        raise ValueError(f"no version in {text[:80]!r}")
    major, minor, *patch = (int(number) for number in found.groups())
    return major, minor, patch[0] if patch else 0
