"""Write the made parts of the chart, or with --check say which are not as they would be written.

With --manifests those of deploy/ that are made of the chart, and the install in one file: for these Helm is needed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from chart.manifests import made as made_manifests
from chart.readme import with_table
from chart.schema import schema
from chart.values import Undescribed, read
from devcluster.errors import DevclusterError
from devcluster.resolve import Resolver

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "kite-operator"
DEPLOY = ROOT / "deploy"
MONITORING = DEPLOY / "monitoring"
ONE_FILE = ROOT / "dist" / "kite-operator.yaml"


def parts() -> Iterator[tuple[Path, str]]:
    """Each made file and what belongs into it."""
    values = read((CHART / "values.yaml").read_text())
    yield CHART / "values.schema.json", json.dumps(schema(values), indent=2) + "\n"
    yield CHART / "README.md", with_table((CHART / "README.md").read_text(), values)
    yield from copies()


def copies() -> Iterator[tuple[Path, str]]:
    """Yield what is kept in deploy/, for Helm reads nothing outside of a chart."""
    files = CHART / "files"
    yield files / "kitecredentials.yaml", (DEPLOY / "crd" / "kitecredentials.yaml").read_text()
    yield files / "rollout-policy.yaml", (DEPLOY / "rollout" / "validatingadmissionpolicy.yaml").read_text()
    rule = MONITORING / "prometheus-operator" / "prometheusrule.yaml"
    if rule.exists():
        yield files / "monitoring" / "prometheusrule.yaml", rule.read_text()
    for dashboard in sorted((MONITORING / "grafana" / "dashboards").glob("*.json")):
        yield files / "monitoring" / "dashboards" / dashboard.name, dashboard.read_text()


def left_over(made: frozenset[Path]) -> list[Path]:
    """Copies of what is no longer there."""
    return [path for path in sorted((CHART / "files").rglob("*")) if path.is_file() and path not in made]


def write_manifests() -> None:
    """deploy/ from the chart, and the whole install in one file."""
    programs = Resolver().resolve(["helm", "kubectl"])
    _write(dict(made_manifests(programs["helm"], CHART, DEPLOY)))
    ONE_FILE.parent.mkdir(exist_ok=True)
    ONE_FILE.write_text(one_file(programs["kubectl"]))
    print(f"written: {ONE_FILE.relative_to(ROOT)}")


def one_file(kubectl: Path) -> str:
    """The overlay `cluster` in one text: what a release offers for download."""
    overlay = [str(kubectl), "kustomize", str(DEPLOY / "overlays" / "cluster")]
    return subprocess.run(overlay, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our kubectl


def main(arguments: list[str]) -> int:
    """Write or check."""
    try:
        if arguments == ["--manifests"]:
            write_manifests()
            return 0
        made = dict(parts())
    except (Undescribed, DevclusterError) as error:
        print(error, file=sys.stderr)
        return 1
    gone = left_over(frozenset(made))
    if arguments == ["--check"]:
        wrong = [*_changed(made), *gone]
        for path in wrong:
            print(f"{path.relative_to(ROOT)} is out of step: run `make chart`", file=sys.stderr)
        return 1 if wrong else 0
    for path in gone:
        path.unlink()
    _write(made)
    return 0


def _changed(made: Mapping[Path, str]) -> list[Path]:
    return [path for path, text in made.items() if not path.exists() or path.read_text() != text]


def _write(made: Mapping[Path, str]) -> None:
    for path in _changed(made):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path])
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
