"""The chart as an archive and the install in one file, that name the published images by their digests, and the wheel.

In the repository both name images without a registry: only a release knows where its images are. The wheel is for pods
that use `kite_token`. Each is the same from any checkout.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

from image.inputs import LONG_AGO
from release.places import current

_REFERENCE: Final = re.compile(r"(?P<repository>[a-z0-9.:/_-]+)@(?P<digest>sha256:[0-9a-f]{64})")
_REPOSITORY: Final = re.compile(r"(?m)^(?P<key> +repository: )(?P<name>[\w-]+)$")
_ANNOTATIONS: Final = re.compile(r"(?m)^annotations:\n")
_MANIFEST: Final = re.compile(r"(?P<key>image: )(?P<name>kite-operator(?:-[a-z]+)?):\S+")


class Unnamed(Exception):
    """An image of the chart or the manifest has no published reference, or one that is none."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The program that packages, and the time that archived files get: Helm takes that of the checkout otherwise."""

    helm: Path
    kubectl: Path
    when: int = LONG_AGO


def package(root: Path, programs: Programs, images: Mapping[str, str], into: Path) -> list[Path]:
    """Write them. `images` has `repository@sha256:…` by the name that stands in the chart. Raises Unnamed."""
    into.mkdir(exist_ok=True)
    manifest = into / "kite-operator.yaml"
    manifest.write_text(_manifest(root / "deploy" / "overlays" / "cluster", programs.kubectl, images))
    return [_chart(root / "charts" / "kite-operator", programs, images, into), manifest, _wheel(root, programs, into)]


def with_repositories(values: str, images: Mapping[str, str]) -> str:
    """values.yaml with the repositories of what is published. Raises Unnamed."""
    text, count = _REPOSITORY.subn(lambda match: match["key"] + _published(match["name"], images)[0], values)
    if count != len(images):
        raise Unnamed(f"values.yaml names {count} images, not {len(images)}")
    return text


def with_digests(chart: str, images: Mapping[str, str]) -> str:
    """Chart.yaml with the digests of what is published: annotations, which a person's tag need not empty first."""
    lines = [f"  digest.kite-operator.dev/{name}: {_published(name, images)[1]}\n" for name in images]
    return _ANNOTATIONS.sub(lambda match: match[0] + "".join(lines), chart, count=1)


def _chart(chart: Path, programs: Programs, images: Mapping[str, str], into: Path) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(chart, Path(folder) / chart.name))
        for name, told in (("values.yaml", with_repositories), ("Chart.yaml", with_digests)):
            (copy / name).write_text(told((copy / name).read_text(), images))
        for path in copy.rglob("*"):
            os.utime(path, (programs.when, programs.when))
        done = _run([str(programs.helm), "package", str(copy), "--destination", str(into)])
    return Path(done.rpartition(":")[2].strip())


def _wheel(root: Path, programs: Programs, into: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(programs.when)}
    _run(command, cwd=root, env=environment)
    return into / f"kite_operator-{Version(current(root))}-py3-none-any.whl"


def _manifest(overlay: Path, kubectl: Path, images: Mapping[str, str]) -> str:
    text = _run([str(kubectl), "kustomize", str(overlay)])
    return _MANIFEST.sub(lambda match: match["key"] + "@".join(_published(match["name"], images)), text)


def _published(name: str, images: Mapping[str, str]) -> tuple[str, str]:
    found = _REFERENCE.fullmatch(images.get(name, ""))
    if found is None:
        raise Unnamed(f"{name} needs a reference repository@sha256:…, not {images.get(name)!r}")
    return found["repository"], found["digest"]


def _run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd, env=env)  # noqa: S603 - ours
    return done.stdout
