"""Write the made parts of the chart, or with --check say which are not as they would be written."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from chart.readme import with_table
from chart.schema import schema
from chart.values import Undescribed, read

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "kite-operator"
MONITORING = ROOT / "deploy" / "monitoring"


def parts() -> Iterator[tuple[Path, str]]:
    """Each made file and what belongs into it."""
    values = read((CHART / "values.yaml").read_text())
    yield CHART / "values.schema.json", json.dumps(schema(values), indent=2) + "\n"
    yield CHART / "README.md", with_table((CHART / "README.md").read_text(), values)
    yield from copies()


def copies() -> Iterator[tuple[Path, str]]:
    """What is kept in deploy/, for Helm reads nothing outside of a chart."""
    files = CHART / "files"
    yield files / "kitecredentials.yaml", (ROOT / "deploy" / "crd" / "kitecredentials.yaml").read_text()
    yield files / "rollout-policy.yaml", (ROOT / "deploy" / "rollout" / "validatingadmissionpolicy.yaml").read_text()
    rule = MONITORING / "prometheus-operator" / "prometheusrule.yaml"
    if rule.exists():
        yield files / "monitoring" / "prometheusrule.yaml", rule.read_text()
    for dashboard in sorted((MONITORING / "grafana" / "dashboards").glob("*.json")):
        yield files / "monitoring" / "dashboards" / dashboard.name, dashboard.read_text()


def left_over(made: frozenset[Path]) -> list[Path]:
    """Copies of what is no longer there."""
    return [path for path in sorted((CHART / "files").rglob("*")) if path.is_file() and path not in made]


def main(arguments: list[str]) -> int:
    """Write or check."""
    try:
        made = dict(parts())
    except Undescribed as error:
        print(error, file=sys.stderr)
        return 1
    changed = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    gone = left_over(frozenset(made))
    if arguments == ["--check"]:
        for path in (*changed, *gone):
            print(f"{path.relative_to(ROOT)} is out of step: run `make chart`", file=sys.stderr)
        return 1 if changed or gone else 0
    for path in gone:
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path])
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
