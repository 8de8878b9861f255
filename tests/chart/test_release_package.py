"""What a release attaches: the chart and the install manifest name the published images by digest; the wheel."""

import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from devcluster.resolve import Resolver
from kite_operator import __version__
from release.package import Programs, Unnamed, package, with_repositories
from support.documents import ROOT
from support.helm import CHART, Helm, Manifest, of_kind

IMAGES = {
    "kite-operator": f"ghcr.io/example/kite-operator@sha256:{'a' * 64}",
    "kite-operator-sandbox": f"ghcr.io/example/kite-operator-sandbox@sha256:{'b' * 64}",
}


class Made(NamedTuple):
    chart: Path
    manifest: Path
    wheel: Path


@pytest.fixture(scope="module")
def programs() -> Programs:
    found = Resolver().resolve(["helm", "kubectl"])
    return Programs(found["helm"], found["kubectl"])


@pytest.fixture(scope="module")
def made(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(*package(ROOT, programs, IMAGES, tmp_path_factory.mktemp("dist")))


def images(manifests: list[Manifest]) -> set[str]:
    pods = [each["spec"]["template"]["spec"] for each in of_kind(manifests, "Deployment")]
    return {container["image"] for pod in pods for container in pod["containers"]}


def test_the_archive_of_the_chart_has_the_version_and_the_published_images(helm: Helm, made: Made) -> None:
    chart = made.chart
    assert f"kite-operator-{__version__}.tgz" == chart.name
    values = json.dumps({"sandbox": {"enabled": True}})
    text = helm.run("template", "some", str(chart), values=json.loads(values))
    assert set(IMAGES.values()) == images([each for each in yaml.safe_load_all(text) if each])


@pytest.mark.parametrize("program", ["helm", "helm3"])
def test_a_tag_or_a_digest_of_ones_own_wins_over_the_published_digest(program: str, made: Made, tmp_path: Path) -> None:
    helm = Helm(Resolver().resolve([program])[program], tmp_path)
    digest = f"sha256:{'c' * 64}"
    asked: dict[str, dict[str, str]] = {
        "ghcr.io/example/kite-operator:1.2.3-tracing": {"tag": "1.2.3-tracing"},
        f"ghcr.io/example/kite-operator@{digest}": {"tag": "1.2.3-tracing", "digest": digest},
        IMAGES["kite-operator"].replace("ghcr.io", "mirror"): {"repository": "mirror/example/kite-operator"},
    }
    for expected, image in asked.items():
        text = helm.run("template", "some", str(made.chart), values={"image": image})
        assert {expected} == images([each for each in yaml.safe_load_all(text) if each])


def test_the_manifest_has_the_published_image(made: Made) -> None:
    manifests = [each for each in yaml.safe_load_all(made.manifest.read_text()) if each]
    assert {IMAGES["kite-operator"]} == images(manifests)
    assert ["kitecredentials.kite-operator.dev"] == [
        each["metadata"]["name"] for each in of_kind(manifests, "CustomResourceDefinition")
    ]


def test_the_chart_in_the_repository_is_left_as_it_is(made: Made) -> None:
    assert made
    assert "ghcr.io" not in (CHART / "values.yaml").read_text()
    assert "sha256" not in (CHART / "Chart.yaml").read_text()


def test_another_checkout_gives_the_same_bytes(programs: Programs, made: Made, tmp_path: Path) -> None:
    for folder in ("charts", "deploy", "operator"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
    again = package(tmp_path, programs, IMAGES, tmp_path / "dist")
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in again]


def test_the_wheel_has_the_librarys_code_and_its_licence_and_asks_for_the_official_client_only(made: Made) -> None:
    with zipfile.ZipFile(made.wheel) as wheel:
        names = set(wheel.namelist())
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        required = re.findall(r"(?m)^Requires-Dist: (.*)$", wheel.read(metadata).decode())
    assert "kite_token/__init__.py" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {"kite_operator", "kite_sandbox", "kite_token"} == {
        each.split("/")[0] for each in names if "dist-info" not in each
    }
    assert ["kiteconnect"] == [re.split("[<>=;]", each)[0] for each in required if "extra ==" not in each]


@pytest.mark.parametrize(
    "reference", ["", "ghcr.io/example/kite-operator:1.2.3", f"ghcr.io/example/x@sha256:{'a' * 63}", "x@latest"]
)
def test_an_image_without_a_digest_is_not_released(reference: str) -> None:
    with pytest.raises(Unnamed, match="kite-operator needs a reference"):
        with_repositories((CHART / "values.yaml").read_text(), {**IMAGES, "kite-operator": reference})


def test_an_image_that_the_chart_does_not_name_is_not_released() -> None:
    with pytest.raises(Unnamed, match="names 2 images, not 3"):
        with_repositories((CHART / "values.yaml").read_text(), {**IMAGES, "other": IMAGES["kite-operator"]})
